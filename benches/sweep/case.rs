//! The cases: what is there to be swept, and what the service allows.

use std::time::Duration;

use countermand_simulator::{Limit, Mapping, Operation, Simulator, Timestamp, World};
use serde_json::{Value, json};

use crate::services::{self, Service};

pub const QUEUE: &str = "cancel-requests";
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// What was there before the request started so long ago.
const EARLIER: Duration = Duration::from_secs(3_600);
/// The flow, or the state machine.
const PLACE: &str = "etl";

/// A sweep.
pub struct Case {
    pub name: &'static str,
    pub service: &'static Service,
    pub executions: u64,
    pub per_second: f64,
    pub burst: f64,
    /// What was asked has ended after so many milliseconds; never where nobody heeds it.
    settles: Option<u64>,
    /// What the service allows of its reads.
    reads: &'static [(Operation, f64, f64)],
}

impl Case {
    /// The large ones, or small ones of each kind that tell within seconds whether it still works.
    pub fn all(small: bool) -> Vec<Self> {
        let count = |large: u64, small_one: u64| if small { small_one } else { large };
        let name = |large, small_one| if small { small_one } else { large };
        let swf = |name, executions, settles| Self {
            name,
            service: of("swf"),
            executions,
            per_second: 30.0,
            burst: 2_000.0,
            settles,
            reads: &[
                (Operation::LIST_OPEN_WORKFLOW_EXECUTIONS, 48.0, 200.0),
                (Operation::COUNT_OPEN_WORKFLOW_EXECUTIONS, 6.0, 2_000.0),
                (Operation::LIST_CLOSED_WORKFLOW_EXECUTIONS, 6.0, 2_000.0),
            ],
        };
        vec![
            swf(name("swf, 100,000", "swf, 2,200"), count(100_000, 2_200), Some(10_000)),
            swf(name("swf, 10,000 that go on", "swf, 2,100 that go on"), count(10_000, 2_100), None),
            Self {
                name: name("stepfunctions, 10,000", "stepfunctions, 1,100"),
                service: of("stepfunctions"),
                executions: count(10_000, 1_100),
                per_second: 200.0,
                burst: 1_000.0,
                settles: Some(1_000),
                reads: &[
                    (Operation::LIST_STATE_MACHINE_EXECUTIONS, 5.0, 200.0),
                    (Operation::DESCRIBE_STATE_MACHINE_EXECUTION, 15.0, 300.0),
                ],
            },
            Self {
                name: name("cloudflow, 5,000", "cloudflow, 40"),
                service: of("cloudflow"),
                executions: count(5_000, 40),
                per_second: 2.0,
                burst: 10.0,
                settles: Some(5_000),
                reads: &[(Operation::LIST_EXECUTIONS, 2.0, 10.0)],
            },
        ]
    }

    /// What quota and burst allow, in seconds; the reads that share CloudFlow's bucket are left out.
    #[expect(clippy::cast_precision_loss, reason = "far below what a float counts")]
    pub fn ideal(&self) -> f64 {
        (self.executions as f64 - self.burst) / self.per_second
    }

    pub fn limit(&self, simulator: &Simulator) {
        let cancel = (self.service.cancel, self.per_second, self.burst);
        for (operation, per_second, burst) in self.reads.iter().copied().chain([cancel]) {
            simulator.limit(Limit { operation, per_second, burst });
        }
    }

    pub fn world(&self) -> World {
        let mut world =
            World { queues: vec![QUEUE.into()], buses: vec!["outcomes".into()], ..World::default() };
        world.settle_after_ms = self.settles;
        let earlier = Timestamp::now() - EARLIER;
        (0..self.executions).for_each(|number| self.begin(&mut world, &format!("e-{number}"), earlier));
        world
    }

    fn begin(&self, world: &mut World, name: &str, at: Timestamp) {
        // A workflow has one open run.
        let target = if self.service.one_at_a_time { name } else { PLACE };
        (self.service.begin)(world, target, &(self.service.id)(target, name), at);
    }

    /// One more starts, which is not meant.
    pub fn begin_one(&self, simulator: &Simulator, number: u64) {
        let now = simulator.now();
        simulator.change(|world| self.begin(world, &format!("new-{number}"), now));
    }

    /// The queue, with the request in it.
    pub fn send(&self, simulator: &Simulator) -> Mapping {
        let (place, name) = match self.service.name() {
            "swf" => ("domain", "billing".into()),
            "cloudflow" => ("flowName", PLACE.into()),
            _ => ("stateMachineArn", (self.service.id)(PLACE, "").replace("execution", "stateMachine")),
        };
        let name = name.trim_end_matches(':');
        let request = json!({"service": self.service.name(), place: name, "select": {"all": true},
            "maxExecutions": self.executions});
        simulator.send(QUEUE, &request.to_string());
        simulator.mapping(QUEUE).visibility(TIMEOUT * 6)
    }

    /// The name of what a call asks to end.
    pub fn asked(&self, request: &Value) -> String {
        let name = ["runId", "ExecutionName", "executionArn"].iter().find_map(|name| request[*name].as_str());
        name.and_then(|name| name.rsplit(':').next()).unwrap_or_default().into()
    }
}

fn of(name: &str) -> &'static Service {
    services::SERVICES.into_iter().find(|service| service.name() == name).expect("a service")
}

/// The variables beside the simulator's own.
pub fn variables() -> Vec<(String, String)> {
    [
        ("COUNTERMAND_OUTCOME_DESTINATION", "arn:aws:events:us-east-1:111122223333:event-bus/outcomes"),
        ("COUNTERMAND_FOLLOW_UP_QUEUE_ARN", "arn:aws:sqs:us-east-1:111122223333:cancel-requests"),
        ("AWS_LAMBDA_LOG_LEVEL", "ERROR"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
