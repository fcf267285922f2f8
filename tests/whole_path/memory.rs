//! What a message makes the process take, in bytes for each byte of it: no more where it says that it is one
//! of our own than where it is a request, and whatever it is made of, a batch fits beside the process.
//!
//! The real binary handles one batch, and the kernel tells the most that it held.

use std::time::Duration;

use countermand_simulator::{Invocation, Reply};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::case::{Case, in_real_time};
use crate::expand::{QUEUE, sqs_event};
use crate::function::Function;
use crate::services;

/// What reading a batch may take, for each byte of it, where no list in it is as long as may be: the event,
/// and the text of each record. ARCHITECTURE.md names it.
const FACTOR: u64 = 3;
/// The same for an object of nothing but members, which are kept until their names are looked at.
const MEMBERS_FACTOR: u64 = 11;

/// The most records of a batch, and what each may take, from the event until its outcome is published.
const RECORDS: usize = 10_000;
const EACH_RECORD: usize = 4_400;

type Bodies = fn() -> Vec<Value>;

pub fn trials() -> Vec<Trial> {
    let checks: [(&str, Bodies); 4] = [
        ("follow-ups-of-countless-runs", || follow_ups("runs", json!(countless()))),
        ("follow-ups-of-countless-named-runs", || follow_ups("executionIds", json!(countless()))),
        ("follow-ups-of-countless-ended-runs", || {
            follow_ups("ended", (0..93_000).map(|place| json!(place)).collect())
        }),
        ("requests-of-countless-runs", || vec![request(json!(countless())); 8]),
    ];
    let trial = |(name, bodies): (&str, Bodies)| {
        let check = move || in_real_time(stays_in_proportion(&bodies())).map_err(Into::into);
        Trial::test(format!("memory-{name}"), check)
    };
    let mut trials: Vec<Trial> = checks.map(trial).into();
    let members = || in_real_time(members_stay_in_proportion()).map_err(Into::into);
    trials.push(Trial::test("memory-a-payload-of-countless-members", members));
    let same = || in_real_time(no_more_than_requests()).map_err(Into::into);
    trials.push(Trial::test("memory-follow-ups-take-no-more-than-requests", same));
    let full = || in_real_time(a_full_batch_fits()).map_err(Into::into);
    trials.push(Trial::test("memory-a-batch-of-the-most-records", full));
    trials
}

fn countless() -> Vec<&'static str> {
    vec!["r"; 93_000]
}

fn request(ids: Value) -> Value {
    json!({"service": "appflow", "flowName": "orders", "executionIds": ids})
}

fn follow_ups(name: &str, value: Value) -> Vec<Value> {
    vec![follow_up(name, value); 8]
}

fn follow_up(name: &str, value: Value) -> Value {
    let mut message = json!({"type": "CancellationFollowUp", "version": "1", "service": "appflow",
        "flowName": "orders", "check": 1, "within": 3_600, "outcomeAt": "2999-01-01T00:00:00.000Z",
        "requestId": "r", "requestedAt": "2026-01-02T03:04:05.678Z"});
    message[name] = value;
    message
}

async fn stays_in_proportion(bodies: &[Value]) -> Result<(), String> {
    let event = sqs_event(QUEUE, bodies, 1, 0).to_string();
    let bytes = event.len();
    at_most(FACTOR * bytes as u64, held_after(&[]).await?, held_after_event(event).await?)
}

/// The members of one object are looked at together, those of one record after those of another.
async fn members_stay_in_proportion() -> Result<(), String> {
    let event = format!("{{{}}}", vec![r#""":0"#; 300_000].join(","));
    let bytes = event.len();
    at_most(MEMBERS_FACTOR * bytes as u64, held_after(&[]).await?, held_after_event(event).await?)
}

/// They share calls, and every outcome is held until all are published.
async fn a_full_batch_fits() -> Result<(), String> {
    let request =
        |run| json!({"service": "appflow", "flowName": "full", "executionIds": [format!("run-{run}")]});
    let bodies: Vec<Value> = (0..RECORDS).map(request).collect();
    at_most((EACH_RECORD * RECORDS) as u64, held_after(&[]).await?, held_after(&bodies).await?)
}

fn at_most(bytes: u64, before: u64, after: u64) -> Result<(), String> {
    let most = before + bytes / 1_024;
    println!("{before} kB, then {after} kB, at most {most} kB");
    if after <= most { Ok(()) } else { Err(format!("expected at most {most} kB, got {after} kB")) }
}

async fn no_more_than_requests() -> Result<(), String> {
    let runs: Vec<String> = (0..1_000).map(|number| format!("{number}")).collect();
    let follow_ups = held_after(&vec![follow_up("runs", json!(runs)); 20]).await?;
    let requests = held_after(&vec![request(json!(runs)); 20]).await?;
    println!("follow-ups {follow_ups} kB, requests {requests} kB");
    if follow_ups <= requests {
        Ok(())
    } else {
        Err(format!("expected at most {requests} kB, got {follow_ups} kB"))
    }
}

/// The most that a process held that handled one batch, in kilobytes.
async fn held_after(bodies: &[Value]) -> Result<u64, String> {
    held_after_event(sqs_event(QUEUE, bodies, 1, 1_764_600_000_000).to_string()).await
}

/// The same for any event.
async fn held_after_event(event: String) -> Result<u64, String> {
    let env =
        json!({"COUNTERMAND_FOLLOW_UP_QUEUE_ARN": QUEUE, "COUNTERMAND_RATES": services::unbounded_rates()});
    let run = |run| json!({"executionId": format!("run-{run}"), "status": "InProgress"});
    let runs: Vec<Value> = (0..RECORDS).map(run).collect();
    let world = json!({"appflow": {"full": {"runs": runs}}, "buses": ["outcomes"]});
    let case =
        Case::read(json!({"raw": "", "env": env, "destination": "bus", "world": world, "expect": {}}))?;
    let simulator = case.simulator().await?;
    let function =
        Function::start_unheard(&case.variables(&simulator, None)).map_err(|error| error.to_string())?;
    let invocation = Invocation { timeout: Duration::from_secs(60), ..Invocation::default() };
    match simulator.invoke(event, invocation).await {
        Reply::Response(_) => function.held("VmHWM"),
        reply => Err(format!("expected a response, got {reply:?}")),
    }
}
