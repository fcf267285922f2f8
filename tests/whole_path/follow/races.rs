//! Whatever changes between a read and a call: no run is reached that was not meant, and none is told as
//! ended while it, or what continues it, runs on. What is terminated was asked to cancel before, or continues what was.
//!
//! Rounds are drawn from seeds: runs before the request ([`model`]), a request that is fresh, late or to be
//! confirmed, lists that lag behind, and one change just before one of the calls that the function makes.
//! What is judged is the world's own history against what was asked and told. `RACES_SEED=7` runs one round
//! alone, `RACES_ROUNDS=5000` more of them.

mod change;
mod model;

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use countermand_simulator::{Call, Operation, Timestamp};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use self::change::{Change, end_the_gap};
use self::model::{History, TARGET};
use super::stage::{DEAD, Stage, play};
use crate::services::{self, SERVICES, Service};

const ROUNDS: u64 = 200;
/// Lists show everything again after so long.
const LAG_ENDS: Duration = Duration::from_secs(30);
/// The field of a request, and what it says, in seconds.
const TERMINATE: &str = "terminateAfterSeconds";
const TERMINATED_AFTER: u64 = 30;
/// In milliseconds.
const ANSWERED_WITHIN: u64 = 50;

/// What so many rounds must have met, or they prove too little.
const ALL: [&str; 12] = [
    "ACCEPTED",
    "ALREADY_CANCELED",
    "NOT_RUNNING",
    "NOT_FOUND",
    "FAILED",
    "CONFIRMED",
    "ENDED_OTHERWISE",
    "FORCED",
    "STILL_RUNNING",
    "continued",
    "began",
    "lagged",
];

/// What only runs that follow one another can meet.
const ONE_AT_A_TIME: [&str; 4] = ["NOT_FOUND", "FAILED", "FORCED", "continued"];

#[derive(Debug)]
struct Round {
    history: History,
    /// So many milliseconds ago the request was made, where it says so.
    age: Option<u64>,
    confirm: bool,
    /// What goes on after half a minute is terminated.
    terminate: Option<Operation>,
    change: Change,
    before: (Operation, u32),
    lag: u64,
    settles: u64,
}

/// What was seen of a round.
struct Seen {
    history: History,
    requested_at: Timestamp,
    /// Calls that ask for a cancel: when, whether they were taken, and the ids that they name.
    asked: Vec<(u64, bool, Option<Vec<String>>)>,
    /// Calls that terminate: when, and the run that each names.
    terminated: Vec<(u64, Option<String>)>,
    told: Vec<Value>,
    dead: usize,
}

/// Services whose requests need not name a run.
pub fn check() {
    for service in SERVICES.into_iter().filter(|service| service.can_mean_any()) {
        check_one(service);
    }
}

fn check_one(service: &'static Service) {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse().expect("a number"));
    let rounds = match (number("RACES_SEED"), number("RACES_ROUNDS")) {
        (Some(seed), None) => seed..seed + 1,
        (first, rounds) => first.unwrap_or(0)..first.unwrap_or(0) + rounds.unwrap_or(ROUNDS),
    };
    let enough = rounds.end - rounds.start >= ROUNDS;
    let mut met = BTreeSet::new();
    for seed in rounds {
        let round = Round::draw(&mut Rng::with_seed(seed), service);
        let seen = play(seed, async || see(&round).await);
        if let Err(wrong) = seen.judge(&round) {
            panic!("seed {seed}: {wrong}\n{round:#?}\n{:#?}\n{:#?}", seen.history, seen.told);
        }
        met.extend(seen.met(&round));
    }
    let of_one = |one: &&&str| service.one_at_a_time || !ONE_AT_A_TIME.contains(*one);
    let missing = ALL.iter().filter(of_one).filter(|one| !met.contains(**one)).collect::<Vec<_>>();
    assert!(missing.is_empty() || !enough, "expected to meet {missing:?} among {met:?}");
}

