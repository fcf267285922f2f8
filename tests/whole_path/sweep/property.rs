//! Whatever the world, whatever goes wrong, and whichever step comes twice or dies: nothing is asked that was not
//! meant, all that was meant is, and what is told adds up to the truth.
//!
//! Rounds are drawn from seeds. What is judged is the world and what the services were asked.
//! `SWEEP_SEED=7` runs one round alone, `SWEEP_ROUNDS=5000` more of them.

use std::collections::{BTreeMap, BTreeSet};

use countermand_simulator::{AnyRun, Fault, FaultKind, Operation, Timestamp};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use super::draw::{self, SERVICES, Selection};
use crate::follow::stage::{DEAD, Kill, Stage, play};
use crate::services::draw::pick;

const ROUNDS: u64 = 120;

/// What so many rounds must have met, or they prove too little.
const ALL: [&str; 8] =
    ["COMPLETED", "INCOMPLETE", "killed", "twice", "calm", "alreadyCanceled", "notRunning", "failed"];

#[derive(Debug)]
struct Round {
    service: &'static str,
    world: Value,
    selection: Selection,
    now: Timestamp,
    faults: Vec<Fault>,
    kills: Vec<Option<Kill>>,
    /// Messages of the sweep that are delivered once more.
    twice: Vec<bool>,
    /// After so many milliseconds, these end by themselves, or somebody else asks them.
    events: Vec<(u64, String, &'static str)>,
}

pub fn check() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse().expect("a number"));
    let rounds = match (number("SWEEP_SEED"), number("SWEEP_ROUNDS")) {
        (Some(seed), None) => seed..seed + 1,
        (first, rounds) => first.unwrap_or(0)..first.unwrap_or(0) + rounds.unwrap_or(ROUNDS),
    };
    let enough = rounds.end - rounds.start >= ROUNDS;
    let mut met = BTreeSet::new();
    for seed in rounds {
        let (round, told, wrong) = play(seed, async || run(seed, &mut met).await);
        if let Err(wrong) = wrong {
            let told: Vec<String> = told.iter().map(Value::to_string).collect();
            panic!("seed {seed}: {wrong}\n{round:#?}\n{}", told.join("\n"));
        }
    }
    let missing = ALL.iter().find(|one| !met.contains(**one));
    assert!(missing.is_none() || !enough, "expected to meet {missing:?} among {met:?}");
}

impl Round {
    fn draw(seed: u64, now: Timestamp) -> Self {
        let random = &mut Rng::with_seed(seed);
        let service = pick(random, &SERVICES);
        let executions = draw::executions(random, service);
        let selection = Selection::draw(random, service, &executions, now);
        let is_calm = random.u8(..4) == 0;
        let trouble = |most: usize, random: &mut Rng| if is_calm { 0 } else { random.usize(..most) };
        let faults = (0..trouble(8, random)).map(|_| fault(random, service)).collect();
        let events = (0..trouble(20, random)).filter_map(|_| {
            let one = executions.get(random.usize(..executions.len().max(1)))?;
            Some((
                random.u64(1_000..60_000),
                one.id.clone(),
                pick(random, &["SUCCEEDED", "CANCELING", "CANCELED"]),
            ))
        });
        let mut events: Vec<_> = events.collect();
        events.sort_by_key(|(at, ..)| *at);
        let one_of = pick(random, &[3, 8]);
        let kills = (0..trouble(12, random)).map(|_| (random.u8(..one_of) == 0).then(|| kill(random)));
        let kills = kills.collect();
        let twice = (0..trouble(12, random)).map(|_| random.u8(..4) == 0).collect();
        Self {
            world: draw::world(random, service, &executions, now),
            service,
            selection,
            now,
            faults,
            kills,
            twice,
            events,
        }
    }

    fn is_calm(&self) -> bool {
        self.faults.is_empty() && self.kills.is_empty() && self.twice.is_empty() && self.events.is_empty()
    }
}

fn kill(random: &mut Rng) -> Kill {
    match random.bool() {
        true => Kill::After(Duration::from_millis(random.u64(..3_000))),
        false => Kill::Calls(random.usize(1..40)),
    }
}

