//! Whatever the world, the requests, and what goes wrong: a promise is kept, and what is told is so.
//!
//! Rounds are drawn from seeds ([`draw`](super::draw)). What is judged is only what the world shows, what
//! the services were asked and what was published; nothing is known here of how the function follows.
//! `FOLLOW_SEED=7` runs one round alone, `FOLLOW_ROUNDS=5000` more of them.

use std::collections::{BTreeMap, BTreeSet};

use countermand_simulator::{AnyRun, Call, Operation, Timestamp, World};
use serde_json::Value;
use tokio::time::Duration;

use super::draw::Round;
use super::stage::{DEAD, Delivery, MOST_RECEIVES, Stage, play};
use crate::services::{self, SERVICES, key_of};

const ROUNDS: u64 = 120;
/// A run that begins so soon after another one was continued continues it.
const CLOSE: Duration = Duration::from_secs(1);

/// Says what is wrong with a round.
type Rule = fn(&Seen) -> Result<(), String>;

const RULES: [(&str, Rule); 6] = [
    ("a follow-up is sent before its promise", sent_before),
    ("each promise has a confirmation, or its follow-up is dead", kept),
    ("there are more only where a delivery was repeated", no_more_than_repeated),
    ("what is confirmed is so, and the time was up where something still runs", so),
    ("nothing was canceled by a follow-up", canceled_by_requests),
    ("what was terminated was meant, or continues it, and had its time", terminated_as_asked),
];

/// What so many rounds must have met, or they prove too little.
const ALL: [&str; 7] =
    ["CONFIRMED", "ENDED_OTHERWISE", "FORCED", "STILL_RUNNING", "dead", "repeated", "killed"];

/// What was seen of a round.
struct Seen {
    told: Vec<Value>,
    confirmations: Vec<Value>,
    dead: Vec<Value>,
    deliveries: Vec<Delivery>,
    calls: Vec<Call>,
    world: World,
}

pub fn check() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse().expect("a number"));
    let rounds = match (number("FOLLOW_SEED"), number("FOLLOW_ROUNDS")) {
        (Some(seed), None) => seed..seed + 1,
        (first, rounds) => first.unwrap_or(0)..first.unwrap_or(0) + rounds.unwrap_or(ROUNDS),
    };
    let enough = rounds.end - rounds.start >= ROUNDS;
    let mut met = BTreeSet::new();
    for seed in rounds {
        let round = Round::draw(seed);
        let seen = play(seed, async || see(&round).await);
        for (rule, check) in RULES {
            if let Err(wrong) = check(&seen) {
                panic!("seed {seed}: expected that {rule}, got: {wrong}\n{round:#?}\n{}", seen.story());
            }
        }
        met.extend(seen.met());
    }
    let missing = ALL.iter().find(|one| !met.contains(**one));
    assert!(missing.is_none() || !enough, "expected to meet {missing:?} among {met:?}");
}

async fn see(round: &Round) -> Seen {
    let allowed = [("COUNTERMAND_TERMINATE", "allow"), ("COUNTERMAND_DEACTIVATE", "allow")];
    let stage = Stage::new(round.world.clone(), &allowed);
    let mut kills = round.kills.clone();
    stage.run_while(round.befall(&stage.simulator), |_| kills.pop().flatten()).await;
    let bodies = |queue| stage.simulator.messages(queue).into_iter().map(|it| it.body).collect::<Vec<_>>();
    let mut confirmations = stage.confirmations();
    // A reply that is lost has the same document published again.
    let mut known = BTreeSet::new();
    confirmations.retain(|confirmation| known.insert(confirmation.to_string()));
    Seen {
        told: stage.told(),
        confirmations,
        dead: bodies(DEAD).iter().filter_map(|body| serde_json::from_str(body).ok()).collect(),
        deliveries: stage.deliveries(),
        calls: stage.simulator.ledger(),
        world: stage.simulator.world(),
    }
}

impl Seen {
    fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (usize, &'a Value)> {
        self.told.iter().enumerate().filter(move |(_, told)| told["type"] == kind)
    }

    fn promises(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.told.iter().enumerate().filter(|(_, told)| told["confirmation"] == "PENDING")
    }

    fn confirmations_of<'a>(&'a self, id: &'a Value) -> impl Iterator<Item = &'a Value> {
        self.confirmations.iter().filter(move |confirmation| confirmation["requestId"] == *id)
    }

    /// How often each message about the request was delivered.
    fn receives(&self, id: &Value) -> impl Iterator<Item = u32> {
        let records = self.deliveries.iter().flat_map(|delivery| &delivery.records);
        let mut times: BTreeMap<&str, u32> = BTreeMap::new();
        for (message, _) in records.filter(|(_, body)| body["requestId"] == *id) {
            *times.entry(message).or_default() += 1;
        }
        times.into_values()
    }

