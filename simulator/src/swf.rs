//! SWF, awsJson 1.0, and first its `RequestCancelWorkflowExecution`: the request is recorded in an
//! open execution, again and again if it is sent again; whether the workflow ends is its decider's
//! choice. Unknown and closed are one and the same fault here, as they are in the service; telling
//! them apart is what `describe` and `list` are for.

mod describe;

mod list;
mod terminate;
mod world;

use serde_json::Value;

pub(crate) use self::describe::DescribeWorkflowExecution;
pub(crate) use self::list::{
    CountOpenWorkflowExecutions, ListClosedWorkflowExecutions, ListOpenWorkflowExecutions,
};
use self::terminate::TerminateWorkflowExecution;
pub use self::world::{CloseStatus, Domain, Domains, WorkflowExecution, WorkflowStatus, WorkflowType};
use crate::fields::Fields;
use crate::refusal::{Failure, json_error};
use crate::service::{
    AWS_HEADERS, Operation, Runs, Service, Spec, aws_request_id, aws_target, aws_unknown_action,
};
use crate::sigv4::Door;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};

pub(crate) const DOOR: Door = Door { scope: "swf", content_type: "application/x-amz-json-1.0", names: &[] };

impl Operation {
    pub const REQUEST_CANCEL_WORKFLOW_EXECUTION: Operation = Operation(&Spec {
        name: "swf.RequestCancelWorkflowExecution",
        read: |request| Ok(Box::new(RequestCancelWorkflowExecution::read(request)?)),
        takes_entries: false,
        about,
    });
    pub const DESCRIBE_WORKFLOW_EXECUTION: Operation = Operation(&Spec {
        name: "swf.DescribeWorkflowExecution",
        read: |request| Ok(Box::new(DescribeWorkflowExecution::read(request)?)),
        takes_entries: false,
        about,
    });
    pub const LIST_OPEN_WORKFLOW_EXECUTIONS: Operation = Operation(&Spec {
        name: "swf.ListOpenWorkflowExecutions",
        read: |request| Ok(Box::new(ListOpenWorkflowExecutions::read(request)?)),
        takes_entries: false,
        about,
    });
    pub const LIST_CLOSED_WORKFLOW_EXECUTIONS: Operation = Operation(&Spec {
        name: "swf.ListClosedWorkflowExecutions",
        read: |request| Ok(Box::new(ListClosedWorkflowExecutions::read(request)?)),
        takes_entries: false,
        about,
    });
    pub const TERMINATE_WORKFLOW_EXECUTION: Operation = Operation(&Spec {
        name: "swf.TerminateWorkflowExecution",
        read: |request| Ok(Box::new(TerminateWorkflowExecution::read(request)?)),
        takes_entries: false,
        about,
    });
    pub const COUNT_OPEN_WORKFLOW_EXECUTIONS: Operation = Operation(&Spec {
        name: "swf.CountOpenWorkflowExecutions",
        read: |request| Ok(Box::new(CountOpenWorkflowExecutions::read(request)?)),
        takes_entries: false,
        about,
    });
}

/// The service.
pub(crate) static SERVICE: Service = Service {
    name: "swf",
    operations: &[
        Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION,
        Operation::DESCRIBE_WORKFLOW_EXECUTION,
        Operation::LIST_OPEN_WORKFLOW_EXECUTIONS,
        Operation::LIST_CLOSED_WORKFLOW_EXECUTIONS,
        Operation::TERMINATE_WORKFLOW_EXECUTION,
        Operation::COUNT_OPEN_WORKFLOW_EXECUTIONS,
    ],
    runs: Some(Runs {
        of: |world| &world.swf,
        of_mut: |world| &mut world.swf,
        seed: |world| world.swf = world::seeded(),
        environment: |_| Vec::new(),
    }),
    action: |request| aws_target(request, "SimpleWorkflowService"),
    admit: |request, state| DOOR.admit(request, state),
    throttled: (400, "ThrottlingException", "Rate exceeded"),
    internal_error: "InternalFailure",
    refuse: |Failure { status, code, message, .. }, _| {
        let kind = format!("{}#{code}", namespace(code));
        json_error(*status, "application/x-amz-json-1.0", &kind, message)
    },
    unknown_action: aws_unknown_action,
    request_id: aws_request_id,
    headers: AWS_HEADERS,
};

/// SWF qualifies its error types; what the framework in front of it answers has namespaces of its own.
fn namespace(code: &str) -> &'static str {
    match code {
        "ThrottlingException" | "ServiceUnavailableException" => "com.amazon.coral.availability",
        "ValidationException" => "com.amazon.coral.validate",
        _ if code.ends_with("Fault") => "com.amazonaws.swf.base.model",
        _ => "com.amazon.coral.service",
    }
}

fn about(request: &Value) -> String {
    let workflow = [
        &request["workflowId"],
        &request["execution"]["workflowId"],
        &request["executionFilter"]["workflowId"],
    ];
    let workflow = workflow.into_iter().find_map(Value::as_str).unwrap_or_default();
    format!("{}/{workflow}", request["domain"].as_str().unwrap_or_default())
}

pub(crate) struct RequestCancelWorkflowExecution {
    domain: String,
    workflow_id: String,
    run_id: Option<String>,
}

impl RequestCancelWorkflowExecution {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = Fields::of(request)?;
        Ok(RequestCancelWorkflowExecution {
            domain: body.required("domain", 256)?,
            workflow_id: body.required("workflowId", 256)?,
            run_id: body.text("runId", 64)?.filter(|run_id| !run_id.is_empty()),
        })
    }
}

