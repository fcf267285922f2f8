//! Worlds, requests and what happens meanwhile, drawn for all services alike.
//!
//! It is data. Of a service it knows whether its runs go side by side or one after the other, and how many a
//! request can name.

use std::time::Duration;

use countermand_simulator::{Timestamp, World};
use fastrand::Rng;
use serde_json::Value;

use super::{SERVICES, Service, key_of};

const TARGETS: usize = 3;
/// So many runs of a target are known by name; the last two begin later, if at all.
const RUNS: usize = 7;
const LATER: usize = RUNS - 2;
/// Of runs that are this far apart, neither continues the other.
const APART: i64 = 1_100;

/// What a request asks for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub service: &'static Service,
    pub target: String,
    /// None named are those of its moment.
    pub runs: Option<Vec<String>>,
}

/// It happens where it can, and is nothing elsewhere.
#[derive(Clone, Debug)]
pub struct Event {
    service: &'static Service,
    target: String,
    run: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Begins,
    /// The run ends by itself; one that was asked to end is mostly canceled.
    Ends {
        state: &'static str,
        heeds: bool,
        next: String,
    },
}

pub fn pick<T: Copy>(random: &mut Rng, choices: &[T]) -> T {
    choices[random.usize(..choices.len())]
}

/// The moment so many milliseconds after the base.
pub fn at(base: Timestamp, millis: i64) -> Timestamp {
    let apart = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { base - apart } else { base + apart }
}

fn target(number: usize) -> String {
    format!("t-{number}")
}

fn run(service: &Service, target: &str, number: usize) -> String {
    (service.id)(target, &format!("r-{number}"))
}

/// A world in which every service has runs that began before.
pub fn world(random: &mut Rng, base: Timestamp) -> World {
    let mut world = World {
        appflow_records_order: serde_json::from_str(pick(
            random,
            &["\"newestFirst\"", "\"oldestFirst\"", "\"shuffled\""],
        ))
        .expect("an order"),
        most_per_page: std::num::NonZeroUsize::new(pick(random, &[0, 1, 3])),
        ..World::default()
    };
    for service in SERVICES {
        for target in (0..TARGETS).map(target) {
            match service.one_at_a_time {
                true => chain(random, base, service, &target, &mut world),
                false => side_by_side(random, base, service, &target, &mut world),
            }
        }
    }
    world
}

fn side_by_side(random: &mut Rng, base: Timestamp, service: &Service, target: &str, world: &mut World) {
    for run in (0..LATER).map(|number| run(service, target, number)) {
        let started = -random.i64(1..400_000);
        (service.begin)(world, target, &run, at(base, started));
        if random.bool() {
            (service.set)(world, target, &run, pick(random, service.states), at(base, started / 2));
        }
    }
}

/// Runs of which one may continue the one before; the last may be open.
fn chain(random: &mut Rng, base: Timestamp, service: &Service, target: &str, world: &mut World) {
    let mut time = -random.i64(300_000..600_000);
    let ended = random.usize(..LATER);
    let ends: Vec<_> = service.states.iter().copied().filter(|state| *state != "CANCELING").collect();
    let run = |number| run(service, target, number);
    for run in (0..ended).map(run) {
        let state = if random.bool() { "CONTINUED_AS_NEW" } else { pick(random, &ends) };
        (service.begin)(world, target, &run, at(base, time));
        time += random.i64(1_000..60_000);
        (service.set)(world, target, &run, state, at(base, time));
        time += match state {
            "CONTINUED_AS_NEW" => pick(random, &[0, 400, 1_000, 1_001, 5_000]),
            _ => random.i64(APART..20_000),
        };
    }
    let is_open = random.u8(..8);
    if is_open > 1 {
        (service.begin)(world, target, &run(ended), at(base, time));
    }
    if is_open > 6 {
        (service.set)(world, target, &run(ended), "CANCELING", at(base, time + 500));
    }
}

impl Wanted {
    /// Most requests are for one target, so that they share calls.
    pub fn draw(random: &mut Rng, service: &'static Service) -> Self {
        let target = target(pick(random, &[0, 0, 0, 1, 2, TARGETS]));
        let runs = (!service.can_mean_any() || random.bool()).then(|| {
            let mut runs: Vec<String> = (0..=RUNS).map(|number| run(service, &target, number)).collect();
            random.shuffle(&mut runs);
            runs.truncate(if service.takes_many() { random.usize(1..5) } else { 1 });
            runs
        });
        Self { service, target, runs }
    }

    pub fn request(&self) -> Value {
        (self.service.ask)(&self.target, self.runs.as_deref())
    }

    /// As outcomes have it.
    pub fn key(&self) -> String {
        key_of(&self.request()).expect("a request has a key")
    }
}

impl Event {
    pub fn draw(random: &mut Rng, number: usize) -> Self {
        let service = pick(random, &SERVICES);
        let endings = service.endings();
        let (what, runs) = match random.bool() {
            true => (What::Begins, LATER..RUNS),
            false => {
                let next = format!("next-{number}");
                (What::Ends { state: pick(random, &endings), heeds: random.u8(..4) > 0, next }, 0..RUNS)
            }
        };
        let target = target(random.usize(..TARGETS));
        let run = run(service, &target, random.usize(runs));
        Self { service, target, run, what }
    }

    pub fn happen(&self, world: &mut World, now: Timestamp) {
        let Self { service, target, run, what } = self;
        let runs: Vec<_> = world.runs().into_iter().filter(|run| service.has(target, run)).collect();
        let mut open = runs.iter().filter(|run| ["RUNNING", "CANCELING"].contains(&run.state));
        match what {
            What::Begins => {
                // A run that began just as another one was continued would be taken for its continuation.
                let apart = Duration::from_millis(APART.unsigned_abs() + 400);
                let ended_long_ago =
                    || runs.iter().all(|run| run.changed.is_some_and(|end| end + apart < now));
                let is_free = !service.one_at_a_time || open.next().is_none() && ended_long_ago();
                if is_free && runs.iter().all(|other| other.id != *run) {
                    (service.begin)(world, target, run, now);
                }
            }
            What::Ends { state, heeds, next } => {
                let Some(run) = open.find(|one| service.one_at_a_time || one.id == *run) else { return };
                let state = match run.state {
                    "CANCELING" if *heeds => "CANCELED",
                    "CANCELING" if !service.one_at_a_time => return,
                    _ => state,
                };
                (service.set)(world, target, &run.id, state, now);
                if state == "CONTINUED_AS_NEW" {
                    (service.begin)(world, target, next, now);
                }
            }
        }
    }
}
