//! Rounds, drawn from a seed: a world, requests that ask to be followed, what befalls the world meanwhile,
//! and what goes wrong, none of it for ever.

use countermand_simulator::{Fault, FaultKind, Operation, Simulator, Timestamp};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep_until};

use super::stage::{Kill, QUEUE};
use crate::services::SERVICES;
use crate::services::draw::{self, Event, Wanted, pick};

#[derive(Debug)]
pub struct Round {
    pub world: Value,
    /// After so many milliseconds.
    requests: Vec<(u64, Value)>,
    /// After so many milliseconds.
    events: Vec<(u64, Event)>,
    faults: Vec<Fault>,
    /// For each delivery, the last first.
    pub kills: Vec<Option<Kill>>,
}

impl Round {
    pub fn draw(seed: u64) -> Self {
        let random = &mut Rng::with_seed(seed);
        let mut requests: Vec<_> =
            (0..random.usize(1..12)).map(|number| (random.u64(..120_000), request(random, number))).collect();
        requests.sort_by_key(|(at, _)| *at);
        let mut events: Vec<_> = (0..random.usize(..15))
            .map(|number| (random.u64(..300_000), Event::draw(random, number)))
            .collect();
        events.sort_by_key(|(at, _)| *at);
        // In some rounds nearly nothing gets through, so that messages die.
        let one_of = pick(random, &[1, 8, 8, 8]);
        let most_calls = if one_of == 1 { 2 } else { 7 };
        let kills = (0..80).map(|_| (random.u8(..one_of) == 0).then(|| kill(random, most_calls))).collect();
        let faults = (0..random.usize(..8)).map(|_| fault(random)).collect();
        Self { world: world(random), requests, events, faults, kills }
    }

    /// Sends the requests and changes the world, each in its time.
    pub async fn befall(&self, simulator: &Simulator) {
        let start = Instant::now();
        let until = |at: u64| sleep_until(start + Duration::from_millis(at));
        self.faults.iter().for_each(|fault| simulator.script(fault.clone()));
        let send = async {
            for (at, request) in &self.requests {
                until(*at).await;
                simulator.send(QUEUE, &request.to_string());
            }
        };
        let happen = async {
            for (at, event) in &self.events {
                until(*at).await;
                let now = simulator.now();
                simulator.change(|world| event.happen(world, now));
            }
        };
        tokio::join!(send, happen);
    }
}

fn world(random: &mut Rng) -> Value {
    let mut world = json!(draw::world(random, Timestamp::now()));
    world["settleAfterMs"] = json!(pick(random, &[1_000, 20_000, 100_000, 1_000_000]));
    world
}

fn request(random: &mut Rng, number: usize) -> Value {
    let service = pick(random, &SERVICES);
    let mut request = Wanted::draw(random, service).request();
    request["requestId"] = json!(format!("request-{number}"));
    if random.u8(..5) > 0 {
        request["confirm"] = json!(true);
        request["confirmWithinSeconds"] = json!(pick(random, &[15, 31, 100, 600, 3_000]));
    }
    if let Some((_, field, value)) = service.beyond.filter(|_| random.bool()) {
        request[field] = value.parse().expect("JSON");
        request.as_object_mut().map(|request| request.remove("confirm"));
    }
    request
}

fn kill(random: &mut Rng, most_calls: usize) -> Kill {
    match random.bool() {
        true => Kill::After(Duration::from_millis(random.u64(..2_000))),
        false => Kill::Calls(random.usize(1..=most_calls)),
    }
}

fn fault(random: &mut Rng) -> Fault {
    let own = [
        Operation::SEND_MESSAGE_BATCH,
        Operation::SEND_MESSAGE_BATCH,
        Operation::PUT_EVENTS,
        Operation::PUT_EVENTS,
        Operation::CHANGE_MESSAGE_VISIBILITY,
        Operation::CHANGE_MESSAGE_VISIBILITY_BATCH,
    ];
    // Only a sweep calls these.
    let others = [
        Operation::COUNT_OPEN_WORKFLOW_EXECUTIONS,
        Operation::LIST_EXECUTIONS,
        Operation::LIST_STATE_MACHINE_EXECUTIONS,
    ];
    let operations = SERVICES.iter().flat_map(|service| service.operations());
    let operations = operations.filter(|operation| !others.contains(operation)).chain(own);
    let operation = pick(random, &operations.collect::<Vec<_>>());
    let error = |status: u16, code: &str| FaultKind::Error {
        status,
        code: code.into(),
        message: None,
        headers: [].into(),
    };
    let kind = match random.u8(..9) {
        0 => FaultKind::Drop {},
        1 => FaultKind::LoseReply {},
        2 => FaultKind::Hang {},
        3 => FaultKind::WithholdReply {},
        4 => FaultKind::Throttle { retry_after_ms: None },
        5 => FaultKind::Delay { ms: random.u64(..4_000) },
        6 if operation.takes_entries() => {
            FaultKind::FailEntries { entries: vec![0, 2], code: "InternalFailure".into(), message: None }
        }
        7 => error(403, "AccessDeniedException"),
        _ => error(500, "InternalFailure"),
    };
    Fault::new(operation, kind).times(random.u32(1..20))
}
