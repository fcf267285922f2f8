//! Step Functions, awsJson 1.0: `StopExecution` and `DescribeExecution` of standard workflows. What the first
//! answers for an execution that has ended is not documented, so a state machine of a world has either.

mod list;
mod world;

use serde_json::{Value, json};

use self::list::ListExecutions;
pub(crate) use self::world::StateMachines;
pub use self::world::{ExecutionStatus, StateMachine, StateMachineExecution};
use crate::fields::Fields;
use crate::refusal::{Failure, json_error};
use crate::service::{
    AWS_HEADERS, Operation, Runs, Service, Spec, aws_request_id, aws_target, aws_unknown_action,
};
use crate::sigv4::{Door, resource_name};
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};

const DOOR: Door = Door { scope: "states", content_type: "application/x-amz-json-1.0", names: &[] };

impl Operation {
    pub const STOP_STATE_MACHINE_EXECUTION: Operation = Operation(&Spec {
        name: "stepfunctions.StopExecution",
        read: |request| Ok(Box::new(StopExecution::read(request)?)),
        takes_entries: false,
        about,
    });
    pub const DESCRIBE_STATE_MACHINE_EXECUTION: Operation = Operation(&Spec {
        name: "stepfunctions.DescribeExecution",
        read: |request| Ok(Box::new(DescribeExecution::read(request)?)),
        takes_entries: false,
        about,
    });
    pub const LIST_STATE_MACHINE_EXECUTIONS: Operation = Operation(&Spec {
        name: "stepfunctions.ListExecutions",
        read: |request| Ok(Box::new(ListExecutions::read(request)?)),
        takes_entries: false,
        about,
    });
}

/// The service.
pub(crate) static SERVICE: Service = Service {
    name: "stepfunctions",
    operations: &[
        Operation::STOP_STATE_MACHINE_EXECUTION,
        Operation::DESCRIBE_STATE_MACHINE_EXECUTION,
        Operation::LIST_STATE_MACHINE_EXECUTIONS,
    ],
    runs: Some(Runs {
        of: |world| &world.stepfunctions,
        of_mut: |world| &mut world.stepfunctions,
        seed: |world| world.stepfunctions = world::seeded(),
        environment: |_| Vec::new(),
    }),
    action: |request| aws_target(request, "AWSStepFunctions"),
    admit: |request, state| DOOR.admit(request, state),
    throttled: (400, "ThrottlingException", "Rate exceeded"),
    internal_error: "InternalFailure",
    refuse: |Failure { status, code, message, .. }, _| {
        let kind = match code.as_str() {
            "ExecutionDoesNotExist" | "StateMachineDoesNotExist" | "InvalidArn" | "InvalidToken" => {
                format!("com.amazonaws.swf.service.v2.model#{code}")
            }
            _ => code.clone(),
        };
        json_error(*status, "application/x-amz-json-1.0", &kind, message)
    },
    unknown_action: aws_unknown_action,
    request_id: aws_request_id,
    headers: AWS_HEADERS,
};

fn about(request: &Value) -> String {
    let machine = request["stateMachineArn"].as_str().and_then(|arn| arn.split(':').nth(6));
    let machine = machine.map(|machine| format!("{machine}/*"));
    machine.or_else(|| world::key(request["executionArn"].as_str()?)).unwrap_or_default()
}

/// The execution that a request speaks of.
struct Named {
    arn: String,
    machine: String,
    name: String,
}

impl Named {
    fn read(body: &Fields) -> Result<Named, Failure> {
        let arn = body.required("executionArn", 256)?;
        let named = resource_name(&arn, "states", "execution:").filter(|_| arn.starts_with("arn:"));
        let Some((machine, name)) = named.and_then(|named| named.split_once(':')) else {
            return Err(Failure::new(400, "InvalidArn", format!("Invalid Arn: '{arn}'")));
        };
        let (machine, name) = (machine.to_owned(), name.to_owned());
        Ok(Named { arn, machine, name })
    }

