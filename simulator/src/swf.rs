//! SWF's `RequestCancelWorkflowExecution`, awsJson 1.0: the request is recorded in an open
//! execution, again and again if it is sent again; whether the workflow ends is its decider's
//! choice. Unknown and closed are one and the same fault here, as they are in the service.

use serde_json::{Map, Value};

use crate::refusal::Failure;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};
use crate::world::WorkflowStatus;

pub(crate) struct RequestCancelWorkflowExecution {
    domain: String,
    workflow_id: String,
    run_id: Option<String>,
}

impl RequestCancelWorkflowExecution {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body =
            request.json_object().map_err(|message| Failure::new(400, "SerializationException", message))?;
        Ok(RequestCancelWorkflowExecution {
            domain: required(&body, "domain")?,
            workflow_id: required(&body, "workflowId")?,
            run_id: text(&body, "runId", 64)?.filter(|run_id| !run_id.is_empty()),
        })
    }
}

fn text(body: &Map<String, Value>, field: &str, longest: usize) -> Result<Option<String>, Failure> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) if value.chars().count() > longest => {
            Err(violated(field, &format!("Member must have length less than or equal to {longest}")))
        }
        Some(Value::String(value)) => Ok(Some(value.clone())),
        Some(_) => Err(Failure::new(400, "SerializationException", format!("{field}: expected a string"))),
    }
}

fn required(body: &Map<String, Value>, field: &str) -> Result<String, Failure> {
    let value = text(body, field, 256)?.ok_or_else(|| violated(field, "Member must not be null"))?;
    if value.is_empty() {
        return Err(violated(field, "Member must have length greater than or equal to 1"));
    }
    Ok(value)
}

fn violated(field: &str, constraint: &str) -> Failure {
    Failure::new(
        400,
        "ValidationException",
        format!("1 validation error detected: Value at '{field}' failed to satisfy constraint: {constraint}"),
    )
}

impl Work for RequestCancelWorkflowExecution {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let unknown = |message: String| Failure::new(400, "UnknownResourceFault", message);
        let Some(domain) = turn.state.world.swf.get_mut(&self.domain) else {
            return Err(unknown(format!("Unknown domain: {}", self.domain)));
        };
        let open = domain.executions.iter_mut().find(|execution| {
            execution.status == WorkflowStatus::Open
                && execution.workflow_id == self.workflow_id
                && self.run_id.as_ref().is_none_or(|run_id| *run_id == execution.run_id)
        });
        match open {
            Some(execution) => {
                execution.cancel_requested = true;
                Ok(Answer::new(200, "application/x-amz-json-1.0", ""))
            }
            None => Err(unknown(match &self.run_id {
                Some(run_id) => format!(
                    "Unknown execution: WorkflowExecution=[workflowId={}, runId={run_id}]",
                    self.workflow_id
                ),
                None => format!("Unknown execution, workflowId = {}", self.workflow_id),
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::request;
    use crate::work::State;
    use crate::world::World;

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
        assert_eq!(requested, [true, false, false]);
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
