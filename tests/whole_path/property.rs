//! Whatever the world and whatever the request: what changes was meant, and what is told is so.
//!
//! Rounds are random and reproducible by their seed. Each makes a world of runs and a request to one service,
//! hands it to one running function, and compares with what [`Expected`] works out from the world alone, by the
//! contract's table and not by the function's code.

use std::collections::BTreeSet;
use std::time::Duration;

use countermand_simulator::{AnyRun, Invocation, Reply, Simulator, Timestamp, World};
use fastrand::Rng;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::case::{self, Function};
use crate::services::draw::{self, Wanted, at, pick};
use crate::services::{self, SERVICES, Service};

const ROUNDS: u64 = 300;
/// What runs began and ended before.
const BASE: &str = "2025-01-02T03:04:05.678Z";

/// The property of each service, as tests.
pub fn trials() -> Vec<Trial> {
    let trial = |service: &'static Service| {
        let name = format!("property-{}-only-what-was-meant-changes-and-the-outcome-says-so", service.name());
        Trial::test(name, move || case::in_real_time(check(service)).map_err(Into::into))
    };
    let mut trials: Vec<Trial> = SERVICES.map(trial).into();
    let test = || case::in_real_time(check_batches()).map_err(Into::into);
    trials.push(Trial::test("a-batch-for-all-services-gives-each-its-own-outcome-in-every-order", test));
    trials
}

/// A world, and a request that may say when it was made.
struct Round {
    world: World,
    wanted: Wanted,
    made: Option<Timestamp>,
    dry_run: bool,
}

/// What must follow.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    /// The ids of the runs that change.
    changed: BTreeSet<String>,
    status: &'static str,
    /// Where the runs are told of one by one.
    executions: Option<Vec<Value>>,
}

async fn check(service: &'static Service) -> Result<(), String> {
    let (simulator, _function) = start().await?;
    for seed in 0..ROUNDS {
        compare(&simulator, seed, &[Round::draw(&mut Rng::with_seed(seed), service)]).await?;
    }
    Ok(())
}

/// One request to each service, in each of the orders that there are, several times.
async fn check_batches() -> Result<(), String> {
    let (simulator, _function) = start().await?;
    for seed in 0..ROUNDS / 3 {
        let mut random = Rng::with_seed(seed);
        let mut services = SERVICES.to_vec();
        let mut order = usize::try_from(seed).unwrap_or_default();
        let services = (1..=SERVICES.len()).rev().map(|left| {
            let next = services.remove(order % left);
            order /= left;
            next
        });
        let mut rounds: Vec<_> = services.map(|service| Round::draw(&mut random, service)).collect();
        let world = rounds[0].world.clone();
        rounds.iter_mut().for_each(|round| round.world = world.clone());
        compare(&simulator, seed, &rounds).await?;
    }
    Ok(())
}

async fn start() -> Result<(Simulator, Function), String> {
    let simulator = Simulator::start(World::default(), ([127, 0, 0, 1], 0).into()).await;
    let simulator = simulator.map_err(|error| error.to_string())?;
    let function = case::start_with(&simulator, [("COUNTERMAND_RATES", &services::unbounded_rates())])
        .map_err(|error| error.to_string())?;
    Ok((simulator, function))
}

/// Rounds in one world, their requests in one event.
async fn compare(simulator: &Simulator, seed: u64, rounds: &[Round]) -> Result<(), String> {
    let requests: Vec<_> = rounds.iter().map(Round::request).collect();
    let all = run(simulator, &rounds[0].world, &requests).await?;
    for ((round, request), (outcome, mut got)) in rounds.iter().zip(&requests).zip(all) {
        let expected = Expected::of(round);
        got.executions = got.executions.filter(|_| expected.executions.is_some());
        if got != expected {
            let world = json!(round.world);
            return Err(format!(
                "seed {seed}: expected {expected:?}, got {got:?}\n--- request\n{request}\n--- outcome\n{outcome}\n--- world\n{world:#}"
            ));
        }
    }
    Ok(())
}

