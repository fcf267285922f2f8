//! Runs a round against the real binary: sockets, real time, and processes that are killed at any moment.
//!
//! Real time passes slowly, so a round is made small first. What kills a process here is the clock alone.

use std::cell::Cell;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countermand_simulator::{FaultKind, Invocation, Reply, Simulator, World};
use fastrand::Rng;
use futures_util::future::join_all;
use tokio::time::{interval, sleep};

use super::draw::Round;
use super::history::By;
use super::observed::{End, Observed};
use super::run::Running;

/// A world is looked at so often.
const LOOK: Duration = Duration::from_millis(3);
/// What a look, and a message between two processes, may be late.
const BLUR: i64 = 100;
const PATIENCE: Duration = Duration::from_secs(180);

/// Draws and runs a round.
pub fn run(seed: u64, destination: &str) -> std::io::Result<(Round, Observed)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let simulator = Simulator::start(World::default(), ([127, 0, 0, 1], 0).into()).await?;
        let mut round = Round::draw(seed, simulator.now(), destination);
        shrink(&mut round);
        let running = Running::begin(&round, simulator);
        let processes = Processes { running: &running, round: &round, kills: Cell::new(0) };
        let stuck = tokio::select! {
            failed = processes.serve() => failed?,
            () = running.befall() => false,
            () = processes.watch() => false,
            failed = processes.kill(Rng::with_seed(seed)) => failed?,
            () = sleep(PATIENCE) => true,
        };
        let mut observed = running.finish(stuck);
        observed.blur = BLUR;
        Ok((round, observed))
    })
}

/// Less time for everything: what waits for minutes is left out.
fn shrink(round: &mut Round) {
    round.messages.iter_mut().for_each(|message| message.at /= 20);
    round.events.iter_mut().for_each(|(at, _)| *at /= 20);
    round.timeout = Duration::from_secs(4);
    round.visibility = Duration::from_millis(4_500);
    round.set_max_receives(round.max_receives.min(3));
    round.faults.retain(|fault| match &fault.kind {
        FaultKind::Error { code, .. } => !code.contains("Denied") && !code.contains("Expired"),
        FaultKind::Delay { ms } => *ms < 3_000,
        _ => true,
    });
}

struct Processes<'a> {
    running: &'a Running<'a>,
    round: &'a Round,
    kills: Cell<usize>,
}

/// A process that ends with the round.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Processes<'_> {
    /// Hands out batches until the queue is empty, as many at a time as there are processes.
    async fn serve(&self) -> std::io::Result<bool> {
        let loops = (0..self.round.processes).map(async |_| {
            while let Some(batch) = self.running.next().await {
                let (number, kills) = (self.running.deliver(&batch), self.kills.get());
                let invocation = Invocation { timeout: self.round.timeout, ..Invocation::default() };
                let reply = self.running.scene.simulator.invoke(batch.event.clone(), invocation).await;
                let end = match reply {
                    Reply::TimedOut if self.kills.get() > kills => End::Died,
                    Reply::TimedOut => End::TooLate,
                    reply => End::Answered(reply),
                };
                self.running.settle(number, batch, end);
            }
        });
        join_all(loops).await;
        Ok(false)
    }

    /// Looks at the world all the time.
    async fn watch(&self) {
        let mut ticks = interval(LOOK);
        loop {
            ticks.tick().await;
            self.running.scene.look(By::Call(None));
        }
    }

    /// Starts the processes, and kills one after the other as long as there are deaths to die.
    async fn kill(&self, mut random: Rng) -> std::io::Result<bool> {
        let started: std::io::Result<Vec<_>> = (0..self.round.processes).map(|_| self.start()).collect();
        let mut processes = started?;
        for _ in 0..self.round.deaths.len() * 2 {
            sleep(Duration::from_millis(random.u64(50..2_000))).await;
            let place = random.usize(..processes.len());
            self.kills.set(self.kills.get() + 1);
            drop(processes.swap_remove(place));
            processes.push(self.start()?);
        }
        std::future::pending().await
    }

    fn start(&self) -> std::io::Result<Process> {
        let child = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .envs(self.running.scene.simulator.environment())
            .envs(self.round.variables.iter().cloned())
            .env("AWS_LAMBDA_LOG_LEVEL", "ERROR")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Process(child))
    }
}
