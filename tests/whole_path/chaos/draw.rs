//! A round, drawn from its seed alone: the world, what befalls it, what is sent, and what goes wrong.
//!
//! It is data. Nothing here knows how a round is run or what must come of it. Times are milliseconds
//! since the round began. All that goes wrong comes to an end, so that every queue gets empty.

use std::time::Duration;

use countermand_simulator::{Fault, Limit, Redrive, Timestamp, World};
use fastrand::Rng;

use super::faults;
use super::requests::{self, Message};
use crate::services::draw::{self, Event, pick};

/// The queue of an in-order round ends as those of SQS do.
const QUEUES: [&str; 2] = ["requests", "requests.fifo"];
pub const DEAD: &str = "dead";

/// How a process ends before its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Death {
    /// So many milliseconds after its start.
    After(u64),
    /// As it makes its call of this number, the call reaching nobody.
    Unsent(u64),
    /// The service did what was asked, and the answer never arrives.
    Unheard(u64),
    /// Just after the answer arrived.
    Heard(u64),
    /// The call panics.
    Panic(u64),
    /// It lives, but the first response does not reach Lambda.
    Response,
}

#[derive(Debug)]
pub struct Round {
    pub in_order: bool,
    pub processes: usize,
    pub batch_size: usize,
    pub timeout: Duration,
    pub visibility: Duration,
    pub max_receives: u32,
    /// In milliseconds.
    pub pin_after: i64,
    pub variables: Vec<(&'static str, String)>,
    pub world: World,
    pub messages: Vec<Message>,
    pub events: Vec<(i64, Event)>,
    pub faults: Vec<Fault>,
    pub limits: Vec<Limit>,
    /// The last is the first to come.
    pub deaths: Vec<Death>,
}

impl Round {
    /// The round of this seed, which begins at `base`, with outcomes sent to that kind of destination.
    pub fn draw(seed: u64, base: Timestamp, destination: &str) -> Round {
        let random = &mut Rng::with_seed(seed);
        let in_order = random.u8(..6) == 0;
        let processes = random.usize(1..5);
        let max_receives = random.u32(2..8);
        let timeout = Duration::from_millis(pick(random, &[3_000, 6_000, 12_000, 30_000]));
        let pin_after = pick(random, &[60, 60, 60, 10, 0]);
        let variables = vec![
            ("COUNTERMAND_OUTCOME_DESTINATION", arn(destination)),
            ("COUNTERMAND_FUNCTION_CONCURRENCY", processes.to_string()),
            ("COUNTERMAND_PIN_AFTER_SECONDS", pin_after.to_string()),
            ("COUNTERMAND_MAX_ATTEMPTS", random.u32(1..7).to_string()),
            ("COUNTERMAND_MAX_IN_FLIGHT_CALLS", pick(random, &[1, 3, 10, 10]).to_string()),
        ];
        let mut world = draw::world(random, base);
        let queue = QUEUES[usize::from(in_order)];
        world.queues = ["outcomes", queue, DEAD].map(String::from).into();
        (world.buses, world.topics) = (vec!["outcomes".into()], vec!["outcomes".into()]);
        let mut events: Vec<_> = (0..random.usize(..25))
            .map(|number| (random.i64(0..150_000), Event::draw(random, number)))
            .collect();
        events.sort_by_key(|(at, _)| *at);
        let mut round = Round {
            in_order,
            processes,
            batch_size: random.usize(1..11),
            timeout,
            visibility: timeout.mul_f64(pick(random, &[1.1, 2.0, 6.0])),
            max_receives,
            pin_after: pin_after * 1_000,
            variables,
            messages: requests::draw(random, base),
            events,
            faults: faults::draw(random, destination),
            limits: faults::limits(random),
            deaths: (0..random.usize(..7)).map(|_| death(random)).collect(),
            world,
        };
        round.set_max_receives(max_receives);
        round
    }

    /// As the queue moves its messages away, so the function is told.
    pub fn set_max_receives(&mut self, max_receives: u32) {
        const NAME: &str = "COUNTERMAND_MAX_RECEIVE_COUNT";
        let redrive = Redrive { dead_letter_queue: DEAD.into(), max_receive_count: max_receives };
        self.max_receives = max_receives;
        self.world.redrive.insert(self.queue().into(), redrive);
        self.variables.retain(|(name, _)| *name != NAME);
        self.variables.push((NAME, max_receives.to_string()));
    }

    pub fn queue(&self) -> &'static str {
        QUEUES[usize::from(self.in_order)]
    }
}

fn arn(destination: &str) -> String {
    let name = match destination {
        "bus" => "events:us-east-1:111122223333:event-bus/outcomes",
        "topic" => "sns:us-east-1:111122223333:outcomes",
        _ => "sqs:us-east-1:111122223333:outcomes",
    };
    format!("arn:aws:{name}")
}

fn death(random: &mut Rng) -> Death {
    let call = random.u64(1..16);
    match random.u8(..7) {
        0 => Death::After(random.u64(..20_000)),
        1 => Death::Unsent(call),
        2 | 3 => Death::Unheard(call),
        4 => Death::Heard(call),
        5 => Death::Panic(call),
        _ => Death::Response,
    }
}
