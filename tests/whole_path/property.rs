//! Whatever the world and whatever the request: what changes was meant, and what is told is so.
//!
//! Rounds are random and reproducible by their seed. Each makes a world of runs and a request, hands it
//! to one running function, and compares with what [`expected`](self) works out from the world alone,
//! by the contract's table and not by the function's code.

use std::collections::BTreeSet;
use std::time::Duration;

use countermand_simulator::{Invocation, Reply, Simulator, World};
use fastrand::Rng;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::case;

const ROUNDS: u64 = 300;
/// When late requests were made, in milliseconds since the epoch and as they say it.
const MOMENT: i64 = 1_735_787_045_678;
const MOMENT_TEXT: &str = "2025-01-02T03:04:05.678Z";

/// Draws a round.
type Draw = fn(&mut Rng) -> Round;

/// The properties, as tests.
pub fn trials() -> Vec<Trial> {
    let properties: [(&str, Draw); 2] = [
        ("property-appflow-only-what-was-meant-changes-and-the-outcome-says-so", appflow),
        ("property-swf-only-what-was-meant-changes-and-the-outcome-says-so", swf),
    ];
    properties.map(|(name, draw)| Trial::test(name, move || check(draw).map_err(Into::into))).into()
}

/// A world, a request, and what must follow.
struct Round {
    world: Value,
    request: Value,
    /// The ids of the runs that change.
    changed: BTreeSet<String>,
    status: &'static str,
    /// A part of the outcome's `result`.
    result: Value,
}

fn check(draw: Draw) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let simulator = Simulator::start(World::default(), ([127, 0, 0, 1], 0).into())
            .await
            .map_err(|error| error.to_string())?;
        let _function = case::start_quietly(&simulator).map_err(|error| error.to_string())?;
        for seed in 0..ROUNDS {
            let round = draw(&mut Rng::with_seed(seed));
            let difference = run(&simulator, &round).await;
            if let Some(difference) = difference {
                let (world, request) = (&round.world, &round.request);
                return Err(format!(
                    "seed {seed}: {difference}\n--- world\n{world:#}\n--- request\n{request}"
                ));
            }
        }
        Ok(())
    })
}

async fn run(simulator: &Simulator, round: &Round) -> Option<String> {
    let world: World = serde_json::from_value(round.world.clone()).expect("a round makes a world");
    simulator.change(|now| *now = world.clone());
    let before = states(&json!(simulator.world()));
    let invocation = Invocation { timeout: Duration::from_secs(20), ..Invocation::default() };
    let reply = simulator.invoke(round.request.to_string(), invocation).await;
    let (Reply::Response(outcome) | Reply::FunctionError { error_message: outcome, .. }) = reply else {
        return Some(format!("expected an outcome, got {reply:?}"));
    };
    let outcome: Value = serde_json::from_str(&outcome).expect("an outcome is JSON");
    let after = states(&json!(simulator.world()));
    let changed: BTreeSet<String> = before.difference(&after).map(|(id, _)| id.clone()).collect();
    if changed != round.changed {
        return Some(format!("changed: expected {:?}, got {changed:?}, told by {outcome}", round.changed));
    }
    if outcome["status"] != round.status {
        return Some(format!("status: expected {}, got {outcome}", round.status));
    }
    let members = round.result.as_object().into_iter().flatten();
    let wrong = members.into_iter().find(|(name, value)| outcome["result"][name.as_str()] != **value);
    wrong.map(|(name, value)| format!("result.{name}: expected {value}, got {outcome}"))
}

/// Every run's id with all that can change about it.
fn states(world: &Value) -> BTreeSet<(String, String)> {
    let runs = world["appflow"]["orders"]["runs"].as_array().into_iter().flatten();
    let executions = world["swf"]["billing"]["executions"].as_array().into_iter().flatten();
    let runs = runs.map(|run| (&run["executionId"], run["status"].to_string()));
    let executions = executions.map(|run| (&run["runId"], run["cancelRequested"].to_string()));
    runs.chain(executions).map(|(id, state)| (id.as_str().unwrap_or_default().to_owned(), state)).collect()
}