fn fault(random: &mut Rng, service: &str) -> Fault {
    let own = [Operation::SEND_MESSAGE_BATCH, Operation::PUT_EVENTS, Operation::PUT_EVENTS];
    let operations = Operation::all().filter(|operation| operation.name().starts_with(service));
    let operation = pick(random, &operations.chain(own).collect::<Vec<_>>());
    let invalid = match service {
        "swf" => "ValidationException",
        "cloudflow" => "InvalidArgument",
        _ => "InvalidArn",
    };
    let error = |status: u16, code: &str| FaultKind::Error {
        status,
        code: code.into(),
        message: None,
        headers: [].into(),
    };
    let cancels = operation == Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION
        || operation == Operation::STOP_EXECUTION
        || operation == Operation::STOP_STATE_MACHINE_EXECUTION;
    let kind = match random.u8(..8) {
        0 => FaultKind::Drop {},
        1 => FaultKind::LoseReply {},
        2 => FaultKind::Hang {},
        3 => FaultKind::Throttle { retry_after_ms: None },
        4 | 5 if cancels => error(400, invalid),
        6 => error(403, "AccessDeniedException"),
        _ => error(500, "InternalFailure"),
    };
    Fault::new(operation, kind).times(random.u32(1..12))
}

async fn run(seed: u64, met: &mut BTreeSet<String>) -> (Round, Vec<Value>, Result<(), String>) {
    let round = Round::draw(seed, Timestamp::now());
    let stage = Stage::new(round.world.clone(), &[]);
    round.faults.iter().for_each(|fault| stage.simulator.script(fault.clone()));
    stage.send(&draw::request(round.service, &round.selection, round.now));
    let (mut kills, mut twice) = (round.kills.clone(), round.twice.clone());
    let happen = async {
        let mut passed = 0;
        for (at, id, state) in &round.events {
            sleep(Duration::from_millis(at - passed)).await;
            passed = *at;
            happen(&stage, round.service, id, state);
        }
    };
    let kill = |bodies: &[Value]| {
        for body in bodies.iter().filter(|body| body["type"] == "CancellationSweep") {
            if twice.pop() == Some(true) {
                stage.send(body);
            }
        }
        kills.pop().flatten()
    };
    stage.run_while(happen, kill).await;
    let wrong = judge(&round, &stage, met);
    (round, stage.told(), wrong)
}

/// An execution that goes on ends by itself, or is asked by somebody else.
fn happen(stage: &Stage, service: &str, id: &str, state: &str) {
    let key = match service {
        "swf" => "swf:billing/",
        "cloudflow" => "cloudflow:etl",
        _ => "stepfunctions:fulfillment/",
    };
    let runs = stage.simulator.world().runs();
    let Some(run) = runs.iter().find(|run| run.id == id && run.key.starts_with(key)) else { return };
    if !["RUNNING", "CANCELING"].contains(&run.state) {
        return;
    }
    let service = crate::services::SERVICES.into_iter().find(|one| one.name() == service).expect("a service");
    let target = run.key.rsplit([':', '/']).next().unwrap_or_default();
    let now = stage.simulator.now();
    stage.simulator.change(|world| (service.set)(world, target, id, state, now));
}

