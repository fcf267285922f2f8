//! AppFlow's `CancelFlowExecutions`, rest-json: its limits, its errors, and what it does to the runs
//! of a flow; what the runs are like is `records`' part. One thing is stricter than the documentation: an empty list of ids is refused, as
//! nobody knows whether the service would take it for "all runs".

mod records;
mod stop;
mod world;

use serde_json::{Map, Value, json};

pub(crate) use self::records::DescribeFlowExecutionRecords;
use self::stop::StopFlow;
pub use self::world::{AppflowRecordsOrder, Flow, FlowStatus, Flows, Run, RunStatus, Trigger};
use crate::refusal::Failure;
use crate::service::{AWS_HEADERS, Operation, Runs, Service, Spec, aws_request_id, aws_unknown_action};
use crate::sigv4::Door;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};

const DOOR: Door = Door { scope: "appflow", content_type: "application/json", names: &[] };

impl Operation {
    pub const CANCEL_FLOW_EXECUTIONS: Operation = Operation(&Spec {
        name: "appflow.CancelFlowExecutions",
        read: |request| Ok(Box::new(CancelFlowExecutions::read(request)?)),
        takes_entries: false,
        about,
    });
    pub const DESCRIBE_FLOW_EXECUTION_RECORDS: Operation = Operation(&Spec {
        name: "appflow.DescribeFlowExecutionRecords",
        read: |request| Ok(Box::new(DescribeFlowExecutionRecords::read(request)?)),
        takes_entries: false,
        about,
    });
    pub const STOP_FLOW: Operation = Operation(&Spec {
        name: "appflow.StopFlow",
        read: |request| Ok(Box::new(StopFlow::read(request)?)),
        takes_entries: false,
        about,
    });
}

/// The service.
pub(crate) static SERVICE: Service = Service {
    name: "appflow",
    operations: &[
        Operation::CANCEL_FLOW_EXECUTIONS,
        Operation::DESCRIBE_FLOW_EXECUTION_RECORDS,
        Operation::STOP_FLOW,
    ],
    runs: Some(Runs {
        of: |world| &world.appflow,
        of_mut: |world| &mut world.appflow,
        seed: |world| world.appflow = world::seeded(),
        environment: |_| Vec::new(),
    }),
    action: |request| match request.path.as_str() {
        "/cancel-flow-executions" => Some("CancelFlowExecutions".into()),
        "/describe-flow-execution-records" => Some("DescribeFlowExecutionRecords".into()),
        "/stop-flow" => Some("StopFlow".into()),
        _ => None,
    },
    admit: |request, state| DOOR.admit(request, state),
    throttled: (429, "ThrottlingException", "Rate exceeded"),
    internal_error: "InternalServerException",
    refuse: |failure, _| {
        Answer::json(failure.status, &json!({"message": failure.message}))
            .with_header("x-amzn-ErrorType", failure.code.clone())
    },
    unknown_action: aws_unknown_action,
    request_id: aws_request_id,
    headers: AWS_HEADERS,
};

fn about(request: &Value) -> String {
    let flow = request["flowName"].as_str().unwrap_or_default();
    let ids = request["executionIds"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let ids: Vec<_> = ids.collect();
    match ids.is_empty() {
        true => flow.into(),
        false => format!("{flow}: {}", ids.join(", ")),
    }
}

pub(crate) struct CancelFlowExecutions {
    flow_name: String,
    execution_ids: Option<Vec<String>>,
}

impl CancelFlowExecutions {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = request.json_object().map_err(serialization)?;
        Ok(CancelFlowExecutions { flow_name: flow_name(&body)?, execution_ids: execution_ids(&body)? })
    }
}

fn flow_name(body: &Map<String, Value>) -> Result<String, Failure> {
    let flow_name = match body.get("flowName") {
        None | Some(Value::Null) => {
            return Err(validation(
                "Value null at 'flowName' failed to satisfy constraint: Member must not be null",
            ));
        }
        Some(Value::String(name)) => name,
        Some(_) => return Err(serialization("flowName: expected a string".into())),
    };
    if flow_name.chars().count() > 256 {
        return Err(violated("flowName", "Member must have length less than or equal to 256"));
    }
    if !is_flow_name(flow_name) {
        return Err(violated(
            "flowName",
            "Member must satisfy regular expression pattern: [a-zA-Z0-9][\\w!@#.-]+",
        ));
    }
    Ok(flow_name.clone())
}

fn execution_ids(body: &Map<String, Value>) -> Result<Option<Vec<String>>, Failure> {
    let ids = match body.get("executionIds") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(ids)) => ids,
        Some(_) => return Err(serialization("executionIds: expected a list".into())),
    };
    if ids.is_empty() {
        return Err(violated(
            "executionIds",
            "an empty list is ambiguous: name the runs, or leave the field out",
        ));
    }
    if ids.len() > 100 {
        return Err(violated("executionIds", "Member must have length less than or equal to 100"));
    }
    let ids = ids.iter().map(|id| match id {
        Value::String(id) if id.chars().count() > 256 => {
            Err(violated("executionIds", "Member must have length less than or equal to 256"))
        }
        Value::String(id) if id.is_empty() || id.contains(is_space) => {
            Err(violated("executionIds", "Member must satisfy regular expression pattern: \\S+"))
        }
        Value::String(id) => Ok(id.clone()),
        _ => Err(serialization("executionIds: expected strings".into())),
    });
    ids.collect::<Result<_, _>>().map(Some)
}

/// Java's `\s`, which knows ASCII only.
fn is_space(other: char) -> bool {
    matches!(other, ' ' | '\t' | '\n' | '\x0B' | '\x0C' | '\r')
}