/// RFC 3339 of a time so many milliseconds from the moment.
fn at(offset: i64) -> String {
    let time = u64::try_from(MOMENT + offset).expect("a time after the epoch");
    countermand_simulator::Timestamp::from(std::time::UNIX_EPOCH + Duration::from_millis(time)).to_string()
}

/// A time near to the moment or far from it, on both sides and at it.
fn offset(random: &mut Rng) -> i64 {
    let offsets = [-86_400_000, -1_001, -1, 0, 1, 999, 86_400_000];
    offsets[random.usize(..offsets.len())]
}

struct Run {
    id: String,
    status: &'static str,
    started: i64,
    updated: i64,
}

fn appflow(random: &mut Rng) -> Round {
    let statuses = ["InProgress", "InProgress", "Successful", "Error", "CancelStarted", "Canceled"];
    let runs: Vec<Run> = (0..random.usize(..8))
        .map(|index| {
            let started = offset(random);
            let status = statuses[random.usize(..statuses.len())];
            Run { id: format!("r-{index}"), status, started, updated: started.max(offset(random)) }
        })
        .collect();
    let orders = ["newestFirst", "oldestFirst", "shuffled"];
    let world = json!({
        "appflow": {"orders": {"runs": runs.iter().map(|run| json!({
            "executionId": run.id, "status": run.status,
            "startedAt": at(run.started), "lastUpdatedAt": at(run.updated),
        })).collect::<Vec<_>>()}},
        "mostPerPage": random.usize(1..4),
        "appflowRecordsOrder": orders[random.usize(..orders.len())],
    });
    let mut ids: Vec<String> =
        (0..10).map(|index| format!("r-{index}")).filter(|_| random.u8(..3) == 0).collect();
    random.shuffle(&mut ids);
    if random.bool() {
        ids.clear();
    }
    let (late, dry_run) = (random.bool(), random.u8(..5) == 0);
    let mut request = json!({"service": "appflow", "flowName": "orders"});
    if late {
        request["requestedAt"] = json!(MOMENT_TEXT);
    }
    if dry_run {
        request["dryRun"] = json!(true);
    }
    let expected = if ids.is_empty() {
        all_active(&runs, late)
    } else {
        request["executionIds"] = json!(ids);
        named(&runs, &ids)
    };
    let (changed, status, result) = match dry_run {
        true => (BTreeSet::new(), "DRY_RUN", json!({})),
        false => expected,
    };
    Round { world, request, changed, status, result }
}

fn all_active(runs: &[Run], late: bool) -> (BTreeSet<String>, &'static str, Value) {
    let meant = |run: &&Run| !late || run.started <= 0;
    let ids = |status: &[&str], since: i64| -> BTreeSet<String> {
        let runs =
            runs.iter().filter(meant).filter(|run| status.contains(&run.status) && run.updated >= since);
        runs.map(|run| run.id.clone()).collect()
    };
    let active = ids(&["InProgress"], i64::MIN);
    let canceled = ids(&["CancelStarted", "Canceled"], 0);
    let status = match (late, active.is_empty(), canceled.is_empty()) {
        (false, ..) | (true, false, _) => "ACCEPTED",
        (true, true, false) => "ALREADY_CANCELED",
        (true, true, true) => "NOT_RUNNING",
    };
    (active, status, json!({}))
}

fn named(runs: &[Run], ids: &[String]) -> (BTreeSet<String>, &'static str, Value) {
    let state = |id: &String| match runs.iter().find(|run| run.id == *id).map(|run| run.status) {
        Some("InProgress") => "ACCEPTED",
        Some("CancelStarted" | "Canceled") => "ALREADY_CANCELED",
        Some(_) => "ALREADY_FINISHED",
        None => "NOT_LISTED",
    };
    let count = |wanted| ids.iter().filter(|id| state(id) == wanted).count();
    let all = |wanted| count(wanted) == ids.len();
    let status = match count("ACCEPTED") {
        0 if all("ALREADY_CANCELED") => "ALREADY_CANCELED",
        0 if all("NOT_LISTED") => "NOT_FOUND",
        0 => "NOT_RUNNING",
        accepted if accepted + count("ALREADY_CANCELED") == ids.len() => "ACCEPTED",
        _ => "PARTIAL",
    };
    let executions: Vec<Value> =
        ids.iter().map(|id| json!({"executionId": id, "state": state(id)})).collect();
    let changed = ids.iter().filter(|id| state(id) == "ACCEPTED").cloned().collect();
    (changed, status, json!({"executions": executions}))
}