fn judge(round: &Round, stage: &Stage, met: &mut BTreeSet<String>) -> Result<(), String> {
    let meant: BTreeSet<&str> = round.selection.meant.iter().map(String::as_str).collect();
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    for call in stage.simulator.ledger() {
        let named = match call.operation.as_str() {
            "swf.RequestCancelWorkflowExecution" => &call.request["runId"],
            "cloudflow.StopExecution" => &call.request["ExecutionName"],
            "stepfunctions.StopExecution" => &call.request["executionArn"],
            _ => continue,
        };
        let id = named.as_str().unwrap_or_default().to_owned();
        if !meant.contains(id.as_str()) {
            return Err(format!("{id} was asked, and is not among {meant:?}"));
        }
        *taken.entry(id).or_default() += u32::from(call.status == Some(200));
    }
    let summaries = stage.of_type("CancellationSummary");
    let deliveries = stage.deliveries();
    let killed = deliveries.iter().any(|delivery| delivery.killed);
    let came_twice = round.twice.contains(&true);
    let is_troubled = !round.faults.is_empty() || killed || came_twice;
    if let Some((id, _)) = taken.iter().find(|(_, times)| **times > 1)
        && !is_troubled
    {
        return Err(format!("{id} was asked more than once"));
    }
    let dead = stage.simulator.messages(DEAD);
    let started = stage.of_type("CancellationOutcome").iter().any(|it| it["status"] == "ACCEPTED");
    if summaries.is_empty() && dead.is_empty() {
        return Err("nothing tells of the end".into());
    }
    if summaries.len() > 1 && !is_troubled {
        return Err("the end is told more than once".into());
    }
    let runs = stage.simulator.world().runs();
    let of = |id: &str| runs.iter().find(|run| run.id == id);
    let asked = |run: &&AnyRun| run.asked && meant.contains(run.id.as_str());
    for summary in &summaries {
        check_summary(round, summary, &meant, &of)?;
        met.insert(summary["status"].as_str().unwrap_or_default().to_owned());
        let counts = summary["counts"].as_object().expect("counts");
        met.extend(counts.iter().filter(|(_, count)| **count != json!(0)).map(|(name, _)| name.clone()));
        if started && dead.is_empty() && summaries.len() == 1 {
            let told = ["accepted", "alreadyCanceled"].map(|name| counts[name].as_u64().unwrap_or_default());
            let truth = runs.iter().filter(asked).count() as u64;
            // A cancel whose answer was lost may be told as failed for now, and be done all the same.
            if told.iter().sum::<u64>() != truth
                && summary["status"] == "COMPLETED"
                && round.events.is_empty()
            {
                return Err(format!("{truth} were asked, told {summary}"));
            }
        }
    }
    met.extend(killed.then(|| "killed".into()));
    met.extend(came_twice.then(|| "twice".into()));
    met.extend(round.is_calm().then(|| "calm".into()));
    Ok(())
}

/// What a summary tells is so, and adds up.
fn check_summary<'a>(
    round: &Round,
    summary: &Value,
    meant: &BTreeSet<&str>,
    of: &dyn Fn(&str) -> Option<&'a AnyRun>,
) -> Result<(), String> {
    let count = |name: &str| summary["counts"][name].as_u64().unwrap_or_default();
    let failures: BTreeSet<&str> = summary["failures"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|failure| failure["executionId"].as_str())
        .collect();
    let sum = count("accepted") + count("alreadyCanceled") + count("notRunning") + count("failed");
    let is_completed = summary["status"] == "COMPLETED";
    // Where nobody may read what became of those that are gone, they are not counted.
    let may_tell = !round.faults.iter().any(|fault| {
        let reads_closed = [
            Operation::LIST_CLOSED_WORKFLOW_EXECUTIONS,
            Operation::LIST_EXECUTIONS,
            Operation::LIST_STATE_MACHINE_EXECUTIONS,
        ];
        reads_closed.contains(&fault.operation) && matches!(fault.kind, FaultKind::Error { status: 403, .. })
    });
    if may_tell && (is_completed || round.is_calm()) && (sum != count("matched") || summary["percent"] != 100)
    {
        return Err(format!("the counts do not add up: {summary}"));
    }
    if failures.len() as u64 != count("failed") || (is_completed && !failures.is_empty()) {
        return Err(format!("expected as many failures as are counted: {summary}"));
    }
    if round.is_calm() && count("matched") != meant.len() as u64 {
        return Err(format!("expected {} to match: {summary}", meant.len()));
    }
    if summary["context"] != json!({"ticket": 7}) {
        return Err(format!("expected the context of the request: {summary}"));
    }
    for id in meant.iter().filter(|id| !failures.contains(**id)) {
        let run = of(id).ok_or("a run is gone")?;
        if !run.asked && run.state == "RUNNING" {
            return Err(format!("{id} was meant and never asked: {summary}"));
        }
    }
    Ok(())
}