    fn find<'a>(&self, turn: &'a mut Turn<'_>) -> Result<(usize, &'a mut StateMachine), Failure> {
        let machine = turn.state.world.stepfunctions.get_mut(&self.machine);
        let found = machine.and_then(|machine| {
            let place = machine.executions.iter().position(|one| one.name == self.name)?;
            Some((place, machine))
        });
        found.ok_or_else(|| {
            let message = format!("Execution Does Not Exist: '{}'", self.arn);
            Failure::new(400, "ExecutionDoesNotExist", message)
        })
    }
}

pub(crate) struct StopExecution {
    named: Named,
    /// Cause or error are there to be encrypted.
    has_words: bool,
}

impl StopExecution {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = Fields::of(request)?;
        let (cause, error) = (body.text("cause", 32_768)?, body.text("error", 256)?);
        Ok(StopExecution { named: Named::read(&body)?, has_words: cause.is_some() || error.is_some() })
    }
}

impl Work for StopExecution {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let (now, began) = (turn.state.clock.now(), turn.state.clock.started_at());
        let takes_time = turn.state.world.settle_after_ms.is_some();
        let (place, machine) = self.named.find(turn)?;
        if self.has_words {
            machine.encrypts()?;
        }
        let refuses_ended = machine.refuses_ended;
        let execution = &mut machine.executions[place];
        let stopped = match execution.moments(began).1 {
            Some(_) if refuses_ended => {
                let message = format!("Execution is not running: '{}'", self.named.arn);
                return Err(Failure::new(400, "ValidationException", message));
            }
            Some(stopped) => stopped,
            None => *execution.stop_requested_at.get_or_insert(now.within_a_second()),
        };
        if !takes_time && execution.status.is_running() {
            execution.status = ExecutionStatus::Aborted;
            execution.stop_date = Some(stopped);
        }
        Ok(reply(&json!({"stopDate": stopped.epoch_seconds()})))
    }
}

pub(crate) struct DescribeExecution {
    named: Named,
    all: bool,
}

impl DescribeExecution {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = Fields::of(request)?;
        let all = match body.text("includedData", usize::MAX)?.as_deref() {
            None | Some("ALL_DATA") => true,
            Some("METADATA_ONLY") => false,
            Some(_) => {
                let constraint = "Member must satisfy enum value set: [ALL_DATA, METADATA_ONLY]";
                return Err(body.violated("includedData", constraint));
            }
        };
        Ok(DescribeExecution { named: Named::read(&body)?, all })
    }
}

impl Work for DescribeExecution {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let (now, began) = (turn.state.clock.now(), turn.state.clock.started_at());
        let as_of = turn.state.world.as_of(Operation::DESCRIBE_STATE_MACHINE_EXECUTION, now);
        let (place, machine) = self.named.find(turn)?;
        if self.all {
            machine.encrypts()?;
        }
        let execution = &machine.executions[place];
        let (started, stopped) = execution.moments(began);
        let stopped = stopped.filter(|stopped| as_of.is_none_or(|moment| *stopped <= moment));
        let status = if stopped.is_none() { ExecutionStatus::Running } else { execution.status };
        let machine_name = self.named.machine.split('/').next().unwrap_or_default();
        let mut description = json!({
            "executionArn": self.named.arn,
            "stateMachineArn": format!("arn:aws:states:{}:{}:stateMachine:{machine_name}", crate::REGION, crate::ACCOUNT_ID),
            "name": self.named.name,
            "status": status,
            "startDate": started.epoch_seconds(),
            "redriveCount": 0,
            "redriveStatus": "NOT_REDRIVABLE",
        });
        if let Some(stopped) = stopped {
            description["stopDate"] = stopped.epoch_seconds();
        }
        if self.all {
            description["input"] = json!("{\"confidential\":\"input\"}");
            description["inputDetails"] = json!({"included": true});
        }
        Ok(reply(&description))
    }
}

fn reply(body: &Value) -> Answer {
    Answer::new(200, "application/x-amz-json-1.0", body.to_string())
}

#[cfg(test)]
mod tests;
