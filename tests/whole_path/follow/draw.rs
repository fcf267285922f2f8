//! Rounds, drawn from a seed: a world, requests that ask to be followed, what befalls the world meanwhile,
//! and what goes wrong, none of it for ever.

use countermand_simulator::{
    CloseStatus, CloudflowStatus, Fault, FaultKind, Operation, RunStatus, Simulator, WorkflowStatus, World,
};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep_until};

use super::stage::{Kill, QUEUE};

#[derive(Debug)]
pub struct Round {
    pub world: Value,
    /// After so many milliseconds.
    requests: Vec<(u64, Value)>,
    /// After so many milliseconds something ends by itself.
    endings: Vec<(u64, Ending)>,
    faults: Vec<Fault>,
    /// For each delivery, the last first.
    pub kills: Vec<Option<Kill>>,
}

#[derive(Clone, Copy, Debug)]
struct Ending {
    service: usize,
    place: usize,
    well: bool,
}

fn pick<T: Copy>(random: &mut Rng, of: &[T]) -> T {
    of[random.usize(..of.len())]
}

impl Round {
    pub fn draw(seed: u64) -> Self {
        let random = &mut Rng::with_seed(seed);
        let mut requests: Vec<_> =
            (0..random.usize(1..12)).map(|number| (random.u64(..120_000), request(random, number))).collect();
        requests.sort_by_key(|(at, _)| *at);
        let mut endings: Vec<_> = (0..random.usize(..5))
            .map(|_| {
                let ending =
                    Ending { service: random.usize(..3), place: random.usize(..4), well: random.bool() };
                (random.u64(..300_000), ending)
            })
            .collect();
        endings.sort_by_key(|(at, _)| *at);
        // In some rounds nearly nothing gets through, so that messages die.
        let one_of = pick(random, &[1, 8, 8, 8]);
        let kills = (0..40).map(|_| (random.u8(..one_of) == 0).then(|| kill(random))).collect();
        let faults = (0..random.usize(..8)).map(|_| fault(random)).collect();
        Self { world: world(random), requests, endings, faults, kills }
    }

    /// Sends the requests and changes the world, each in its time.
    pub async fn befall(&self, simulator: &Simulator) {
        let start = Instant::now();
        let until = |at: u64| sleep_until(start + Duration::from_millis(at));
        self.faults.iter().for_each(|fault| simulator.script(fault.clone()));
        let send = async {
            for (at, request) in &self.requests {
                until(*at).await;
                simulator.send(QUEUE, &request.to_string());
            }
        };
        let end = async {
            for (at, ending) in &self.endings {
                until(*at).await;
                simulator.change(|world| ending.happen(world));
            }
        };
        tokio::join!(send, end);
    }
}

impl Ending {
    /// Ends what has not ended.
    fn happen(self, world: &mut World) {
        match self.service {
            0 => {
                let runs = &mut world.appflow.get_mut("orders").expect("the flow").runs;
                let open = [RunStatus::InProgress, RunStatus::CancelStarted];
                if let Some(run) = runs.get_mut(self.place).filter(|run| open.contains(&run.status)) {
                    run.status = if self.well { RunStatus::Successful } else { RunStatus::Error };
                }
            }
            1 => {
                let executions = &mut world.swf.get_mut("billing").expect("the domain").executions;
                let execution = executions.get_mut(self.place);
                if let Some(execution) = execution.filter(|it| it.status == WorkflowStatus::Open) {
                    execution.status = WorkflowStatus::Closed;
                    execution.close_status =
                        Some(if self.well { CloseStatus::Completed } else { CloseStatus::TimedOut });
                }
            }
            _ => {
                let executions = &mut world.cloudflow.get_mut("etl").expect("the flow").executions;
                let execution = executions.get_mut(self.place);
                if let Some(execution) = execution.filter(|it| it.status == CloudflowStatus::Running) {
                    execution.status =
                        if self.well { CloudflowStatus::Succeeded } else { CloudflowStatus::Failed };
                }
            }
        }
    }
}

