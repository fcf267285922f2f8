//! How fast the function is, beside others: `cargo bench --profile dev --bench speed`.
//!
//! Countermand's release binary, an empty function and handlers for the same job in Rust, Python and Node
//! (`benches/peers/`) are started as Lambda starts them, over a simulated Runtime API and simulated services behind TLS, in
//! turns, so that the machine's moods meet all of them. The table goes to the terminal, of a full run the
//! plot to `docs/speed.svg`. Names choose contestants; `--rounds N`, `--period-ms N` (of the CPU quota) and
//! `--binary PATH` (in place of the release binary) are the options. It fails where a contestant did not
//! do its work; no time that it takes is a failure.

mod arguments;
mod cold;
mod contestant;
mod machine;
mod measure;
mod plot;
mod process;
mod quota;
mod stage;
mod table;
mod warm;

use arguments::Arguments;
use contestant::{Contestant, Kind};
use measure::{Measure, Samples};
use quota::Quota;

/// The warm measures take longest, and differ least from one process to the next.
const COLD_ROUNDS_FOR_A_WARM_ONE: usize = 5;

fn main() -> std::io::Result<()> {
    let arguments = Arguments::read(std::env::args().skip(1)).map_err(std::io::Error::other)?;
    let contestants = contestant::prepare(&arguments)?;
    let quota = Quota::new(arguments.period);
    let unlimited = quota.check().err();
    // One thread, so that what is timed waits for no other thread of the benchmark.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let quota = unlimited.is_none().then_some(&quota);
    let samples = runtime.block_on(measure(&contestants, arguments.rounds, quota))?;

    println!("{}\n", machine::describe(&contestants, &arguments));
    println!("{}", table::markdown(&contestants, &samples));
    if let Some(why) = &unlimited {
        println!("\n{}: not measured: {why}", Measure::LimitedInvocation.name());
    }
    if contestants.len() == Kind::ALL.len() && unlimited.is_none() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/speed.svg"), plot::svg(&samples))?;
        println!("\ndocs/speed.svg shows the first invocation and the CPU of a cold start");
    }
    Ok(())
}

/// Every measure of every contestant, round by round.
async fn measure(
    contestants: &[Contestant],
    rounds: usize,
    quota: Option<&Quota>,
) -> std::io::Result<Samples> {
    let mut samples = Samples::default();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for contestant in contestants {
            let measured = measure_once(contestant, round, quota, &mut samples).await;
            let named = |error| std::io::Error::other(format!("{}: {error}", contestant.kind.name()));
            measured.map_err(named)?;
        }
    }
    Ok(samples)
}

async fn measure_once(
    contestant: &Contestant,
    round: usize,
    quota: Option<&Quota>,
    samples: &mut Samples,
) -> std::io::Result<()> {
    let mut add = |measure, value| samples.add(contestant.kind, measure, value);
    if round == 0 {
        add(Measure::Zip, contestant.zip_size()?);
    }
    cold::start(contestant, &mut add).await?;
    if let Some(quota) = quota {
        cold::start_limited(contestant, quota, &mut add).await?;
    }
    if round.is_multiple_of(COLD_ROUNDS_FOR_A_WARM_ONE) {
        warm::run(contestant, &mut add).await?;
        if contestant.kind == Kind::Countermand {
            warm::run_in_one(contestant, &mut add).await?;
        }
    }
    Ok(())
}
