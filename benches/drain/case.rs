//! The cases: what waits, what the service allows, and what the function is told of it.

use std::time::Duration;

use countermand::targets;
use countermand_simulator::{Limit, Mapping, Redrive, Simulator, Timestamp, World};
use tokio::time::Instant;

use crate::services::{self, Service};

/// A record that is received more often than this is dead.
pub const MAX_RECEIVES: u32 = 20;
/// The queue that feeds the function.
pub const QUEUE: &str = "cancel-requests";
pub const DEAD: &str = "dead-letters";
/// The one run of each target.
const RUN: &str = "run-1";

/// One backlog and how it is drained.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    /// Which plot it belongs to.
    pub group: String,
    pub service: &'static Service,
    /// The quota is published, and each process takes its part of it; otherwise the rate is found.
    pub is_told: bool,
    pub requests: usize,
    pub per_second: f64,
    pub burst: f64,
    /// Processes that run, and from when on.
    pub processes: usize,
    pub each_starts_after: Duration,
    /// How many the function is told of.
    pub allowed: u32,
    /// `COUNTERMAND_RATES`.
    pub rates: String,
    pub timeout: Duration,
    /// Later limits: after so long, so many a second.
    pub changes: Vec<(Duration, f64)>,
}

/// The burst that is allowed at most: one that takes a whole backlog would show nothing.
const BURST: f64 = 30.0;

impl Case {
    /// Every case, those with pacing off after their own; with `many`, one of 100,000 requests too.
    pub fn all(many: bool) -> Vec<Self> {
        let mut cases = Vec::new();
        for base in services::SERVICES.map(Self::of) {
            let name = |kind: &str| format!("{}, {kind}", base.name);
            // A tenth of the pace takes ten times as long; a fifth of the requests shows as much.
            let (processes, requests) = (1, base.requests / 5);
            cases.extend([
                base.clone(),
                Self { name: name("ramp"), each_starts_after: Duration::from_secs(1), ..base.clone() },
                Self { name: name("one of ten"), processes, requests, ..base.clone() },
                Self { name: name("pacing off"), rates: services::unbounded_rates(), ..base.clone() },
            ]);
        }
        let unpublished = cases.iter().find(|case| !case.is_told).filter(|_| many).cloned();
        cases.extend(unpublished.map(|case| Self {
            name: "100,000".into(),
            group: format!("{}, 200/s then 80/s then 160/s, not told", case.name),
            requests: 100_000,
            per_second: 200.0,
            burst: 200.0,
            processes: 50,
            allowed: 50,
            timeout: Duration::from_secs(30),
            changes: vec![(Duration::from_secs(200), 80.0), (Duration::from_secs(500), 160.0)],
            ..case
        }));
        cases
    }

    /// As fast as its quota, or as a rate that has to be found, which takes a longer backlog.
    fn of(service: &'static Service) -> Self {
        let operation = service.cancel.name();
        let published = targets::SERVICES.iter().find(|one| one.cancel.name == operation);
        let quota = published.and_then(|one| one.cancel.quota);
        let (per_second, burst) = quota.map_or((5.0, 5.0), |it| (it.per_second, it.burst.min(BURST)));
        let is_told = quota.is_some();
        let told = if is_told { "told" } else { "not told" };
        Self {
            name: service.name().into(),
            group: format!("{}, {per_second}/s, {told}", service.name()),
            service,
            is_told,
            requests: (per_second * if is_told { 20.0 } else { 40.0 }).max(60.0) as usize,
            per_second,
            burst,
            processes: 10,
            each_starts_after: Duration::ZERO,
            allowed: 10,
            rates: quota.map_or(String::new(), |_| format!("{operation}={per_second}/{burst}")),
            timeout: Duration::from_secs(if is_told { 30 } else { 5 }),
            changes: vec![],
        }
    }

    /// The shortest time in which the service could take all requests, in seconds, from the processes that
    /// there are: where the quota is known, each takes its part and no more.
    pub fn ideal(&self) -> f64 {
        let share = if self.is_told { self.processes as f64 / f64::from(self.allowed) } else { 1.0 };
        let mut left = self.requests as f64 - self.burst * share;
        // A process that starts later has less time for its part.
        let idle: f64 =
            (0..self.processes).map(|number| number as f64 * self.each_starts_after.as_secs_f64()).sum();
        if share == 1.0 && self.is_told {
            left += idle * self.per_second / self.processes as f64;
        }
        let (mut from, mut rate) = (0.0, self.per_second * share);
        for (after, next) in &self.changes {
            let until = after.as_secs_f64();
            if left <= (until - from) * rate {
                break;
            }
            left -= (until - from) * rate;
            (from, rate) = (until, *next);
        }
        from + left.max(0.0) / rate
    }

    /// The variables beside the simulator's own.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("COUNTERMAND_FUNCTION_CONCURRENCY", self.allowed.to_string()),
            ("COUNTERMAND_RATES", self.rates.clone()),
            ("COUNTERMAND_MAX_RECEIVE_COUNT", MAX_RECEIVES.to_string()),
            ("COUNTERMAND_PIN_AFTER_SECONDS", "100000".into()),
            ("AWS_LAMBDA_LOG_LEVEL", "ERROR".into()),
        ]
    }

    /// The target and the run of a request.
    fn asked(&self, number: usize) -> (String, String) {
        let target = target(number);
        let run = (self.service.id)(&target, RUN);
        (target, run)
    }

    /// Something for each request to cancel.
    pub fn world(&self) -> World {
        let mut world = World { queues: vec![QUEUE.into(), DEAD.into()], ..World::default() };
        let redrive = Redrive { dead_letter_queue: DEAD.into(), max_receive_count: MAX_RECEIVES };
        world.redrive.insert(QUEUE.into(), redrive);
        for number in 0..self.requests {
            let (target, run) = self.asked(number);
            (self.service.begin)(&mut world, &target, &run, Timestamp::now());
        }
        world
    }

    /// Sets the limit and fills the queue.
    pub fn prepare(&self, simulator: &Simulator) -> Mapping {
        simulator.limit(Limit {
            operation: self.service.cancel,
            per_second: self.per_second,
            burst: self.burst,
        });
        for number in 0..self.requests {
            let (target, run) = self.asked(number);
            let request = (self.service.ask)(&target, Some(&[run]));
            simulator.send(QUEUE, &request.to_string());
        }
        simulator.mapping(QUEUE).visibility(self.timeout * 6)
    }

    /// Lowers and raises the limit as time goes on; for ever, to be dropped with the case.
    pub async fn change_limits(&self, simulator: &Simulator, start: Instant) {
        for (after, per_second) in &self.changes {
            tokio::time::sleep_until(start + *after).await;
            simulator.limit(Limit {
                operation: self.service.cancel,
                per_second: *per_second,
                burst: *per_second,
            });
        }
        std::future::pending::<()>().await;
    }
}

fn target(number: usize) -> String {
    format!("t-{number}")
}
