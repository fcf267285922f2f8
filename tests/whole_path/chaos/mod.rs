//! The chaos test: whatever goes wrong, no request is lost, nothing is done that nobody meant, and nothing
//! is told that was not so.
//!
//! Each round is drawn from a seed ([`draw`]), run ([`run`]) and judged by what was seen of it ([`endings`],
//! [`meant`], [`truth`]). `CHAOS_ROUNDS=10000` runs more of them, `CHAOS_SEED=7` one alone; `CHAOS_PROCESSES=real`
//! runs them against the real binary, in real time.

mod draw;
mod endings;
mod faults;
mod history;
mod meant;
mod observed;
mod processes;
mod requests;
mod run;
mod statuses;
mod truth;
mod wire;

use std::collections::BTreeSet;

use libtest_mimic::Trial;

use self::draw::Round;
use self::observed::Observed;

const ROUNDS: u64 = 100;
/// In real time, a round takes up to a minute.
const REAL_ROUNDS: u64 = 5;

/// Says what is wrong with a round.
type Check = fn(&Round, &Observed) -> Result<(), String>;

/// What must hold of every round.
const CHECKS: [(&str, Check); 6] = [
    ("every invocation answers in time, and the queue gets empty", endings::in_time),
    ("every message ends in one way, and only after its last word", endings::one_end),
    ("a response names those that come again, and no other", endings::responses),
    ("a last word is the last", endings::last_words_are_last),
    ("nothing changes that no request means", meant::only_what_was_meant),
    ("what is told was so", truth::told_as_it_was),
];

/// One test for each kind of destination.
pub fn trials() -> Vec<Trial> {
    let trial = |destination| {
        let name = format!("chaos-with-outcomes-to-a-{destination}");
        Trial::test(name, move || check(destination).map_err(Into::into))
    };
    let again = Trial::test("chaos-comes-again-by-its-seed", || comes_again().map_err(Into::into));
    ["bus", "topic", "queue"].map(trial).into_iter().chain([again]).collect()
}

fn check(destination: &'static str) -> Result<(), String> {
    let (first, rounds) = match (number("CHAOS_SEED"), number("CHAOS_ROUNDS")) {
        (Some(seed), None) => (seed, 1),
        (seed, rounds) => (seed.unwrap_or(0), rounds.unwrap_or(if real() { REAL_ROUNDS } else { ROUNDS })),
    };
    let mut met = BTreeSet::new();
    for seed in first..first + rounds {
        let seen = judge(seed, destination)?;
        met.extend(seen.told.iter().filter_map(|told| told["status"].as_str().map(String::from)));
        met.extend(seen.deliveries.iter().map(|delivery| delivery.end.name().to_owned()));
        met.extend(seen.dead.keys().map(|_| "dead".to_owned()));
    }
    let missing = ALL.iter().find(|one| !met.contains(**one));
    match missing.filter(|_| rounds >= ROUNDS) {
        Some(missing) => Err(format!("{rounds} rounds: expected every ending, got no {missing}")),
        None => Ok(()),
    }
}

/// What so many rounds must have met at least once, or they prove too little.
const ALL: [&str; 13] = [
    "ACCEPTED",
    "PARTIAL",
    "ALREADY_CANCELED",
    "NOT_RUNNING",
    "NOT_FOUND",
    "REJECTED",
    "DRY_RUN",
    "DENIED",
    "FAILED",
    "answered",
    "unheard",
    "died",
    "dead",
];

fn judge(seed: u64, destination: &str) -> Result<Observed, String> {
    let (round, seen) = match real() {
        true => processes::run(seed, destination).map_err(|error| error.to_string())?,
        false => run::run(seed, destination),
    };
    let broken = CHECKS.iter().find_map(|(rule, check)| Some((rule, check(&round, &seen).err()?)));
    let Some((rule, wrong)) = broken else { return Ok(seen) };
    Err(format!(
        "seed {seed}: expected that {rule}, got: {wrong}\n\
         alone: CHAOS_SEED={seed} cargo test --test whole_path -- chaos-with-outcomes-to-a-{destination}{}",
        story(&round, &seen)
    ))
}

/// A round that fails must fail again.
fn comes_again() -> Result<(), String> {
    let calls = |seed| {
        let (_, seen) = run::run(seed, "bus");
        let calls = seen.calls.into_iter().map(|made| made.call);
        let calls = calls.map(|call| (call.at, call.operation, call.status, call.fault, call.duration_ms));
        calls.collect::<Vec<_>>()
    };
    (0..5).try_for_each(|seed| {
        let (first, second) = (calls(seed), calls(seed));
        let differs = first.iter().zip(&second).find(|(first, second)| first != second);
        match differs {
            Some((first, second)) => Err(format!("seed {seed}: expected {first:?}, got {second:?}")),
            None if first.len() != second.len() => Err(format!("seed {seed}: more calls than before")),
            None => Ok(()),
        }
    })
}

/// All that a reader needs to follow a round, where it runs alone.
fn story(round: &Round, seen: &Observed) -> String {
    if number("CHAOS_SEED").is_none() || number("CHAOS_ROUNDS").is_some() {
        return String::new();
    }
    let calls = seen.calls.iter().map(|made| {
        let call = &made.call;
        let (status, fault) = (call.status, call.fault.as_deref().unwrap_or("-"));
        format!("{:>7} {:?} {} {status:?} {fault} {}", call.at, made.by, call.operation, call.request)
    });
    let calls = calls.collect::<Vec<_>>().join("\n");
    let (sent, deliveries, history) = (&seen.sent, &seen.deliveries, &seen.history);
    format!("\n{round:#?}\n{sent:#?}\n{deliveries:#?}\n{history:#?}\n{calls}")
}

/// Whether the real binary runs.
fn real() -> bool {
    std::env::var("CHAOS_PROCESSES").is_ok_and(|value| match value.as_str() {
        "real" => true,
        _ => panic!("CHAOS_PROCESSES: expected real, got `{value}`"),
    })
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}: expected a number, got `{value}`")))
}
