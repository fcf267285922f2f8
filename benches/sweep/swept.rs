//! A sweep in simulated time, and what came of it.

use std::collections::HashMap;
use std::time::Duration;

use countermand_simulator::{Reply, Simulator};
use serde_json::Value;
use tokio::time::Instant;

use crate::case::{self, Case, TIMEOUT};
use crate::simulated::{Process, in_simulated_time};

/// SQS takes so many bytes for one request.
const REQUEST: usize = 64 * 1_024;

/// What came of a sweep.
#[derive(Default)]
pub struct Swept {
    /// For each second in which one was asked, how many had been asked by its end.
    pub done: Vec<(f64, u64)>,
    /// When the last one was asked, and when the summary was told, in seconds.
    pub asked_after: f64,
    pub told_after: f64,
    /// How often each was asked and the service took it.
    asked: HashMap<String, u32>,
    pub cancels: u64,
    pub reads: u64,
    pub refused: u64,
    invocations: u64,
    /// Of all invocations together.
    billed: Duration,
    pub messages: u64,
    /// Of SQS: send, receive and delete.
    queue_requests: usize,
    pub summary: Value,
}

pub fn sweep(case: &Case) -> Swept {
    in_simulated_time(async {
        fastrand::seed(7);
        let simulator = Simulator::in_process(case.world()).expect("the world can be");
        case.limit(&simulator);
        let process = Process::start(&simulator, &case::variables()).expect("the variables are right");
        let mapping = case.send(&simulator);
        let (start, mut swept) = (Instant::now(), Swept { queue_requests: 3, ..Swept::default() });
        while let Some(batch) = mapping.next().await {
            let began = Instant::now();
            let reply = process.invoke(&batch.event, TIMEOUT).await;
            assert!(matches!(reply, Reply::Response(_)), "expected a response, got {reply:?}");
            swept.invocations += 1;
            swept.billed += began.elapsed();
            mapping.settle(batch, &reply);
            swept.note(case, &simulator, start.elapsed());
            case.begin_one(&simulator, swept.invocations);
        }
        swept.refused = simulator.counts().values().map(|counts| counts.throttled).sum();
        swept
    })
}

impl Swept {
    /// Takes over what an invocation has called and published.
    #[expect(clippy::cast_precision_loss, reason = "far below what a float counts")]
    fn note(&mut self, case: &Case, simulator: &Simulator, now: Duration) {
        for call in simulator.ledger() {
            if call.operation != case.service.cancel.name() {
                self.reads += u64::from(call.operation.starts_with(case.service.name()));
                continue;
            }
            self.cancels += 1;
            if call.status == Some(200) {
                *self.asked.entry(case.asked(&call.request)).or_default() += 1;
                self.asked_after = self.asked_after.max(call.at as f64 / 1_000.0);
                let (second, before) = (self.asked_after.ceil(), self.done.last().copied());
                match self.done.last_mut().filter(|(at, _)| *at >= second) {
                    Some((_, done)) => *done += 1,
                    None => self.done.push((second, before.map_or(0, |(_, done)| done) + 1)),
                }
            }
        }
        for message in simulator.published() {
            let body: Value = serde_json::from_str(&message.body).unwrap_or_default();
            if body["type"] == "CancellationSweep" {
                self.messages += 1;
                self.queue_requests += 2 * message.body.len().div_ceil(REQUEST) + 1;
            }
            if body["type"] == "CancellationSummary" {
                (self.summary, self.told_after) = (body, now.as_secs_f64());
            }
        }
        simulator.forget();
    }

    /// Lambda on Arm and SQS in us-east-1, without their free tiers and the polls that find nothing.
    /// Prices: <https://aws.amazon.com/lambda/pricing/>, <https://aws.amazon.com/sqs/pricing/>
    #[expect(clippy::cast_precision_loss, reason = "far below what a float counts")]
    pub fn dollars(&self) -> f64 {
        let lambda = self.billed.as_secs_f64() * 0.125 * 0.000_013_333_4 + self.invocations as f64 * 0.2e-6;
        lambda + self.queue_requests as f64 * 0.4e-6
    }

    /// What must not happen.
    pub fn problem(&self, case: &Case) -> Option<String> {
        let meant = |name: &&String| name.starts_with("e-");
        let others: Vec<&String> = self.asked.keys().filter(|name| !meant(name)).collect();
        let twice: Vec<_> = self.asked.iter().filter(|(_, times)| **times > 1).take(10).collect();
        let asked = self.asked.keys().filter(meant).count() as u64;
        let counts = &self.summary["counts"];
        let is_told = self.summary["status"] == "COMPLETED" && counts["accepted"] == case.executions;
        let is_right = others.is_empty() && twice.is_empty() && asked == case.executions && is_told;
        (!is_right).then(|| {
            format!(
                "{}: expected {} asked, each once, and no other, got {asked}, twice {twice:?}, others {others:?}: {}",
                case.name, case.executions, self.summary
            )
        })
    }
}
