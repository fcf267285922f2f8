//! The function as Lambda runs it: the release binary, so many processes, real time and real sockets.

use std::cell::RefCell;
use std::process::{Child, Command, Stdio};

use countermand_simulator::{Invocation, Reply, Simulator};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until};

use crate::FIRST_WAIT;
use crate::case::Case;
use crate::in_process::goes_back;
use crate::watch::{Drained, Watch};

/// A process that ends with the case.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(case: &Case, simulator: &Simulator) -> std::io::Result<Process> {
    let child = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
        .env_clear()
        .envs(simulator.environment())
        .envs(case.variables())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    Ok(Process(child))
}

/// Drains a backlog.
pub fn drain(case: &Case) -> std::io::Result<Drained> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let simulator = Simulator::start(case.world(), ([127, 0, 0, 1], 0).into()).await?;
        let mapping = case.prepare(&simulator);
        let watch = RefCell::new(Watch::start());
        let start = Instant::now();
        let loops = (0..case.processes).map(async |number| {
            let number = u32::try_from(number).unwrap_or_default();
            sleep_until(start + case.each_starts_after * number).await;
            let process = self::start(case, &simulator)?;
            while let Some(batch) = mapping.next().await {
                watch.borrow_mut().received(batch.ids());
                let size = batch.ids().count();
                let invocation = Invocation { timeout: case.timeout, ..Invocation::default() };
                let reply = simulator.invoke(batch.event.clone(), invocation).await;
                watch.borrow_mut().done(size - goes_back(&reply, size));
                if reply == Reply::TimedOut {
                    watch.borrow_mut().too_late();
                }
                mapping.settle(batch, &reply);
            }
            // Another loop's event may be with this process.
            Ok::<_, std::io::Error>(process)
        });
        tokio::select! {
            ended = join_all(loops) => drop(ended.into_iter().collect::<Result<Vec<_>, _>>()?),
            () = sleep_until(start + FIRST_WAIT) => {}
        }
        Ok(watch.into_inner().finish(case, &simulator))
    })
}
