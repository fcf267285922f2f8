//! The most that the release binary held in a sweep, by the kernel's account.

use std::process::{Child, Command, Stdio};

use countermand_simulator::{Invocation, Reply, Simulator};

use crate::case::{self, Case, TIMEOUT};
use crate::services;

/// A process that ends with the sweep.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sweeps over real sockets, with every rate lifted; in megabytes.
pub fn most(case: &Case) -> std::io::Result<f64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let simulator = Simulator::start(case.world(), ([127, 0, 0, 1], 0).into()).await?;
        let mapping = case.send(&simulator);
        let child = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .envs(simulator.environment())
            .envs(case::variables())
            .env("COUNTERMAND_RATES", services::unbounded_rates())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        let process = Process(child?);
        while let Some(batch) = mapping.next().await {
            let invocation = Invocation { timeout: TIMEOUT, ..Invocation::default() };
            let reply = simulator.invoke(batch.event.clone(), invocation).await;
            if !matches!(reply, Reply::Response(_)) {
                return Err(std::io::Error::other(format!("expected a response, got {reply:?}")));
            }
            mapping.settle(batch, &reply);
            simulator.forget();
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.0.id()))?;
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        most.and_then(|most| most.parse::<f64>().ok())
            .map(|kilobytes| kilobytes / 1_024.0)
            .ok_or_else(|| std::io::Error::other(format!("expected VmHWM, got {status}")))
    })
}