    /// A message about the request does not come again, and what it knows is told if no other can be sent.
    fn is_at_its_end(&self, id: &Value) -> bool {
        self.receives(id).any(|receives| receives == MOST_RECEIVES)
    }

    /// A message about the request was delivered again, or sent again as nobody had heard that it was.
    fn is_repeated(&self, id: &Value) -> bool {
        let mut sent = BTreeSet::new();
        let mut follow_ups = self.of("CancellationFollowUp").filter(|(_, sent)| sent["requestId"] == *id);
        self.receives(id).any(|times| times > 1) || follow_ups.any(|(_, it)| !sent.insert(it.to_string()))
    }

    fn met(&self) -> impl Iterator<Item = String> {
        let statuses = self.confirmations.iter().filter_map(|it| it["status"].as_str());
        let dead = self.dead.iter().filter(|it| it["type"] == "CancellationFollowUp").map(|_| "dead");
        let again =
            self.confirmations.iter().filter(|it| self.confirmations_of(&it["requestId"]).count() > 1);
        let killed = self.deliveries.iter().filter(|delivery| delivery.killed).map(|_| "killed");
        let met = statuses.chain(dead).chain(again.map(|_| "repeated")).chain(killed);
        met.map(str::to_owned).collect::<Vec<_>>().into_iter()
    }

