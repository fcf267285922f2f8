//! The cases: what waits, what the service allows, and what the function is told of it.

use std::time::Duration;

use countermand_simulator::{
    CloudflowExecution, CloudflowFlow, CloudflowStatus, Domain, Flow, Limit, Mapping, Operation, Redrive,
    Run, RunStatus, Simulator, WorkflowExecution, World,
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// A record that is received more often than this is dead.
pub const MAX_RECEIVES: u32 = 20;
/// The queue that feeds the function.
pub const QUEUE: &str = "cancel-requests";
pub const DEAD: &str = "dead-letters";

/// One backlog and how it is drained.
#[derive(Clone)]
pub struct Case {
    pub name: &'static str,
    /// Which plot it belongs to.
    pub group: &'static str,
    pub service: &'static str,
    pub requests: usize,
    pub per_second: f64,
    pub burst: f64,
    /// Processes that run, and from when on.
    pub processes: usize,
    pub each_starts_after: Duration,
    /// How many the function is told of.
    pub allowed: u32,
    /// `COUNTERMAND_RATES`.
    pub rates: &'static str,
    pub timeout: Duration,
    /// Later limits: after so long, so many a second.
    pub changes: Vec<(Duration, f64)>,
}

const UNPACED: &str = "swf.RequestCancelWorkflowExecution=100000/100000,cloudflow.StopExecution=100000/100000,\
                       appflow.CancelFlowExecutions=100000/100000";

impl Case {
    /// Every case, those with pacing off after their own.
    pub fn all(simulated: bool) -> Vec<Self> {
        let base = Self {
            name: "",
            group: "",
            service: "",
            requests: 0,
            per_second: 0.0,
            burst: 0.0,
            processes: 10,
            each_starts_after: Duration::ZERO,
            allowed: 10,
            rates: "",
            timeout: Duration::from_secs(30),
            changes: vec![],
        };
        let swf = Self {
            name: "swf",
            group: "SWF, 30/s, told",
            service: "swf",
            requests: 600,
            per_second: 30.0,
            burst: 30.0,
            rates: "swf.RequestCancelWorkflowExecution=30/30",
            ..base.clone()
        };
        let cloudflow = Self {
            name: "cloudflow",
            group: "CloudFlow, 2/s, told",
            service: "cloudflow",
            requests: 60,
            per_second: 2.0,
            burst: 10.0,
            ..base.clone()
        };
        let appflow = Self {
            name: "appflow",
            group: "AppFlow, 5/s, not told",
            service: "appflow",
            requests: 200,
            per_second: 5.0,
            burst: 5.0,
            timeout: Duration::from_secs(5),
            ..base.clone()
        };
        // A tenth of the pace takes ten times as long; a fifth of the requests shows as much.
        let one_of_ten =
            |case: &Self, name| Self { name, processes: 1, requests: case.requests / 5, ..case.clone() };
        let ramp =
            |case: &Self, name| Self { name, each_starts_after: Duration::from_secs(1), ..case.clone() };
        let unpaced = |case: &Self, name| Self { name, rates: UNPACED, ..case.clone() };
        let mut cases = vec![
            swf.clone(),
            ramp(&swf, "swf, ramp"),
            one_of_ten(&swf, "swf, one of ten"),
            unpaced(&swf, "swf, pacing off"),
            cloudflow.clone(),
            ramp(&cloudflow, "cloudflow, ramp"),
            one_of_ten(&cloudflow, "cloudflow, one of ten"),
            unpaced(&cloudflow, "cloudflow, pacing off"),
            appflow.clone(),
            ramp(&appflow, "appflow, ramp"),
            one_of_ten(&appflow, "appflow, one of ten"),
            unpaced(&appflow, "appflow, pacing off"),
        ];
        if simulated {
            cases.push(Self {
                name: "100,000",
                group: "AppFlow, 200/s then 80/s then 160/s, not told",
                requests: 100_000,
                per_second: 200.0,
                burst: 200.0,
                processes: 50,
                allowed: 50,
                timeout: Duration::from_secs(30),
                changes: vec![(Duration::from_secs(200), 80.0), (Duration::from_secs(500), 160.0)],
                ..appflow
            });
        }
        cases
    }

    /// The shortest time in which the service could take all requests, in seconds, from the processes that
    /// there are: where the quota is known, each takes its part and no more.
    pub fn ideal(&self) -> f64 {
        let share = match self.operation() == Operation::CANCEL_FLOW_EXECUTIONS {
            true => 1.0,
            false => self.processes as f64 / f64::from(self.allowed),
        };
        let mut left = self.requests as f64 - self.burst * share;
        // A process that starts later has less time for its part.
        let idle: f64 =
            (0..self.processes).map(|number| number as f64 * self.each_starts_after.as_secs_f64()).sum();
        if share == 1.0 && self.operation() != Operation::CANCEL_FLOW_EXECUTIONS {
            left += idle * self.per_second / self.processes as f64;
        }
        let (mut from, mut rate) = (0.0, self.per_second * share);
        for (after, next) in &self.changes {
            let until = after.as_secs_f64();
            if left <= (until - from) * rate {
                break;
            }
            left -= (until - from) * rate;
            (from, rate) = (until, *next);
        }
        from + left.max(0.0) / rate
    }

    pub fn operation(&self) -> Operation {
        match self.service {
            "swf" => Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION,
            "cloudflow" => Operation::STOP_EXECUTION,
            _ => Operation::CANCEL_FLOW_EXECUTIONS,
        }
    }

    /// The variables beside the simulator's own.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("COUNTERMAND_FUNCTION_CONCURRENCY", self.allowed.to_string()),
            ("COUNTERMAND_RATES", self.rates.into()),
            ("COUNTERMAND_MAX_RECEIVE_COUNT", MAX_RECEIVES.to_string()),
            ("COUNTERMAND_PIN_AFTER_SECONDS", "100000".into()),
            ("AWS_LAMBDA_LOG_LEVEL", "ERROR".into()),
        ]
    }

    /// Something for each request to cancel.
    pub fn world(&self) -> World {
        let numbers = 0..self.requests;
        let mut world = World { queues: vec![QUEUE.into(), DEAD.into()], ..World::default() };
        let redrive = Redrive { dead_letter_queue: DEAD.into(), max_receive_count: MAX_RECEIVES };
        world.redrive.insert(QUEUE.into(), redrive);
        match self.service {
            "swf" => {
                let domain =
                    |number| Domain { executions: vec![WorkflowExecution::open(format!("w-{number}"), "r")] };
                world.swf = numbers.map(|number| (format!("d-{number}"), domain(number))).collect();
            }
            "cloudflow" => {
                let execution = |number| CloudflowExecution {
                    name: format!("e-{number}"),
                    status: CloudflowStatus::Running,
                    started_time: None,
                    stopped_time: None,
                    stop_requested_at: None,
                };
                let flow = CloudflowFlow { executions: numbers.map(execution).collect() };
                world.cloudflow.insert("etl".into(), flow);
            }
            _ => {
                let flow = || Flow { runs: vec![Run::new("run-1", RunStatus::InProgress)] };
                world.appflow = numbers.map(|number| (format!("flow-{number}"), flow())).collect();
            }
        }
        world
    }

    fn request(&self, number: usize) -> Value {
        match self.service {
            "swf" => {
                json!({"service": "swf", "domain": format!("d-{number}"), "workflowId": format!("w-{number}"), "runId": "r"})
            }
            "cloudflow" => {
                json!({"service": "cloudflow", "flowName": "etl", "executionName": format!("e-{number}")})
            }
            _ => {
                json!({"service": "appflow", "flowName": format!("flow-{number}"), "executionIds": ["run-1"]})
            }
        }
    }

    /// Sets the limit and fills the queue.
    pub fn prepare(&self, simulator: &Simulator) -> Mapping {
        simulator.limit(Limit {
            operation: self.operation(),
            per_second: self.per_second,
            burst: self.burst,
        });
        for number in 0..self.requests {
            simulator.send(QUEUE, &self.request(number).to_string());
        }
        simulator.mapping(QUEUE).visibility(self.timeout * 6)
    }

    /// Lowers and raises the limit as time goes on; for ever, to be dropped with the case.
    pub async fn change_limits(&self, simulator: &Simulator, start: Instant) {
        for (after, per_second) in &self.changes {
            tokio::time::sleep_until(start + *after).await;
            simulator.limit(Limit {
                operation: self.operation(),
                per_second: *per_second,
                burst: *per_second,
            });
        }
        std::future::pending::<()>().await;
    }
}
