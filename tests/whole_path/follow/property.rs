//! Whatever the world, the requests, and what goes wrong: a promise is kept, and what is told is so.
//!
//! Rounds are drawn from seeds ([`draw`](super::draw)). What is judged is only what the world shows, what
//! the services were asked and what was published; nothing is known here of how the function follows.
//! `FOLLOW_SEED=7` runs one round alone, `FOLLOW_ROUNDS=5000` more of them.

use std::collections::{BTreeMap, BTreeSet};

use countermand_simulator::World;
use serde_json::{Value, json};

use super::draw::Round;
use super::stage::{DEAD, Delivery, Stage, play};

const ROUNDS: u64 = 80;

/// Says what is wrong with a round.
type Rule = fn(&Seen) -> Result<(), String>;

const RULES: [(&str, Rule); 5] = [
    ("a follow-up is sent before its promise", sent_before),
    ("each promise has a confirmation, or its follow-up is dead", kept),
    ("there are more only where a delivery was repeated", no_more_than_repeated),
    ("what is confirmed is so, and the time was up where something still runs", so),
    ("nothing was canceled by a follow-up", canceled_by_requests),
];

/// What so many rounds must have met, or they prove too little.
const ALL: [&str; 6] = ["CONFIRMED", "ENDED_OTHERWISE", "STILL_RUNNING", "dead", "repeated", "killed"];

/// What was seen of a round.
struct Seen {
    told: Vec<Value>,
    confirmations: Vec<Value>,
    dead: Vec<Value>,
    deliveries: Vec<Delivery>,
    calls: Vec<(String, Value)>,
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
    let stage = Stage::new(round.world.clone(), &[]);
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
        calls: stage.simulator.ledger().into_iter().map(|call| (call.operation, call.request)).collect(),
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

    /// A message about the request was delivered again, or sent again as nobody had heard that it was.
    fn is_repeated(&self, id: &Value) -> bool {
        let records = self.deliveries.iter().flat_map(|delivery| &delivery.records);
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for (message, _) in records.filter(|(_, body)| body["requestId"] == *id) {
            *times.entry(message).or_default() += 1;
        }
        let mut sent = BTreeSet::new();
        let mut follow_ups = self.of("CancellationFollowUp").filter(|(_, sent)| sent["requestId"] == *id);
        times.values().any(|times| *times > 1) || follow_ups.any(|(_, it)| !sent.insert(it.to_string()))
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
        let calls = self.calls.iter().map(|(operation, request)| format!("{operation} {request}"));
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
    let world = json!(seen.world);
    for confirmation in &seen.confirmations {
        let states: Vec<&Value> = confirmation["executions"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|execution| {
                let (id, state) = (&execution["executionId"], &execution["state"]);
                let now = state_in(&world, &confirmation["target"], id);
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
            _ => "ENDED_OTHERWISE",
        };
        if confirmation["status"] != status {
            return Err(format!("expected {status}, got {confirmation}"));
        }
        if status == "STILL_RUNNING" && confirmation["checks"] != 14 && !time_was_up(seen, confirmation) {
            return Err(format!("told before the end of the time: {confirmation}"));
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

/// The state of a run, in a confirmation's words, as the world shows it.
fn state_in(world: &Value, target: &Value, id: &Value) -> &'static str {
    let name = |field: &str| target[field].as_str().unwrap_or_default();
    let key = name("key").split(':').next().unwrap_or_default();
    let (runs, named) = match key {
        "appflow" => (&world["appflow"][name("flowName")]["runs"], "executionId"),
        "swf" => (&world["swf"][name("domain")]["executions"], "runId"),
        _ => (&world["cloudflow"][name("flowName")]["executions"], "name"),
    };
    let mut runs = runs.as_array().into_iter().flatten();
    let run =
        runs.find(|run| run[named] == *id && (key != "swf" || run["workflowId"] == target["workflowId"]));
    let Some(run) = run else { return "NOT_FOUND" };
    let status = run["closeStatus"].as_str().or(run["status"].as_str()).unwrap_or_default();
    match status {
        "Canceled" | "CANCELED" | "Stopped" => "CANCELED",
        "Successful" | "COMPLETED" | "Succeeded" => "SUCCEEDED",
        "Error" | "FAILED" | "Failed" => "FAILED",
        "TIMED_OUT" | "TimedOut" => "TIMED_OUT",
        _ => "open",
    }
}

fn canceled_by_requests(seen: &Seen) -> Result<(), String> {
    let cancels: [(&str, &[(&str, &str)]); 3] = [
        ("appflow.CancelFlowExecutions", &[("flowName", "flowName")]),
        ("swf.RequestCancelWorkflowExecution", &[("domain", "domain"), ("workflowId", "workflowId")]),
        ("cloudflow.StopExecution", &[("FlowName", "flowName"), ("ExecutionName", "executionName")]),
    ];
    for delivery in &seen.deliveries {
        for (operation, call) in &seen.calls[delivery.calls.clone()] {
            let Some((_, fields)) = cancels.iter().find(|(cancel, _)| cancel == operation) else { continue };
            let requests = delivery.records.iter().filter(|(_, body)| body.get("type").is_none());
            let mut requests = requests.map(|(_, body)| body);
            if !requests.any(|body| fields.iter().all(|(theirs, ours)| call[theirs] == body[ours])) {
                return Err(format!("{operation} {call} for {:?}", delivery.records));
            }
        }
    }
    Ok(())
}
