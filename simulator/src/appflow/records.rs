//! AppFlow's `DescribeFlowExecutionRecords`, rest-json: the runs of a flow, page by page, in the
//! order that the world sets, as the service promises none. A record tells more than a run's state,
//! messages and counts too: what must not be published is there to be left out.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{AppflowRecordsOrder, Run, RunStatus, flow_name, not_found, serialization, violated};
use crate::pages::Page;
use crate::refusal::Failure;
use crate::service::Operation;
use crate::timestamp::Timestamp;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};

const DEFAULT_PAGE: usize = 20;
const LARGEST_PAGE: usize = 100;

pub(crate) struct DescribeFlowExecutionRecords {
    flow_name: String,
    most: usize,
    token: Option<String>,
}

impl DescribeFlowExecutionRecords {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = request.json_object().map_err(serialization)?;
        Ok(DescribeFlowExecutionRecords {
            flow_name: flow_name(&body)?,
            most: most(&body)?,
            token: token(&body)?,
        })
    }
}

fn most(body: &Map<String, Value>) -> Result<usize, Failure> {
    let most = match body.get("maxResults") {
        None | Some(Value::Null) => return Ok(DEFAULT_PAGE),
        Some(most) => most.as_i64().ok_or_else(|| serialization("maxResults: expected an integer".into()))?,
    };
    match usize::try_from(most) {
        Ok(most @ 1..=LARGEST_PAGE) => Ok(most),
        Ok(1..) => Err(violated("maxResults", "Member must have value less than or equal to 100")),
        _ => Err(violated("maxResults", "Member must have value greater than or equal to 1")),
    }
}

fn token(body: &Map<String, Value>) -> Result<Option<String>, Failure> {
    match body.get("nextToken") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) if token.chars().count() > 2048 => {
            Err(violated("nextToken", "Member must have length less than or equal to 2048"))
        }
        Some(Value::String(token)) if token.is_empty() || token.contains(super::is_space) => {
            Err(violated("nextToken", "Member must satisfy regular expression pattern: \\S+"))
        }
        Some(Value::String(token)) => Ok(Some(token.clone())),
        Some(_) => Err(serialization("nextToken: expected a string".into())),
    }
}

impl Work for DescribeFlowExecutionRecords {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let state = &mut *turn.state;
        let began = state.clock.started_at();
        let as_of = state.world.as_of(Operation::DESCRIBE_FLOW_EXECUTION_RECORDS, state.clock.now());
        let flow = state.world.appflow.get(&self.flow_name).ok_or_else(|| not_found(&self.flow_name))?;
        let runs = flow.runs.iter().filter_map(|run| run.as_of(as_of, began)).collect();
        let runs = in_order(runs, state.world.appflow_records_order, began)
            .into_iter()
            .map(|run| (run.execution_id.clone(), run))
            .collect();
        let cut = state.world.cut(self.most);
        let asked = json!({"flowName": self.flow_name});
        let Page { items, next } =
            state.pages.turn(runs, &asked, self.token.as_deref(), cut).map_err(|_| {
                let message = format!("The nextToken provided for flow {} is not valid.", self.flow_name);
                Failure::new(400, "ValidationException", message)
            })?;
        let records: Vec<_> = items.iter().map(|run| record(run, began)).collect();
        let mut reply = json!({"flowExecutions": records});
        if let Some(token) = next {
            reply["nextToken"] = token.into();
        }
        Ok(Answer::json(200, &reply))
    }
}

fn in_order(mut runs: Vec<Cow<'_, Run>>, order: AppflowRecordsOrder, began: Timestamp) -> Vec<Cow<'_, Run>> {
    match order {
        // Of two that began at once, the one written down later is the newer one.
        AppflowRecordsOrder::OldestFirst => runs.sort_by_key(|run| run.moments(began).0),
        AppflowRecordsOrder::NewestFirst => {
            runs.sort_by_key(|run| run.moments(began).0);
            runs.reverse();
        }
        AppflowRecordsOrder::Shuffled => runs.sort_by_key(|run| Sha256::digest(&run.execution_id)),
    }
    runs
}

fn record(run: &Run, began: Timestamp) -> Value {
    let (started, updated) = run.moments(began);
    let mut record = json!({
        "executionId": run.execution_id,
        "executionStatus": run.status,
        "startedAt": started.epoch_seconds(),
        "lastUpdatedAt": updated.epoch_seconds(),
    });
    let result = match run.status {
        RunStatus::Successful => {
            json!({"bytesProcessed": 48_210, "bytesWritten": 31_877, "recordsProcessed": 412})
        }
        RunStatus::Error => json!({
            "errorInfo": {"putFailuresCount": 3, "executionMessage": "confidential: the connector's own words"},
            "bytesProcessed": 1_024,
            "bytesWritten": 0,
            "recordsProcessed": 3,
        }),
        _ => return record,
    };
    record["executionResult"] = result;
    record
}

#[cfg(test)]
mod tests;
