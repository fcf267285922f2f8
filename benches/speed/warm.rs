//! A process that lives on: single records, batches whose calls take their time, a thousand records, and what
//! memory all that took. Each invocation begins when the process has asked for it, as Lambda has it.

use std::io;
use std::time::Duration;

use crate::contestant::Contestant;
use crate::measure::{Measure, median, milliseconds, percentile};
use crate::process::Process;
use crate::stage::{FLOWS, Stage};

const WARM_UPS: usize = 50;
const SINGLES: usize = 200;
const BATCH: usize = 10;
const SLOW_BATCHES: usize = 5;
const BATCHES: usize = 100;
const THOUSAND: usize = 1_000;
/// The most records of one event.
const MOST: usize = 10_000;
/// Of every API call, while batches are timed. Cancels and publishing are two round trips.
pub const REPLY: Duration = Duration::from_millis(50);

pub async fn run(contestant: &Contestant, add: &mut impl FnMut(Measure, f64)) -> io::Result<()> {
    let records = WARM_UPS + SINGLES + BATCH * (1 + SLOW_BATCHES) + 3 * THOUSAND;
    let stage = Stage::build(records).await?;
    let process = stage.start(contestant, None).await?;
    invoke(&stage, WARM_UPS, 1, FLOWS).await?;
    let singles = invoke(&stage, SINGLES, 1, FLOWS).await?;
    add(Measure::Warm, median(&singles));
    add(Measure::WarmTail, percentile(&singles, 99));
    // It opens the connections that a batch needs.
    invoke(&stage, 1, BATCH, FLOWS).await?;
    stage.delay(REPLY);
    for took in invoke(&stage, SLOW_BATCHES, BATCH, FLOWS).await? {
        add(Measure::Batch, took);
    }
    stage.delay(Duration::ZERO);
    add(Measure::ThousandAlone, cpu(&stage, &process, THOUSAND, 1, FLOWS).await?);
    add(Measure::Thousand, cpu(&stage, &process, BATCHES, BATCH, FLOWS).await?);
    add(Measure::ThousandShared, cpu(&stage, &process, BATCHES, BATCH, 1).await?);
    add(Measure::Memory, process.peak_memory()?);
    stage.check(contestant)
}

/// One event with as many records as there can be, after another one. Others would make that many calls.
pub async fn run_in_one(contestant: &Contestant, add: &mut impl FnMut(Measure, f64)) -> io::Result<()> {
    let stage = Stage::build(1 + MOST).await?;
    let process = stage.start(contestant, None).await?;
    invoke(&stage, 1, 1, 1).await?;
    add(Measure::TenThousand, cpu(&stage, &process, 1, MOST, 1).await?);
    add(Measure::TenThousandMemory, process.peak_memory()?);
    stage.check(contestant)
}

/// The CPU of so many invocations, until the process is done with the last of them.
async fn cpu(
    stage: &Stage,
    process: &Process,
    times: usize,
    records: usize,
    flows: usize,
) -> io::Result<f64> {
    stage.polled().await?;
    let before = process.cpu()?;
    invoke(stage, times, records, flows).await?;
    stage.polled().await?;
    Ok(milliseconds(process.cpu()? - before))
}

/// So many invocations, and what each took.
async fn invoke(stage: &Stage, times: usize, records: usize, flows: usize) -> io::Result<Vec<f64>> {
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let event = stage.event(records, flows);
        stage.polled().await?;
        took.push(milliseconds(stage.invoke(event).await?));
    }
    Ok(took)
}
