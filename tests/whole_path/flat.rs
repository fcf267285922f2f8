//! A process that serves for long keeps its size: memory and open files stay flat.
//!
//! The real binary handles 20,000 invocations, good ones and bad ones in turn, and some that go wrong
//! on the way. That takes minutes, so it runs only where it is asked for:
//! `cargo test --test whole_path -- --ignored flat`.

use std::time::Duration;

use countermand_simulator::{Fault, Invocation, Reply, Simulator, World};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::case::{Case, in_real_time};
use crate::expand::{QUEUE, sqs_event};
use crate::function::Function;
use crate::services::{self, SERVICES, requests};

const INVOCATIONS: usize = 20_000;
/// By then all code has run, the allocator has its arenas and the pool its connections.
const WARM: usize = 2_000;
/// One in so many invocations goes wrong on the way, and may wait before it tries again.
const FAULTY: usize = 40;
/// What the process may gain once it is warm. If each of the 18,000 invocations that
/// follow left behind as much as its own request id, 36 bytes, it would gain 633 kB.
const MOST_KILOBYTES: u64 = 512;
/// The calls of a batch go side by side, on a few connections more or fewer from time to time.
const MOST_FILES: usize = 8;

pub fn trials() -> Vec<Trial> {
    let name = "flat-memory-and-open-files-over-20000-invocations";
    vec![Trial::test(name, || in_real_time(check()).map_err(Into::into)).with_ignored_flag(true)]
}

async fn check() -> Result<(), String> {
    let case = Case::read(json!({
        "raw": "",
        "destination": "bus",
        "env": {
            "COUNTERMAND_RATES": services::unbounded_rates(),
            "COUNTERMAND_MAX_ATTEMPTS": "2",
        },
        "expect": {},
    }))?;
    let simulator = case.simulator().await?;
    let variables = case.variables(&simulator, None);
    let function = Function::start_unheard(&variables).map_err(|error| error.to_string())?;
    let (sound, faulty) = (sound(), faulty());
    let mut warm = Size::default();
    for number in 1..=INVOCATIONS {
        let (event, fault) = match number % FAULTY {
            0 => faulty[number / FAULTY % faulty.len()].clone(),
            _ => (sound[number % sound.len()].clone(), None),
        };
        invoke(&simulator, &event, fault).await?;
        if number == WARM {
            warm = Size::of(&function)?;
        }
    }
    let end = Size::of(&function)?;
    let most = Size { kilobytes: warm.kilobytes + MOST_KILOBYTES, files: warm.files + MOST_FILES };
    println!("after {WARM} invocations: {warm:?}; after {INVOCATIONS}: {end:?}; at most {most:?}");
    let flat = end.kilobytes <= most.kilobytes && end.files <= most.files;
    if flat { Ok(()) } else { Err(format!("expected at most {most:?} after {warm:?}, got {end:?}")) }
}

async fn invoke(simulator: &Simulator, event: &Value, fault: Option<Fault>) -> Result<(), String> {
    simulator.change(|world| *world = World::seeded());
    simulator.forget();
    fault.into_iter().for_each(|fault| simulator.script(fault));
    let invocation = Invocation { timeout: Duration::from_secs(20), ..Invocation::default() };
    match simulator.invoke(event.to_string(), invocation).await {
        Reply::Response(_) | Reply::FunctionError { .. } => Ok(()),
        reply => Err(format!("expected an answer to {event}, got {reply:?}")),
    }
}

/// Events that the services and the bus take as they should.
fn sound() -> Vec<Value> {
    let long = "x".repeat(20_000);
    let batch = |bodies: &[Value], receives| sqs_event(QUEUE, bodies, receives, 1_764_600_000_000);
    let mut events = vec![
        batch(&requests(), 1),
        // Refused, unreadable.
        batch(&[json!("no json"), json!({"service": SERVICES[0].name(), "reason": long})], 1),
        json!({"service": "nothing", "context": {"a": [1, 2, 3]}}),
        json!({"Records": [{"eventSource": "aws:sqs", "body": "no id"}]}),
    ];
    for service in SERVICES {
        for request in service.requests {
            let request: Value = request.parse().expect("a request is JSON");
            let mut dry_run = request.clone();
            dry_run["dryRun"] = json!(true);
            // Late and pinned, or unknown; rehearsed.
            events.extend([batch(std::slice::from_ref(&request), 2), batch(&[dry_run], 1), request.clone()]);
            events.push(json!({"detail-type": "Cancel Request", "detail": request, "id": "e-1", "time": "2025-12-01T14:40:00Z"}));
        }
        let mut unknown = service.request();
        let name = json!("never");
        unknown[service.names] = if unknown[service.names].is_array() { json!([name]) } else { name };
        events.push(batch(&[unknown], 1));
    }
    events
}

/// One for each service, with what goes wrong on the way: once, or for both attempts.
fn faulty() -> Vec<(Value, Option<Fault>)> {
    let mut faults = vec![
        json!({"operation": "eventbridge.PutEvents", "kind": "failEntries", "entries": [0], "code": "InternalFailure", "times": 2}),
        json!({"operation": "eventbridge.PutEvents", "kind": "drop", "times": 2}),
        json!({"operation": "sqs.ChangeMessageVisibility", "kind": "drop"}),
    ];
    for fault in [
        json!({"kind": "throttle"}),
        json!({"kind": "drop"}),
        json!({"kind": "loseReply", "times": 2}),
        json!({"kind": "error", "status": 400, "code": "AccessDeniedException"}),
        json!({"kind": "reply", "status": 502, "body": "<html>"}),
    ] {
        faults.extend(SERVICES.map(|service| {
            let mut fault = fault.clone();
            fault["operation"] = json!(service.cancel);
            fault
        }));
    }
    let faults: Vec<Fault> = serde_json::from_value(faults.into()).expect("faults that exist");
    faults
        .into_iter()
        .map(|fault| (sqs_event(QUEUE, &requests(), 1, 1_764_600_000_000), Some(fault)))
        .collect()
}

/// What a process holds.
#[derive(Debug, Default)]
struct Size {
    /// Memory that is really there.
    kilobytes: u64,
    files: usize,
}

impl Size {
    fn of(function: &Function) -> Result<Self, String> {
        let files = std::fs::read_dir(function.proc("fd")).map_err(|error| error.to_string())?.count();
        Ok(Self { kilobytes: function.held("VmRSS")?, files })
    }
}