/// `[a-zA-Z0-9][\w!@#.-]+`, the whole string, as Java reads it: in ASCII.
fn is_flow_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.len() >= 2
        && characters.all(|other| other.is_ascii_alphanumeric() || "_!@#.-".contains(other))
}

fn validation(message: &str) -> Failure {
    Failure::new(400, "ValidationException", format!("1 validation error detected: {message}"))
}

fn violated(field: &str, constraint: &str) -> Failure {
    validation(&format!("Value at '{field}' failed to satisfy constraint: {constraint}"))
}

fn not_found(flow_name: &str) -> Failure {
    Failure::new(404, "ResourceNotFoundException", format!("Flow {flow_name} does not exist."))
}

fn serialization(message: String) -> Failure {
    Failure::new(400, "SerializationException", message)
}

impl Work for CancelFlowExecutions {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let now = turn.state.clock.now();
        let Some(flow) = turn.state.world.appflow.get_mut(&self.flow_name) else {
            return Err(not_found(&self.flow_name));
        };
        let mut cancel = |wanted: &dyn Fn(&str) -> bool| {
            let running = |status| status == RunStatus::InProgress;
            let mut canceled = false;
            for run in flow.runs.iter_mut().filter(|run| running(run.status) && wanted(&run.execution_id)) {
                run.status = RunStatus::CancelStarted;
                run.last_updated_at = Some(now);
                canceled = true;
            }
            canceled
        };
        let reply = match &self.execution_ids {
            Some(ids) => {
                let invalid: Vec<_> =
                    ids.iter().filter(|id| !cancel(&|other| other == id.as_str())).collect();
                json!({"invalidExecutions": invalid})
            }
            // Without ids there is nothing that could be invalid, and the list is left out.
            None => {
                cancel(&|_| true);
                json!({})
            }
        };
        Ok(Answer::json(200, &reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::request;
    use crate::work::State;
    use crate::world::World;

    fn read(body: &str) -> Result<CancelFlowExecutions, Failure> {
        CancelFlowExecutions::read(&request("POST", "/cancel-flow-executions", &[], body))
    }

    fn run(state: &mut State, body: &str) -> Result<String, Failure> {
        let mut turn = Turn { state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
        let answer = read(body)?.run(&mut turn)?;
        Ok(String::from_utf8(answer.body).unwrap())
    }

    fn statuses(state: &State, flow: &str) -> Vec<RunStatus> {
        state.world.appflow[flow].runs.iter().map(|run| run.status).collect()
    }

    #[test]
    fn requests_are_checked_as_the_service_does() {
        let long_id = json!({"flowName": "orders", "executionIds": ["x".repeat(257)]}).to_string();
        let many_ids = json!({"flowName": "orders", "executionIds": vec!["x"; 101]}).to_string();
        let long_name = json!({"flowName": "x".repeat(257)}).to_string();
        let cases = [
            (r#"{"flowName": "orders"}"#, None),
            (r#"{"flowName": "a!", "executionIds": ["é"]}"#, None),
            (r#"{"executionIds": ["a"]}"#, Some("ValidationException")),
            (r#"{"flowName": "a"}"#, Some("ValidationException")),
            (r#"{"flowName": "aé"}"#, Some("ValidationException")),
            (r#"{"flowName": "a b"}"#, Some("ValidationException")),
            (r#"{"flowName": "orders", "executionIds": []}"#, Some("ValidationException")),
            (r#"{"flowName": "orders", "executionIds": ["a b"]}"#, Some("ValidationException")),
            (r#"{"flowName": "orders", "executionIds": [""]}"#, Some("ValidationException")),
            (r#"{"flowName": "orders", "executionIds": "a"}"#, Some("SerializationException")),
            (r#"{"flowName": 7}"#, Some("SerializationException")),
            ("[]", Some("SerializationException")),
            (&long_id, Some("ValidationException")),
            (&many_ids, Some("ValidationException")),
            (&long_name, Some("ValidationException")),
        ];
        for (body, expected) in cases {
            let code = read(body).err().map(|failure| failure.code);
            assert_eq!(code.as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn named_runs_are_canceled_and_the_others_reported() {
        let mut state = State::new(World::seeded());
        let body = r#"{"flowName": "orders", "executionIds": ["run-1", "run-3", "run-9"]}"#;
        assert_eq!(run(&mut state, body).unwrap(), r#"{"invalidExecutions":["run-3","run-9"]}"#);
        assert_eq!(statuses(&state, "orders")[..2], [RunStatus::CancelStarted, RunStatus::InProgress]);
        let updated: Vec<_> =
            state.world.appflow["orders"].runs.iter().map(|run| run.last_updated_at).collect();
        assert!(updated[0] >= Some(state.clock.started_at()) && updated[1] < updated[0], "{updated:?}");
        let again = run(&mut state, r#"{"flowName": "orders", "executionIds": ["run-1"]}"#);
        assert_eq!(again.unwrap(), r#"{"invalidExecutions":["run-1"]}"#);
    }

    #[test]
    fn without_ids_every_active_run_is_canceled() {
        let mut state = State::new(World::seeded());
        assert_eq!(run(&mut state, r#"{"flowName": "stock"}"#).unwrap(), "{}");
        assert_eq!(statuses(&state, "stock"), [RunStatus::CancelStarted; 2]);
        assert_eq!(statuses(&state, "orders")[0], RunStatus::InProgress);
    }

    #[test]
    fn an_unknown_flow_is_not_found() {
        let failure = run(&mut State::new(World::seeded()), r#"{"flowName": "nothing"}"#).unwrap_err();
        assert_eq!((failure.status, failure.code.as_str()), (404, "ResourceNotFoundException"));
    }
}
