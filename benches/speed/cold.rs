//! A cold start: a new process, from its spawn to its response to one record, with all the CPU that it wants or
//! with what a function of 128 MB has once its init phase is over.

use std::io;

use crate::contestant::Contestant;
use crate::measure::{Measure, milliseconds};
use crate::quota::Quota;
use crate::stage::Stage;

/// The event is there as soon as the process asks for it.
pub async fn start(contestant: &Contestant, add: &mut impl FnMut(Measure, f64)) -> io::Result<()> {
    let stage = Stage::build(1).await?;
    let event = stage.event(1, 1);
    let process = stage.start(contestant, None).await?;
    let (polled, cpu_until_poll) = (process.age(), process.cpu()?);
    let first = stage.invoke(event).await?;
    let (responded, cpu) = (process.age(), process.cpu()?);
    add(Measure::FirstPoll, milliseconds(polled));
    add(Measure::FirstResponse, milliseconds(responded));
    add(Measure::CpuUntilPoll, milliseconds(cpu_until_poll));
    add(Measure::CpuUntilResponse, milliseconds(cpu));
    add(Measure::FirstInvocation, milliseconds(first));
    add(Measure::MemoryAfterFirst, process.peak_memory()?);
    stage.check(contestant)
}

/// The init phase runs at full CPU, the first invocation under the quota.
pub async fn start_limited(
    contestant: &Contestant,
    quota: &Quota,
    add: &mut impl FnMut(Measure, f64),
) -> io::Result<()> {
    let stage = Stage::build(1).await?;
    let event = stage.event(1, 1);
    let process = stage.start(contestant, Some(quota)).await?;
    process.limit()?;
    add(Measure::LimitedInvocation, milliseconds(stage.invoke(event).await?));
    stage.check(contestant)
}