/// Four runs of each service.
fn world(random: &mut Rng) -> Value {
    let run = |number: usize, random: &mut Rng| {
        let statuses = ["InProgress", "InProgress", "InProgress", "CancelStarted", "Canceled", "Successful"];
        let status = pick(random, &statuses);
        // What time does to it is counted from here.
        let updated = (status == "CancelStarted").then_some("2025-01-02T03:04:05.678Z");
        match updated {
            Some(updated) => json!({"executionId": format!("run-{number}"), "status": status,
                "startedAt": updated, "lastUpdatedAt": updated}),
            None => json!({"executionId": format!("run-{number}"), "status": status}),
        }
    };
    let workflow = |number: usize, random: &mut Rng| {
        let name = format!("w-{number}");
        match random.u8(..4) {
            0 => json!({"workflowId": name, "runId": "r", "status": "CLOSED", "closeStatus": "CANCELED"}),
            1 => json!({"workflowId": name, "runId": "r", "status": "OPEN", "ignoresCancel": true}),
            _ => json!({"workflowId": name, "runId": "r", "status": "OPEN"}),
        }
    };
    let execution = |number: usize, random: &mut Rng| {
        let status = pick(random, &["Running", "Running", "Running", "Stopped", "Succeeded"]);
        json!({"name": format!("e-{number}"), "status": status})
    };
    json!({
        "settleAfterMs": pick(random, &[1_000, 20_000, 100_000, 1_000_000]),
        "mostPerPage": pick(random, &[1, 2, 100]),
        "appflow": {"orders": {"runs": (0..4).map(|it| run(it, random)).collect::<Vec<_>>()}},
        "swf": {"billing": {"executions": (0..4).map(|it| workflow(it, random)).collect::<Vec<_>>()}},
        "cloudflow": {"etl": {"executions": (0..4).map(|it| execution(it, random)).collect::<Vec<_>>()}},
    })
}

fn request(random: &mut Rng, number: usize) -> Value {
    let place = random.usize(..4);
    let mut request = match random.u8(..3) {
        0 => {
            let ids = (0..6).filter(|_| random.bool()).map(|number| format!("run-{number}"));
            let ids: Vec<_> = ids.collect();
            match ids.is_empty() {
                true => json!({"service": "appflow", "flowName": "orders"}),
                false => json!({"service": "appflow", "flowName": "orders", "executionIds": ids}),
            }
        }
        1 => match random.bool() {
            true => {
                json!({"service": "swf", "domain": "billing", "workflowId": format!("w-{place}"), "runId": "r"})
            }
            false => json!({"service": "swf", "domain": "billing", "workflowId": format!("w-{place}")}),
        },
        _ => json!({"service": "cloudflow", "flowName": "etl", "executionName": format!("e-{place}")}),
    };
    request["requestId"] = json!(format!("request-{number}"));
    if random.u8(..5) > 0 {
        request["confirm"] = json!(true);
        request["confirmWithinSeconds"] = json!(pick(random, &[15, 31, 100, 600, 3_000]));
    }
    request
}

fn kill(random: &mut Rng) -> Kill {
    match random.bool() {
        true => Kill::After(Duration::from_millis(random.u64(..2_000))),
        false => Kill::Calls(random.usize(1..8)),
    }
}

fn fault(random: &mut Rng) -> Fault {
    let operations = [
        Operation::CANCEL_FLOW_EXECUTIONS,
        Operation::DESCRIBE_FLOW_EXECUTION_RECORDS,
        Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION,
        Operation::DESCRIBE_WORKFLOW_EXECUTION,
        Operation::LIST_OPEN_WORKFLOW_EXECUTIONS,
        Operation::STOP_EXECUTION,
        Operation::DESCRIBE_EXECUTION,
        Operation::SEND_MESSAGE_BATCH,
        Operation::SEND_MESSAGE_BATCH,
        Operation::PUT_EVENTS,
        Operation::PUT_EVENTS,
        Operation::CHANGE_MESSAGE_VISIBILITY,
        Operation::CHANGE_MESSAGE_VISIBILITY_BATCH,
    ];
    let operation = pick(random, &operations);
    let error = |status: u16, code: &str| FaultKind::Error {
        status,
        code: code.into(),
        message: None,
        headers: [].into(),
    };
    let kind = match random.u8(..9) {
        0 => FaultKind::Drop {},
        1 => FaultKind::LoseReply {},
        2 => FaultKind::Hang {},
        3 => FaultKind::WithholdReply {},
        4 => FaultKind::Throttle { retry_after_ms: None },
        5 => FaultKind::Delay { ms: random.u64(..4_000) },
        6 if operation.takes_entries() => {
            FaultKind::FailEntries { entries: vec![0, 2], code: "InternalFailure".into(), message: None }
        }
        7 => error(403, "AccessDeniedException"),
        _ => error(500, "InternalFailure"),
    };
    Fault::new(operation, kind).times(random.u32(1..20))
}