/// The outcomes, and what of each and of the world is compared.
async fn run(
    simulator: &Simulator,
    world: &World,
    requests: &[Value],
) -> Result<Vec<(Value, Expected)>, String> {
    simulator.change(|now| *now = world.clone());
    let before = simulator.world().runs();
    let invocation = Invocation { timeout: Duration::from_secs(20), ..Invocation::default() };
    let event = match requests {
        [request] => request.to_string(),
        requests => json!(requests).to_string(),
    };
    let reply = simulator.invoke(event, invocation).await;
    let (Reply::Response(outcomes) | Reply::FunctionError { error_message: outcomes, .. }) = reply else {
        return Err(format!("expected outcomes, got {reply:?}"));
    };
    let outcomes = match serde_json::from_str(&outcomes).map_err(|error| error.to_string())? {
        Value::Array(outcomes) => outcomes,
        outcome => vec![outcome],
    };
    let after = simulator.world().runs();
    let changed = after.iter().zip(&before).filter(|(after, before)| after.state != before.state);
    let changed: Vec<_> = changed.map(|(run, _)| run).collect();
    let keys: Vec<_> = requests.iter().map(services::key_of).collect();
    let is_of = |run: &AnyRun, key: &Option<String>| Some(&run.key) == key.as_ref();
    let got = outcomes.into_iter().zip(&keys).map(|(outcome, key)| {
        let own = changed.iter().filter(|run| is_of(run, key)).map(|run| run.id.clone());
        // Of no other target either.
        let strange = changed.iter().filter(|run| !keys.iter().any(|key| is_of(run, key)));
        let changed = own.chain(strange.map(|run| run.key.clone())).collect();
        let status = outcome["status"].as_str().unwrap_or_default();
        let status = STATUSES.into_iter().find(|known| *known == status).unwrap_or_default();
        let executions = outcome["result"]["executions"].as_array().cloned();
        (outcome, Expected { changed, status, executions })
    });
    Ok(got.collect())
}

const STATUSES: [&str; 7] =
    ["ACCEPTED", "PARTIAL", "ALREADY_CANCELED", "NOT_RUNNING", "NOT_FOUND", "FAILED", "DRY_RUN"];

impl Round {
    fn draw(random: &mut Rng, service: &'static Service) -> Self {
        let base = BASE.parse().expect("a time");
        let world = draw::world(random, base);
        let wanted = Wanted::draw(random, service);
        // Near to what has happened or far from it, on both sides and at it.
        let runs = runs_of(&world, &wanted).into_iter();
        let mut times: Vec<_> = runs.flat_map(|run| [run.started, run.changed]).flatten().collect();
        times.push(base);
        let time = pick(random, &times);
        let made = at(time, pick(random, &[-86_400_000, -1_001, -1, 0, 1, 999, 86_400_000]));
        Self { world, wanted, made: random.bool().then_some(made), dry_run: random.u8(..5) == 0 }
    }

    fn request(&self) -> Value {
        let mut request = self.wanted.request();
        if let Some(made) = self.made {
            request["requestedAt"] = json!(made);
        }
        if self.dry_run {
            request["dryRun"] = json!(true);
        }
        request
    }
}

/// The runs of what is wanted, in the order of their starts.
fn runs_of(world: &World, wanted: &Wanted) -> Vec<AnyRun> {
    let key = wanted.key();
    let mut runs: Vec<_> = world.runs().into_iter().filter(|run| run.key == key).collect();
    runs.sort_by_key(|run| run.started);
    runs
}