    fn story(&self) -> String {
        let calls = self.calls.iter().map(|call| format!("{} {}", call.operation, call.request));
        let told = self.told.iter().map(Value::to_string);
        calls
            .chain(told)
            .chain(self.dead.iter().map(|dead| format!("dead {dead}")))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn sent_before(seen: &Seen) -> Result<(), String> {
    let unsent = seen.promises().find(|(place, promise)| {
        let mut before = seen.of("CancellationFollowUp").take_while(|(sent, _)| sent < place);
        !before.any(|(_, sent)| sent["requestId"] == promise["requestId"] && sent["check"] == 1)
    });
    unsent.map_or(Ok(()), |(_, promise)| Err(promise.to_string()))
}

fn kept(seen: &Seen) -> Result<(), String> {
    for (_, promise) in seen.promises() {
        let is_it = |told: &&Value| told["requestId"] == promise["requestId"];
        let promises = seen.promises().map(|(_, told)| told).filter(is_it).map(Value::to_string);
        let promises: BTreeSet<String> = promises.collect();
        let dead = seen.dead.iter().filter(is_it).filter(|it| it["type"] == "CancellationFollowUp").count();
        // Of two that are told at the same moment, the documents are the same.
        let confirmed = seen.of("CancellationConfirmation").map(|(_, told)| told).filter(is_it).count();
        if confirmed + dead < promises.len() {
            return Err(format!("{confirmed} confirmations and {dead} dead follow-ups of {promises:#?}"));
        }
    }
    Ok(())
}

fn no_more_than_repeated(seen: &Seen) -> Result<(), String> {
    let unasked = seen.confirmations.iter().find(|it| {
        let id = &it["requestId"];
        let sent = seen.of("CancellationFollowUp").any(|(_, sent)| sent["requestId"] == *id);
        !sent || (seen.confirmations_of(id).count() > 1 && !seen.is_repeated(id))
    });
    unasked.map_or(Ok(()), |it| Err(it.to_string()))
}

fn so(seen: &Seen) -> Result<(), String> {
    let runs = seen.world.runs();
    for confirmation in &seen.confirmations {
        let states: Vec<&Value> = confirmation["executions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|execution| {
                let (id, state) = (&execution["executionId"], &execution["state"]);
                let is_it = |run: &&AnyRun| confirmation["target"]["key"] == *run.key && *id == *run.id;
                let time = confirmation["completedAt"].as_str().and_then(|time| time.parse().ok());
                let had_begun = |run: &&AnyRun| run.started <= time;
                let now = runs.iter().find(is_it).filter(had_begun).map_or("NOT_FOUND", |run| run.state);
                // What has ended stays so; what had not may have by now.
                let open = ["CANCELING", "RUNNING", "UNKNOWN"].iter().any(|open| state == open);
                let true_then = open || *state == now;
                true_then.then_some(state).ok_or_else(|| format!("{id} is {now}, told {confirmation}"))
            })
            .collect::<Result<_, _>>()?;
        let all_canceled = states.iter().all(|state| **state == "CANCELED");
        let one_open =
            states.iter().any(|it| ["CANCELING", "RUNNING", "UNKNOWN"].iter().any(|open| **it == *open));
        // Where the time is up before it is known which runs were reached, none is named.
        let unknown = states.is_empty() && confirmation["status"] == "STILL_RUNNING";
        let status = match (all_canceled, one_open) {
            _ if unknown => "STILL_RUNNING",
            (true, _) => "CONFIRMED",
            (_, true) => "STILL_RUNNING",
            _ if confirmation.get("escalation").is_some() => "FORCED",
            _ => "ENDED_OTHERWISE",
        };
        forced(seen, confirmation)?;
        if confirmation["status"] != status {
            return Err(format!("expected {status}, got {confirmation}"));
        }
        let was_up = || time_was_up(seen, confirmation) || seen.is_at_its_end(&confirmation["requestId"]);
        if status == "STILL_RUNNING" && confirmation["checks"] != 14 && !was_up() {
            return Err(format!("told before the end of the time: {confirmation}"));
        }
    }
    Ok(())
}

/// The runs that are told as ended by us are terminated, by a call of ours; of a delivery that broke off nobody
/// knows whether it was that.
fn forced(seen: &Seen, confirmation: &Value) -> Result<(), String> {
    for run in confirmation["escalation"]["executions"].as_array().into_iter().flatten() {
        let is_told = confirmation["executions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|execution| execution["executionId"] == *run && execution["state"] == "TERMINATED");
        let is_called = terminations(seen).any(|call| call.request["runId"] == *run);
        if !is_told || !is_called && !seen.is_repeated(&confirmation["requestId"]) {
            return Err(format!("{run} was not terminated by us: {confirmation}"));
        }
    }
    Ok(())
}

fn terminations(seen: &Seen) -> impl Iterator<Item = &Call> {
    let name = Operation::TERMINATE_WORKFLOW_EXECUTION.name();
    seen.calls.iter().filter(move |call| call.operation == name)
}

/// Each call names a run that a cancel has reached before which was to be followed by it, or one that continues it.
fn terminated_as_asked(seen: &Seen) -> Result<(), String> {
    let runs = seen.world.runs();
    for call in terminations(seen) {
        let key = key_of(&services::called(call));
        let own = |run: &&AnyRun| Some(&run.key) == key.as_ref();
        let continues = |run: &AnyRun, before: &AnyRun| {
            let apart = |at: Timestamp, other: Timestamp| at <= other + CLOSE && other <= at + CLOSE;
            let moments = before.changed.zip(run.started);
            before.state == "CONTINUED_AS_NEW" && moments.is_some_and(|(ended, began)| apart(ended, began))
        };
        let mut meant: Vec<&AnyRun> = runs.iter().filter(own).filter(|run| run.asked).collect();
        while let Some(next) = runs
            .iter()
            .filter(own)
            .find(|run| !meant.contains(run) && meant.iter().any(|before| continues(run, before)))
        {
            meant.push(next);
        }
        if !meant.iter().any(|run| call.request["runId"] == *run.id) {
            return Err(format!("{} {} is none of {meant:?}", call.operation, call.request));
        }
        let mut due = seen.of("CancellationFollowUp").map(|(_, sent)| sent).filter(|sent| {
            key_of(sent) == key
                && sent["terminateAfterSeconds"].is_u64()
                && sent["reason"] == call.request["reason"]
        });
        if due.next().is_none() {
            return Err(format!("{} {} was asked for by nobody", call.operation, call.request));
        }
    }
    Ok(())
}

/// Whether the time had run out that one of its follow-ups names.
fn time_was_up(seen: &Seen, confirmation: &Value) -> bool {
    let mut follow_ups =
        seen.of("CancellationFollowUp").filter(|(_, sent)| sent["requestId"] == confirmation["requestId"]);
    follow_ups.any(|(_, sent)| {
        let time = |text: &Value| text.as_str()?.parse::<countermand_simulator::Timestamp>().ok();
        let within = std::time::Duration::from_secs(sent["within"].as_u64().unwrap_or(u64::MAX / 2_000));
        time(&sent["outcomeAt"]).map(|at| at + within) <= time(&confirmation["completedAt"])
    })
}

fn canceled_by_requests(seen: &Seen) -> Result<(), String> {
    for delivery in &seen.deliveries {
        let calls = &seen.calls[delivery.calls.clone()];
        for call in calls.iter().filter(|call| SERVICES.iter().any(|it| it.cancel.name() == call.operation)) {
            let called = key_of(&services::called(call));
            let mut requests = delivery.records.iter().filter(|(_, body)| body.get("type").is_none());
            if !requests.any(|(_, body)| key_of(body) == called) {
                return Err(format!("{} {} for {:?}", call.operation, call.request, delivery.records));
            }
        }
    }
    Ok(())
}