/// A run of the one workflow: its start, and its end with how it closed, where it did.
struct Execution {
    id: String,
    started: i64,
    closed: Option<(i64, &'static str)>,
}

fn swf(random: &mut Rng) -> Round {
    let executions = chain(random);
    let world = json!({
        "swf": {"billing": {"executions": executions.iter().map(|run| match run.closed {
            None => json!({"workflowId": "w", "runId": run.id, "status": "OPEN", "startedAt": at(run.started)}),
            Some((end, status)) => json!({"workflowId": "w", "runId": run.id, "status": "CLOSED",
                "closeStatus": status, "startedAt": at(run.started), "closedAt": at(end)}),
        }).collect::<Vec<_>>()}},
        "mostPerPage": random.usize(1..4),
    });
    let mut request =
        json!({"service": "swf", "domain": "billing", "workflowId": "w", "requestedAt": MOMENT_TEXT});
    let (found, reached) = match random.bool() {
        true => {
            let id = format!("r-{}", random.usize(..5));
            request["runId"] = json!(id);
            let found = executions.iter().find(|run| run.id == id);
            (found, found.filter(|run| run.closed.is_none()))
        }
        false => {
            let found = come_to(&executions);
            (found, found.filter(|run| run.closed.is_none()))
        }
    };
    let named = request.get("runId").is_some();
    let is_last = found.is_some_and(|found| executions.last().is_some_and(|last| last.id == found.id));
    let status = match (reached, found.and_then(|run| run.closed)) {
        (Some(_), _) => "ACCEPTED",
        (None, None) if named || executions.is_empty() => "NOT_FOUND",
        (None, Some((end, "CANCELED"))) if named || end >= 0 => "ALREADY_CANCELED",
        // What continues it is not there, and must be somewhere.
        (None, Some((_, "CONTINUED_AS_NEW"))) if !named && is_last => "FAILED",
        (None, _) => "NOT_RUNNING",
    };
    let changed = reached.into_iter().map(|run| run.id.clone()).collect();
    Round { world, request, changed, status, result: json!({}) }
}

/// Runs one after the other, some of which continue the one before; the last may be open.
fn chain(random: &mut Rng) -> Vec<Execution> {
    let statuses = ["CONTINUED_AS_NEW", "CONTINUED_AS_NEW", "CANCELED", "COMPLETED", "TIMED_OUT"];
    let count = random.usize(..4);
    let mut start = [-90_000, -20_000, -5_000, 1][random.usize(..4)];
    let mut executions = Vec::new();
    for index in 0..count {
        let end = start + [1, 4_000, 19_000, 80_000][random.usize(..4)];
        let open = index + 1 == count && random.bool();
        let closed = (!open).then(|| (end, statuses[random.usize(..statuses.len())]));
        executions.push(Execution { id: format!("r-{index}"), started: start, closed });
        start = end + [0, 400, 1_000, 1_001, 5_000][random.usize(..5)];
    }
    executions
}

/// What the newest run that had started by the moment has come to: itself, or what continues it, link by
/// link.
fn come_to(executions: &[Execution]) -> Option<&Execution> {
    let newest = executions.iter().rposition(|run| run.started <= 0)?;
    let mut found = &executions[newest];
    for next in &executions[newest + 1..] {
        match found.closed {
            Some((end, "CONTINUED_AS_NEW")) if next.started - end <= 1_000 => found = next,
            _ => break,
        }
    }
    Some(found)
}