impl Expected {
    fn of(round: &Round) -> Self {
        let runs = runs_of(&round.world, &round.wanted);
        let Wanted { service, runs: named, .. } = &round.wanted;
        let one = |named: &[String]| runs.iter().find(|run| run.id == named[0]);
        match named {
            _ if runs.is_empty() => Self::status("NOT_FOUND"),
            Some(named) if !service.takes_many() && one(named).is_none() => Self::status("NOT_FOUND"),
            None if service.one_at_a_time && Self::newest(&runs, round.made).status == "FAILED" => {
                Self::status("FAILED")
            }
            _ if round.dry_run => Self::status("DRY_RUN"),
            Some(named) if service.takes_many() => Self::several(&runs, named),
            Some(named) => one(named).map_or_else(Self::default, |run| Self::one(run, run.changed)),
            None if service.one_at_a_time => Self::newest(&runs, round.made),
            None => Self::all(&runs, round.made),
        }
    }

    fn status(status: &'static str) -> Self {
        Self { status, ..Self::default() }
    }

    /// What was canceled before the request was made was not canceled for it.
    fn one(run: &AnyRun, made: Option<Timestamp>) -> Self {
        match run.state {
            "RUNNING" => Self { changed: [run.id.clone()].into(), ..Self::status("ACCEPTED") },
            "CANCELING" => Self::status("ACCEPTED"),
            "CANCELED" if made.is_some() && run.changed >= made => Self::status("ALREADY_CANCELED"),
            _ => Self::status("NOT_RUNNING"),
        }
    }

    /// The newest run that had started by then, or what continues it, link by link, decides.
    fn newest(runs: &[AnyRun], made: Option<Timestamp>) -> Self {
        let Some(newest) = runs.iter().rposition(|run| made.is_none() || run.started <= made) else {
            return Self::status("NOT_RUNNING");
        };
        let continues = |run: &AnyRun, next: &AnyRun| {
            run.state == "CONTINUED_AS_NEW" && next.started <= run.changed.map(|end| at(end, 1_000))
        };
        let links = runs[newest..].windows(2).take_while(|pair| continues(&pair[0], &pair[1])).count();
        let found = &runs[newest + links];
        match found.state == "CONTINUED_AS_NEW" && newest + links + 1 == runs.len() {
            // What continues it is not there, and must be somewhere.
            true => Self::status("FAILED"),
            false => Self::one(found, made),
        }
    }

    /// All that is active, or that was where the request says when it was made.
    fn all(runs: &[AnyRun], made: Option<Timestamp>) -> Self {
        let meant = runs.iter().filter(|run| made.is_none() || run.started <= made);
        let changed: BTreeSet<_> =
            meant.clone().filter(|run| run.state == "RUNNING").map(|run| run.id.clone()).collect();
        let canceled = |run: &&AnyRun| run.state.starts_with("CANCEL") && run.changed >= made;
        let status = match (made, changed.is_empty(), meant.filter(canceled).count()) {
            (None, ..) | (_, false, _) => "ACCEPTED",
            (_, true, 0) => "NOT_RUNNING",
            _ => "ALREADY_CANCELED",
        };
        Self { changed, ..Self::status(status) }
    }

    fn several(runs: &[AnyRun], named: &[String]) -> Self {
        let state = |id: &String| match runs.iter().find(|run| run.id == *id).map(|run| run.state) {
            Some("RUNNING") => "ACCEPTED",
            Some("CANCELING" | "CANCELED") => "ALREADY_CANCELED",
            Some(_) => "ALREADY_FINISHED",
            None => "NOT_LISTED",
        };
        let count = |wanted| named.iter().filter(|id| state(id) == wanted).count();
        let all = |wanted| count(wanted) == named.len();
        let status = match count("ACCEPTED") {
            0 if all("ALREADY_CANCELED") => "ALREADY_CANCELED",
            0 if all("NOT_LISTED") => "NOT_FOUND",
            0 => "NOT_RUNNING",
            accepted if accepted + count("ALREADY_CANCELED") == named.len() => "ACCEPTED",
            _ => "PARTIAL",
        };
        let executions = named.iter().map(|id| json!({"executionId": id, "state": state(id)})).collect();
        let changed = named.iter().filter(|id| state(id) == "ACCEPTED").cloned().collect();
        Self { changed, status, executions: Some(executions) }
    }
}