/// The open execution that is meant: of this run, where one is named.
fn open_of<'a>(
    domain: &'a mut Domain,
    workflow_id: &str,
    run_id: Option<&str>,
) -> Result<&'a mut WorkflowExecution, Failure> {
    let open = domain.executions.iter_mut().find(|execution| {
        execution.status == WorkflowStatus::Open
            && execution.workflow_id == workflow_id
            && run_id.is_none_or(|run_id| run_id == execution.run_id)
    });
    open.ok_or_else(|| match run_id {
        Some(run_id) => unknown::run(workflow_id, run_id),
        None => unknown::workflow(workflow_id),
    })
}

fn find_domain<'a>(turn: &'a mut Turn<'_>, name: &str) -> Result<&'a mut Domain, Failure> {
    turn.state.world.swf.get_mut(name).ok_or_else(|| unknown::domain(name))
}

/// What SWF does not know, in its words.
mod unknown {
    use crate::refusal::Failure;

    pub(super) fn domain(name: &str) -> Failure {
        fault(format!("Unknown domain: {name}"))
    }

    pub(super) fn workflow(workflow_id: &str) -> Failure {
        fault(format!("Unknown execution, workflowId = {workflow_id}"))
    }

    pub(super) fn run(workflow_id: &str, run_id: &str) -> Failure {
        fault(format!("Unknown execution: WorkflowExecution=[workflowId={workflow_id}, runId={run_id}]"))
    }

    fn fault(message: String) -> Failure {
        Failure::new(400, "UnknownResourceFault", message)
    }
}

fn reply(body: &Value) -> Answer {
    Answer::new(200, "application/x-amz-json-1.0", body.to_string())
}

impl Work for RequestCancelWorkflowExecution {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let now = turn.state.world.settle_after_ms.map(|_| turn.state.clock.now());
        let domain = find_domain(turn, &self.domain)?;
        let execution = open_of(domain, &self.workflow_id, self.run_id.as_deref())?;
        execution.cancel_requested = true;
        execution.cancel_requested_at = execution.cancel_requested_at.or(now);
        Ok(Answer::new(200, "application/x-amz-json-1.0", ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::request;
    use crate::work::State;
    use crate::world::World;

    /// What a read operation answers.
    pub(super) fn ask<W: Work>(
        state: &mut State,
        read: impl Fn(&Request) -> Result<W, Failure>,
        body: &str,
    ) -> Result<Value, Failure> {
        let mut turn = Turn { state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
        let answer = read(&request("POST", "/", &[], body))?.run(&mut turn)?;
        Ok(serde_json::from_slice(&answer.body).unwrap())
    }

    fn run(state: &mut State, body: &str) -> Result<Vec<u8>, Failure> {
        let mut turn = Turn { state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
        let work = RequestCancelWorkflowExecution::read(&request("POST", "/", &[], body))?;
        work.run(&mut turn).map(|answer| answer.body)
    }

    #[test]
    fn open_executions_record_the_request_as_often_as_it_comes() {
        let mut state = State::new(World::seeded());
        let body = r#"{"domain": "billing", "workflowId": "invoice-2041"}"#;
        assert!(run(&mut state, body).unwrap().is_empty());
        assert!(run(&mut state, body).unwrap().is_empty());
        let requested: Vec<_> =
            state.world.swf["billing"].executions.iter().map(|one| one.cancel_requested).collect();
        assert_eq!(requested, [true, false, false, false, false]);
    }

    #[test]
    fn of_a_workflow_with_several_runs_the_open_one_is_meant() {
        let mut state = State::new(World::seeded());
        run(&mut state, r#"{"domain": "billing", "workflowId": "reminders"}"#).unwrap();
        let requested: Vec<_> = state.world.swf["billing"]
            .executions
            .iter()
            .filter(|one| one.cancel_requested)
            .map(|one| one.run_id.as_str())
            .collect();
        assert_eq!(requested, ["22wkJ8fXyV6pC1remindersrun2"]);
        let closed =
            r#"{"domain": "billing", "workflowId": "reminders", "runId": "22wkJ8fXyV6pC1remindersrun1"}"#;
        assert_eq!(run(&mut state, closed).unwrap_err().code, "UnknownResourceFault");
    }

    #[test]
    fn what_cannot_be_canceled_is_refused_in_the_words_of_the_service() {
        let long_run_id =
            format!(r#"{{"domain": "billing", "workflowId": "w", "runId": "{}"}}"#, "r".repeat(65));
        let cases = [
            (
                r#"{"domain": "nowhere", "workflowId": "w"}"#,
                "UnknownResourceFault",
                "Unknown domain: nowhere",
            ),
            (
                r#"{"domain": "billing", "workflowId": "invoice-1999"}"#,
                "UnknownResourceFault",
                "Unknown execution, workflowId = invoice-1999",
            ),
            (
                r#"{"domain": "billing", "workflowId": "invoice-2041", "runId": "other"}"#,
                "UnknownResourceFault",
                "Unknown execution: WorkflowExecution=[workflowId=invoice-2041, runId=other]",
            ),
            (r#"{"domain": "billing"}"#, "ValidationException", "'workflowId'"),
            (r#"{"domain": "", "workflowId": "w"}"#, "ValidationException", "'domain'"),
            (&long_run_id, "ValidationException", "'runId'"),
            (r#"{"domain": ["billing"], "workflowId": "w"}"#, "SerializationException", "domain"),
        ];
        for (body, code, message) in cases {
            let failure = run(&mut State::new(World::seeded()), body).unwrap_err();
            assert_eq!((failure.status, failure.code.as_str()), (400, code), "{body}");
            assert!(failure.message.contains(message), "{body}: {}", failure.message);
        }
    }
}
