//! CloudFlow's `DescribeExecution`, RPC style with everything in the query of a GET: how an
//! execution stands, at once or, with `WaitTimeSeconds`, when it has ended or that time is over.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{Named, admit, invalid};
use crate::refusal::Failure;
use crate::wire::{Answer, Form, Request};
use crate::work::{State, Turn, Work};

const LONGEST_WAIT: u64 = 60;

pub(crate) struct DescribeExecution {
    named: Named,
    wait: Duration,
}

impl DescribeExecution {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        admit(request, "GET")?;
        let query = Form::of_query(&request.query);
        let wait = query.get("WaitTimeSeconds").map_or(Ok(0), |wait| {
            let seconds = wait.parse().ok().filter(|seconds| *seconds <= LONGEST_WAIT);
            seconds.ok_or_else(|| {
                invalid(&format!("WaitTimeSeconds: expected 0 to {LONGEST_WAIT}, got `{wait}`"))
            })
        })?;
        Ok(DescribeExecution { named: Named::read(&query)?, wait: Duration::from_secs(wait) })
    }
}

impl Work for DescribeExecution {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let began = turn.state.clock.started_at();
        let execution = self.named.find(&mut turn.state.world)?;
        let mut reply = self.named.description(execution, turn.request_id, began);
        reply["Environment"] = json!({"Variables": [{"Name": "confidential", "Value": "confidential"}]});
        Ok(Answer::json(200, &reply))
    }

    fn patience(&self) -> Duration {
        self.wait
    }

    /// There is nothing to wait for where the execution has ended, or never was.
    fn due(&self, state: &mut State) -> Option<Instant> {
        let flow = state.world.cloudflow.get(&self.named.flow_name);
        let mut executions = flow.into_iter().flat_map(|flow| &flow.executions);
        let active = executions.any(|one| one.name == self.named.execution_name && one.status.is_active());
        (!active).then(Instant::now)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::wire::tests::request;
    use crate::world::World;

    fn read(method: &str, query: &str) -> Result<DescribeExecution, Failure> {
        let version = [("x-acs-version", "2019-03-15")];
        DescribeExecution::read(&request(method, &format!("/?{query}"), &version, ""))
    }

    fn describe(query: &str) -> Result<Value, Failure> {
        let mut state = State::new(World::seeded());
        let mut turn =
            Turn { state: &mut state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
        let answer = read("GET", query)?.run(&mut turn)?;
        Ok(serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn an_execution_is_described_as_it_is() {
        let running = describe("FlowName=etl&ExecutionName=hourly-7&WaitTimeSeconds=0").unwrap();
        let expected = json!({"RequestId": "id-1", "FlowName": "etl", "Name": "hourly-7", "Status": "Running", "StartedTime": "2025-11-20T07:00:00.044Z"});
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(running[field], *value);
        }
        assert_eq!((running.get("StoppedTime"), running.get("Output")), (None, None));
        let ended = describe("FlowName=etl&ExecutionName=nightly-2025-11-19").unwrap();
        assert_eq!(
            (&ended["Status"], &ended["StoppedTime"]),
            (&json!("Succeeded"), &json!("2025-11-19T02:14:31.502Z"))
        );
        for field in ["FlowDefinition", "Input", "Output", "Environment"] {
            assert!(ended[field].to_string().contains("confidential"), "{field}");
        }
    }

    #[test]
    fn it_waits_for_an_execution_that_runs_and_for_no_other() {
        let mut state = State::new(World::seeded());
        let cases = [
            ("FlowName=etl&ExecutionName=hourly-7", 0, false),
            ("FlowName=etl&ExecutionName=hourly-7&WaitTimeSeconds=60", 60, false),
            ("FlowName=etl&ExecutionName=nightly-2025-11-19&WaitTimeSeconds=20", 20, true),
            ("FlowName=etl&ExecutionName=nothing&WaitTimeSeconds=20", 20, true),
        ];
        for (query, patience, ready) in cases {
            let work = read("GET", query).unwrap();
            assert_eq!(
                (work.patience().as_secs(), work.due(&mut state).is_some()),
                (patience, ready),
                "{query}"
            );
        }
    }

    #[test]
    fn requests_are_checked_as_the_service_does() {
        let cases = [
            ("FlowName=nothing&ExecutionName=hourly-7", 404, "FlowNotExists"),
            ("FlowName=etl&ExecutionName=nothing", 404, "ExecutionNotExists"),
            ("FlowName=etl", 400, "MissingRequiredParams"),
            ("ExecutionName=hourly-7", 400, "MissingRequiredParams"),
            ("FlowName=7etl&ExecutionName=hourly-7", 400, "InvalidArgument"),
            ("FlowName=etl&ExecutionName=hourly-7&WaitTimeSeconds=61", 400, "InvalidArgument"),
            ("FlowName=etl&ExecutionName=hourly-7&WaitTimeSeconds=-1", 400, "InvalidArgument"),
            ("FlowName=etl&ExecutionName=hourly-7&WaitTimeSeconds=", 400, "InvalidArgument"),
        ];
        for (query, status, code) in cases {
            let failure = describe(query).unwrap_err();
            assert_eq!((failure.status, failure.code.as_str()), (status, code), "{query}");
        }
        let posted = read("POST", "FlowName=etl&ExecutionName=hourly-7").err().map(|failure| failure.code);
        assert_eq!(posted.as_deref(), Some("ActionNotSupported"));
    }
}
