//! Worlds of executions, drawn from a seed, and requests that select some of them.

use countermand_simulator::Timestamp;
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::Duration;

use crate::services::draw::pick;

/// An execution, as far as a selection looks at it.
#[derive(Clone, Debug)]
pub struct One {
    pub id: String,
    name: String,
    kind: &'static str,
    version: &'static str,
    tag: &'static str,
    /// Milliseconds before the request; none where it is after.
    pub started: i64,
    is_open: bool,
    asked: bool,
    ignores: bool,
}

/// What is selected, and which executions that are.
#[derive(Clone, Debug)]
pub struct Selection {
    pub select: Value,
    pub meant: Vec<String>,
}

pub const SERVICES: [&str; 3] = ["swf", "cloudflow", "stepfunctions"];
const MACHINE: &str = "arn:aws:states:us-east-1:111122223333:stateMachine:fulfillment";

/// Executions before the request and after it.
pub fn executions(random: &mut Rng, service: &str) -> Vec<One> {
    let most = if service == "swf" { 120 } else { 30 };
    (0..random.usize(..most)).map(|number| one(random, service, number)).collect()
}

fn one(random: &mut Rng, service: &str, number: usize) -> One {
    let prefix = pick(random, &["nightly", "hourly"]);
    let is_open = random.u8(..5) > 0;
    One {
        id: match service {
            "swf" => format!("run-{number}"),
            "cloudflow" => format!("{prefix}-{number}"),
            _ => format!("{}:{prefix}-{number}", MACHINE.replace("stateMachine", "execution")),
        },
        name: format!("{prefix}-{number}"),
        kind: pick(random, &["import", "export"]),
        version: pick(random, &["1.0", "2.0"]),
        tag: pick(random, &["red", "blue"]),
        started: pick(random, &[-1, 0, 1, 2, 30_000, 3_600_000]),
        is_open,
        asked: service == "swf" && random.u8(..8) == 0,
        ignores: random.u8(..4) == 0,
    }
}

/// The world in which they are, as a service of this name has them; times are counted from `now`.
pub fn world(random: &mut Rng, service: &str, executions: &[One], now: Timestamp) -> Value {
    let started = |one: &One| at(now, one.started);
    let of_swf = |one: &One| {
        let mut it = json!({"workflowId": one.name, "runId": one.id, "status": "OPEN", "startedAt": started(one),
            "workflowType": {"name": one.kind, "version": one.version}, "tags": [one.tag],
            "cancelRequested": one.asked, "ignoresCancel": one.ignores});
        if !one.is_open {
            (it["status"], it["closeStatus"]) = (json!("CLOSED"), json!("COMPLETED"));
            it["closedAt"] = json!(at(now, 0));
        }
        it
    };
    let of_cloudflow = |one: &One| {
        let status = if one.is_open { "Running" } else { "Succeeded" };
        json!({"name": one.id, "status": status, "startedTime": started(one)})
    };
    // One that was started again counts from then.
    let of_step_functions = |one: &One| {
        let status = if one.is_open { "RUNNING" } else { "SUCCEEDED" };
        let mut it = json!({"name": one.name, "status": status, "startDate": started(one)});
        if one.ignores {
            (it["startDate"], it["redriveDate"]) = (json!(at(now, 90_000_000)), json!(started(one)));
        }
        it
    };
    let settles = pick(random, &[None, Some(1_000), Some(20_000), Some(200_000)]);
    let mut world = json!({"mostPerPage": random.usize(1..50), "emptyPages": random.usize(..2)});
    match service {
        "swf" => {
            let all: Vec<Value> = executions.iter().map(of_swf).collect();
            world["swf"] = json!({"billing": {"executions": all}});
        }
        "stepfunctions" => {
            let all: Vec<Value> = executions.iter().map(of_step_functions).collect();
            world["stepfunctions"] = json!({"fulfillment": {"executions": all}});
        }
        _ => {
            let all: Vec<Value> = executions.iter().map(of_cloudflow).collect();
            world["cloudflow"] = json!({"etl": {"executions": all}});
        }
    }
    settles.into_iter().for_each(|settles| world["settleAfterMs"] = json!(settles));
    world
}

impl Selection {
    pub fn draw(random: &mut Rng, service: &str, executions: &[One], now: Timestamp) -> Self {
        let (mut select, is_selected) = choice(random, service, executions);
        let (before, after) =
            (pick(random, &[None, None, Some(1), Some(2)]), pick(random, &[None, None, Some(30_000)]));
        before.into_iter().for_each(|before| select["startedBefore"] = json!(at(now, before)));
        after.into_iter().for_each(|after| select["startedAfter"] = json!(at(now, after)));
        let is_meant = |one: &&One| {
            let in_time = one.started >= 0
                && before.is_none_or(|before| one.started > before)
                && after.is_none_or(|after| one.started < after);
            one.is_open && in_time && is_selected(one)
        };
        Self { select, meant: executions.iter().filter(is_meant).map(|one| one.id.clone()).collect() }
    }
}

type IsSelected = Box<dyn Fn(&One) -> bool>;

fn choice(random: &mut Rng, service: &str, executions: &[One]) -> (Value, IsSelected) {
    if service != "swf" {
        return match random.bool() {
            true => (json!({"all": true}), Box::new(|_| true)),
            false => {
                (json!({"executionNamePrefix": "nightly-"}), Box::new(|one| one.name.starts_with("nightly-")))
            }
        };
    }
    let name = executions.first().map_or("none".into(), |one| one.name.clone());
    match random.u8(..5) {
        0 => (json!({"all": true}), Box::new(|_| true)),
        1 => (json!({"tag": "red"}), Box::new(|one| one.tag == "red")),
        2 => (json!({"workflowType": {"name": "import"}}), Box::new(|one| one.kind == "import")),
        3 => {
            let exact = |one: &One| one.kind == "import" && one.version == "2.0";
            (json!({"workflowType": {"name": "import", "version": "2.0"}}), Box::new(exact))
        }
        _ => (json!({"workflowId": name}), Box::new(move |one| one.name == name)),
    }
}

/// The request that asks for them at `now`.
pub fn request(service: &str, selection: &Selection, now: Timestamp) -> Value {
    let (place, name) = match service {
        "swf" => ("domain", "billing"),
        "cloudflow" => ("flowName", "etl"),
        _ => ("stateMachineArn", MACHINE),
    };
    let mut request = json!({"service": service, "select": selection.select, "maxExecutions": 1_000,
        "requestId": "sweep", "requestedAt": now, "context": {"ticket": 7}});
    request[place] = json!(name);
    request
}

fn at(now: Timestamp, milliseconds_before: i64) -> Timestamp {
    match u64::try_from(milliseconds_before) {
        Ok(before) => now - Duration::from_millis(before),
        Err(_) => now + Duration::from_millis(milliseconds_before.unsigned_abs()),
    }
}