impl Round {
    fn draw(random: &mut Rng, service: &'static Service) -> Self {
        let lag = if random.u8(..3) == 0 { random.u64(1_000..12_000) } else { 0 };
        let age = random.bool().then(|| random.u64(61_000..250_000));
        let history = History::draw(service, random, lag > 0);
        let confirm = random.bool();
        let terminates = service.beyond.filter(|(_, field, _)| *field == TERMINATE);
        let beyond = terminates.filter(|_| confirm && random.bool()).map(|(operation, ..)| operation);
        let reads = service.reads();
        let operation = match (random.u8(..4), beyond) {
            (0, Some(terminate)) => terminate,
            (0 | 1, _) => service.cancel,
            _ => reads[random.usize(..reads.len())],
        };
        // A read that lags says nothing of a run that was continued where SWF answers that none is open.
        let gap = lag == 0 || age.is_some();
        Self {
            change: Change::draw(random, gap),
            before: (operation, random.u32(1..3)),
            confirm,
            terminate: beyond,
            settles: [1_000, 20_000, 1_000_000][random.usize(..3)],
            history,
            age,
            lag,
        }
    }
}

async fn see(round: &Round) -> Seen {
    let (now, service) = (Timestamp::now(), round.history.service);
    let mut world = json!(round.history.world(now));
    world["mostPerPage"] = json!(2);
    world["appflowRecordsOrder"] = json!("shuffled");
    world["settleAfterMs"] = json!(round.settles);
    for operation in service.reads().into_iter().filter(|_| round.lag > 0) {
        world["lagMs"][operation.name()] = json!(round.lag);
    }
    let stage = Stage::new(world, &[("COUNTERMAND_TERMINATE", "allow")]);
    let history = Arc::new(Mutex::new(round.history.begun(now)));
    let (operation, number) = round.before;
    round.change.happen_before(&stage.simulator, operation, number, &history);
    let requested_at = stage.simulator.now() - Duration::from_millis(round.age.unwrap_or(0));
    let mut request = (service.ask)(TARGET, None);
    if round.age.is_some() {
        request["requestedAt"] = json!(requested_at);
    }
    if round.confirm {
        request["confirm"] = json!(true);
        request["confirmWithinSeconds"] = json!(120);
    }
    if round.terminate.is_some() {
        request[TERMINATE] = json!(TERMINATED_AFTER);
    }
    stage.send(&request);
    let catching_up = async {
        sleep(LAG_ENDS).await;
        stage.simulator.change(|world| world.lag_ms.clear());
    };
    let meanwhile = async {
        tokio::join!(catching_up, end_the_gap(&stage.simulator, &history));
        pending::<()>().await;
    };
    tokio::select! {
        () = stage.run() => {}
        () = meanwhile => {}
    }
    let calls = stage.simulator.ledger();
    let of = |operation: Operation| calls.iter().filter(move |call| call.operation == operation.name());
    let terminated = round.terminate.into_iter().flat_map(&of);
    let history = history.lock().unwrap_or_else(PoisonError::into_inner).ended(&stage.simulator.world());
    Seen {
        history,
        requested_at,
        asked: of(service.cancel).map(|call| (call.at, call.status == Some(200), named_by(call))).collect(),
        terminated: terminated
            .map(|call| (call.at, named_by(call).and_then(|ids| ids.into_iter().next())))
            .collect(),
        told: stage.told(),
        dead: stage.simulator.messages(DEAD).len(),
    }
}

