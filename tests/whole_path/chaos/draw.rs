//! A round, drawn from its seed alone: the world, what befalls it, what is sent, and what goes wrong.
//!
//! It is data. Nothing here knows how a round is run or what must come of it. Times are milliseconds
//! since the round began. All that goes wrong comes to an end, so that every queue gets empty.

use std::num::NonZeroUsize;
use std::time::Duration;

use countermand_simulator::{
    AppflowRecordsOrder, CloseStatus, CloudflowExecution, CloudflowFlow, CloudflowStatus, Domain, Fault,
    Flow, Limit, Redrive, Run, RunStatus, Timestamp, WorkflowExecution, World,
};
use fastrand::Rng;

use super::events::{self, Event};
use super::faults;
use super::requests::{self, Message};

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
        let mut world = world(random, base);
        let queue = QUEUES[usize::from(in_order)];
        world.queues.extend([queue, DEAD].map(String::from));
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
            events: events::draw(random),
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

pub fn pick<T: Copy>(random: &mut Rng, choices: &[T]) -> T {
    choices[random.usize(..choices.len())]
}

/// The moment so many milliseconds after the base.
pub fn at(base: Timestamp, millis: i64) -> Timestamp {
    let apart = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { base - apart } else { base + apart }
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

fn world(random: &mut Rng, base: Timestamp) -> World {
    let orders =
        [AppflowRecordsOrder::NewestFirst, AppflowRecordsOrder::OldestFirst, AppflowRecordsOrder::Shuffled];
    World {
        appflow: (0..requests::FLOWS)
            .map(|flow| (format!("flow-{flow}"), self::flow(random, base)))
            .collect(),
        swf: [(requests::DOMAIN.into(), domain(random, base))].into(),
        cloudflow: [(requests::CLOUDFLOW.into(), cloudflow(random, base))].into(),
        buses: vec!["outcomes".into()],
        topics: vec!["outcomes".into()],
        queues: vec!["outcomes".into()],
        appflow_records_order: pick(random, &orders),
        most_per_page: pick(random, &[None, NonZeroUsize::new(1), NonZeroUsize::new(3)]),
        ..World::default()
    }
}

fn flow(random: &mut Rng, base: Timestamp) -> Flow {
    use RunStatus::{Canceled, Error, InProgress, Successful};
    let statuses = [InProgress, InProgress, InProgress, Successful, Error, Canceled];
    let run = |number| {
        let started = -random.i64(1..400_000);
        Run {
            started_at: Some(at(base, started)),
            last_updated_at: Some(at(base, started / 2)),
            ..Run::new(format!("r-{number}"), pick(random, &statuses))
        }
    };
    Flow { runs: (0..requests::RUNS - 2).map(run).collect() }
}

/// Of each workflow a chain of runs, one of which may continue the one before; the last may be open.
fn domain(random: &mut Rng, base: Timestamp) -> Domain {
    use CloseStatus::{Canceled, Completed, ContinuedAsNew, Failed};
    let mut executions = Vec::new();
    for workflow in 0..requests::WORKFLOWS {
        let mut time = -random.i64(300_000..600_000);
        for run in 0..random.usize(..4) {
            let (id, run_id) = (format!("w-{workflow}"), format!("w-{workflow}-old-{run}"));
            let status = pick(random, &[Canceled, Completed, ContinuedAsNew, Failed]);
            let end = time + random.i64(1_000..60_000);
            executions.push(WorkflowExecution {
                started_at: Some(at(base, time)),
                closed_at: Some(at(base, end)),
                ..WorkflowExecution::closed(id, run_id, status)
            });
            time =
                end + if status == ContinuedAsNew { random.i64(0..900) } else { random.i64(1_100..20_000) };
        }
        if random.u8(..4) > 0 {
            let open = WorkflowExecution::open(format!("w-{workflow}"), format!("w-{workflow}-open"));
            executions.push(WorkflowExecution { started_at: Some(at(base, time)), ..open });
        }
    }
    Domain { executions }
}

fn cloudflow(random: &mut Rng, base: Timestamp) -> CloudflowFlow {
    use CloudflowStatus::{Failed, Running, Starting, Stopped, Succeeded};
    let statuses = [Running, Running, Starting, Stopped, Succeeded, Failed];
    let execution = |number| {
        let status = pick(random, &statuses);
        let ended = !matches!(status, Running | Starting);
        CloudflowExecution {
            name: format!("e-{number}"),
            status,
            started_time: Some(at(base, -60_000)),
            stopped_time: ended.then(|| at(base, -30_000)),
            stop_requested_at: None,
        }
    };
    CloudflowFlow { executions: (0..requests::EXECUTIONS).map(execution).collect() }
}
