//! SWF's `TerminateWorkflowExecution`: what is open is closed at once, whatever its decider thinks of it. What a
//! child policy does to children is not here, as there are none.

use serde::Deserialize;

use super::{CloseStatus, WorkflowStatus, find_domain, open_of};
use crate::fields::Fields;
use crate::refusal::Failure;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};

pub(crate) struct TerminateWorkflowExecution {
    domain: String,
    workflow_id: String,
    run_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ChildPolicy {
    Terminate,
    RequestCancel,
    Abandon,
}

impl TerminateWorkflowExecution {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = Fields::of(request)?;
        body.text("reason", 256)?;
        body.text("details", 32_768)?;
        if body.text("childPolicy", usize::MAX)?.is_some() {
            let (ChildPolicy::Terminate | ChildPolicy::RequestCancel | ChildPolicy::Abandon) =
                body.required_name("childPolicy")?;
        }
        Ok(TerminateWorkflowExecution {
            domain: body.required("domain", 256)?,
            workflow_id: body.required("workflowId", 256)?,
            run_id: body.text("runId", 64)?.filter(|run_id| !run_id.is_empty()),
        })
    }
}

impl Work for TerminateWorkflowExecution {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let now = turn.state.clock.now();
        let domain = find_domain(turn, &self.domain)?;
        let execution = open_of(domain, &self.workflow_id, self.run_id.as_deref())?;
        execution.status = WorkflowStatus::Closed;
        execution.close_status = Some(CloseStatus::Terminated);
        execution.closed_at = Some(now);
        Ok(Answer::new(200, "application/x-amz-json-1.0", ""))
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
        let work = TerminateWorkflowExecution::read(&request("POST", "/", &[], body))?;
        work.run(&mut turn).map(|answer| answer.body)
    }

    #[test]
    fn what_is_open_is_closed_and_not_twice() {
        let mut state = State::new(World::seeded());
        let run_1 = r#"{"domain": "billing", "workflowId": "invoice-2041",
            "runId": "22wkJ8fXyV6pC1invoice2041run1", "reason": "r", "childPolicy": "ABANDON"}"#;
        assert!(run(&mut state, run_1).unwrap().is_empty());
        let execution = &state.world.swf["billing"].executions[0];
        assert_eq!(execution.close_status, Some(CloseStatus::Terminated));
        assert!(execution.closed_at >= Some(state.clock.started_at()));
        assert_eq!(run(&mut state, run_1).unwrap_err().code, "UnknownResourceFault");
        let open = r#"{"domain": "billing", "workflowId": "reminders"}"#;
        assert!(run(&mut state, open).unwrap().is_empty());
    }

    #[test]
    fn requests_are_checked_as_the_service_does() {
        let with = |field: &str, value: &str| {
            format!(r#"{{"domain": "billing", "workflowId": "invoice-2041", "{field}": "{value}"}}"#)
        };
        for (body, code, message) in [
            (with("reason", &"r".repeat(257)), "ValidationException", "'reason'"),
            (with("childPolicy", "KILL"), "ValidationException", "'childPolicy'"),
            (r#"{"domain": "nowhere", "workflowId": "w"}"#.into(), "UnknownResourceFault", "nowhere"),
            (r#"{"domain": "billing"}"#.into(), "ValidationException", "'workflowId'"),
        ] {
            let failure = run(&mut State::new(World::seeded()), &body).unwrap_err();
            assert_eq!((failure.status, failure.code.as_str()), (400, code), "{body}");
            assert!(failure.message.contains(message), "{body}: {}", failure.message);
        }
    }
}