impl Seen {
    fn judge(&self, round: &Round) -> Result<(), String> {
        if self.dead > 0 {
            return Err("the request was lost".into());
        }
        let meant = self.history.meant(self.requested_at);
        // Fresh, and only then, a request goes out with exactly the API's own meaning.
        let unnamed = self.asked.iter().filter(|(_, _, ids)| ids.is_none()).count();
        if unnamed > usize::from(round.age.is_none()) {
            return Err(format!("{unnamed} calls for whatever runs"));
        }
        let named = self.asked.iter().flat_map(|(_, _, ids)| ids.iter().flatten());
        if let Some(id) = { named }.find(|id| !meant.contains(id.as_str())) {
            return Err(format!("{id} was asked, and {meant:?} are meant"));
        }
        self.was_to_be_terminated(round)?;
        let is_taken = self.asked.iter().any(|(_, is_taken, _)| *is_taken);
        for told in &self.told {
            match told["status"].as_str().unwrap_or_default() {
                "NOT_RUNNING" | "NOT_FOUND" | "ALREADY_CANCELED" => {
                    if let Some(id) = self.history.running(&meant).find(|id| !self.history.is_asked(id)) {
                        return Err(format!("{id} runs, and told is {told}"));
                    }
                }
                "ACCEPTED" if !is_taken => return Err(format!("nothing was taken: {told}")),
                "CONFIRMED" | "ENDED_OTHERWISE" | "FORCED" => self.ended(told)?,
                _ => {}
            }
            if let Some(id) = executions(told).find(|(id, _)| !self.was_there(id)).map(|(id, _)| id) {
                return Err(format!("{id} began later: {told}"));
            }
        }
        Ok(())
    }

    /// What is terminated was asked to cancel, or continues what was, and had its time since.
    fn was_to_be_terminated(&self, round: &Round) -> Result<(), String> {
        let asked = self.history.continued(self.history.asked().collect());
        let due = self.asked.iter().map(|(at, ..)| at + TERMINATED_AFTER * 1_000).min();
        for (at, run) in &self.terminated {
            let is_asked = run.as_ref().is_some_and(|run| asked.contains(run.as_str()));
            if round.terminate.is_none() || !is_asked || Some(*at) < due {
                return Err(format!(
                    "{run:?} was terminated at {at}, and {asked:?} are meant from {due:?} on"
                ));
            }
        }
        match self.told.iter().find(|told| told["status"] == "FORCED") {
            Some(told) if self.terminated.is_empty() => Err(format!("nothing was terminated: {told}")),
            _ => Ok(()),
        }
    }

    /// Whether a run that is told of had begun when the last call was answered, or continues one that had.
    fn was_there(&self, id: &str) -> bool {
        let last = self.asked.iter().map(|(at, ..)| *at).max().unwrap_or(0);
        self.history.there_at(last + ANSWERED_WITHIN).contains(id)
    }

    /// What a confirmation tells has ended so, and nothing runs that continues it; every run that a call
    /// without names reached is in it, and none that began later.
    fn ended(&self, told: &Value) -> Result<(), String> {
        if let Some((id, state)) = executions(told).find(|(id, state)| self.history.state(id) != **state) {
            return Err(format!("{id} is {}, not {state}: {told}", self.history.state(id)));
        }
        let ids: BTreeSet<&str> = executions(told).map(|(id, _)| id).collect();
        if let Some(id) = self.history.running(&self.history.continued(ids.clone())).next() {
            return Err(format!("{id} runs on: {told}"));
        }
        match self.history.asked().find(|id| !ids.contains(id)) {
            Some(id) => Err(format!("{id} was asked, and is not told of: {told}")),
            None => Ok(()),
        }
    }

    fn met(&self, round: &Round) -> impl Iterator<Item = String> {
        let statuses = self.told.iter().filter_map(|told| told["status"].as_str());
        let changed = self.history.changes.iter().copied();
        let lagged = (round.lag > 0).then_some("lagged");
        statuses.chain(changed).chain(lagged).map(str::to_owned).collect::<Vec<_>>().into_iter()
    }
}

/// The runs that a confirmation tells of, and their states.
fn executions(told: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let of_confirmation = told["executions"].as_array().into_iter().flatten();
    of_confirmation.map(|run| (run["executionId"].as_str().unwrap_or_default(), &run["state"]))
}

/// The runs that a call names; none where it means whatever runs.
fn named_by(call: &Call) -> Option<Vec<String>> {
    Some(services::named(&services::called(call))?.into_iter().map(String::from).collect())
}
