//! What goes wrong at the services: every kind of fault, for every operation that the function calls.
//!
//! No fault makes a service lie: an error never denies what is there, and no reply that can be read tells
//! of a cancel that was not. What the function then says can be held against the world.

use std::collections::BTreeMap;

use countermand_simulator::{Fault, FaultKind, Limit, Operation};
use fastrand::Rng;

use crate::services::draw::pick;
use crate::services::{SERVICES, Service};

/// What the function asks of the services.
fn operations() -> impl Iterator<Item = Operation> {
    SERVICES.iter().flat_map(|service| service.operations())
}

/// What publishes to that kind of destination.
fn publishing(destination: &str) -> Operation {
    match destination {
        "bus" => Operation::PUT_EVENTS,
        "topic" => Operation::PUBLISH_BATCH,
        _ => Operation::SEND_MESSAGE_BATCH,
    }
}

pub fn draw(random: &mut Rng, destination: &str) -> Vec<Fault> {
    let hiding = [Operation::CHANGE_MESSAGE_VISIBILITY, Operation::CHANGE_MESSAGE_VISIBILITY_BATCH];
    let courtesy = [publishing(destination)].into_iter().chain(hiding);
    let mut faults = Vec::new();
    // The first calls are those that carry whole batches.
    if random.u8(..3) == 0 {
        faults.push(Fault::new(pick(random, &SERVICES).cancel, refusal(400, "ValidationException")));
    }
    for operation in operations().chain(courtesy) {
        let most = if random.u8(..3) == 0 { 0 } else { 5 };
        for _ in 0..random.usize(..=most) {
            let times = pick(random, &[1, 1, 1, 2, 3, 7]);
            faults.push(Fault::new(operation, kind(random, operation)).times(times));
        }
    }
    faults
}

pub fn limits(random: &mut Rng) -> Vec<Limit> {
    let operations = operations().filter(|_| random.u8(..5) == 0);
    let operations: Vec<_> = operations.collect();
    let limit = |operation| Limit {
        operation,
        per_second: pick(random, &[0.3, 1.0, 5.0]),
        burst: pick(random, &[1.0, 2.0, 10.0]),
    };
    operations.into_iter().map(limit).collect()
}

fn kind(random: &mut Rng, operation: Operation) -> FaultKind {
    match random.u8(..10) {
        0 => FaultKind::Throttle { retry_after_ms: random.bool().then(|| random.u64(..3_000)) },
        1 | 2 => error(random, operation),
        3 => FaultKind::Drop {},
        4 | 5 => FaultKind::LoseReply {},
        6 => FaultKind::Hang {},
        7 => reply(random, operation),
        8 => FaultKind::Delay { ms: random.u64(50..7_000) },
        _ if operation.takes_entries() => FaultKind::FailEntries {
            entries: (0..10).filter(|_| random.bool()).collect(),
            code: pick(random, &["InternalFailure", "ThrottlingException", "AccessDeniedException"]).into(),
            message: None,
        },
        _ => FaultKind::LoseReply {},
    }
}

fn error(random: &mut Rng, operation: Operation) -> FaultKind {
    let mut errors = vec![
        (500, "InternalFailure"),
        (503, "ServiceUnavailable"),
        (500, "Surprise"),
        (400, "Surprise"),
        (403, "AccessDeniedException"),
        (400, "ExpiredTokenException"),
        (403, "RequestExpired"),
    ];
    if Operation::canceling().any(|cancel| cancel == operation) {
        errors.extend([(400, "ValidationException"); 3]);
    }
    let (status, code) = pick(random, &errors);
    refusal(status, code)
}

fn refusal(status: u16, code: &str) -> FaultKind {
    FaultKind::Error { status, code: code.into(), message: None, headers: BTreeMap::new() }
}

/// Replies that nobody can read, or that say nothing. An empty one is the way of some services to agree.
fn reply(random: &mut Rng, operation: Operation) -> FaultKind {
    let mut replies = vec![
        (200, "<html>later</html>"),
        (200, "{\"invalid"),
        (200, "[]"),
        (502, "<html>bad gateway</html>"),
    ];
    let agrees = |service: &&Service| service.cancel == operation && service.successes.contains(&"");
    if !SERVICES.iter().any(agrees) {
        replies.extend([(200, ""); 2]);
    }
    replies.extend([(200, "{\"__type\": \"InternalFailure\"}"); 2]);
    let (status, body) = pick(random, &replies);
    FaultKind::Reply { status, body: body.into(), headers: BTreeMap::new() }
}
