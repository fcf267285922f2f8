//! Countermand's job for AppFlow in plain Rust: reads each record, has its runs canceled, publishes the outcomes.

use std::collections::HashSet;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_appflow::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use futures_util::future::join_all;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const ENTRIES_PER_CALL: usize = 10;
const EXPECTED: &str =
    "expected service appflow, flowName of 2 to 256 characters, executionIds with at least one id";

struct App {
    appflow: aws_sdk_appflow::Client,
    events: aws_sdk_eventbridge::Client,
    bus: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    service: String,
    flow_name: String,
    execution_ids: Vec<String>,
    request_id: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let app = App {
        appflow: aws_sdk_appflow::Client::new(&config),
        events: aws_sdk_eventbridge::Client::new(&config),
        bus: std::env::var("COUNTERMAND_OUTCOME_DESTINATION")?,
    };
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| app.handle(event.payload.records))).await
}

impl App {
    async fn handle(&self, records: Vec<SqsMessage>) -> Result<SqsBatchResponse, Error> {
        let outcomes = join_all(records.iter().map(|record| self.cancel(record))).await;
        let published = self.publish(&outcomes).await;
        let mut response = SqsBatchResponse::default();
        for ((record, outcome), published) in records.iter().zip(&outcomes).zip(published) {
            if outcome["status"] == "FAILED" || !published {
                response.add_failure(record.message_id.clone().unwrap_or_default());
            }
        }
        Ok(response)
    }

    /// The outcome of one record, whatever becomes of it.
    async fn cancel(&self, record: &SqsMessage) -> Value {
        let (id, mut outcome) = match read(record.body.as_deref().unwrap_or_default()) {
            Some(mut request) => (request.request_id.take(), self.ask(request).await),
            None => (None, json!({"status": "REJECTED", "error": {"message": EXPECTED}})),
        };
        (outcome["type"], outcome["version"]) = ("CancellationOutcome".into(), "1".into());
        outcome["requestId"] = id.or_else(|| record.message_id.clone()).into();
        outcome["completedAt"] = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default().into();
        outcome
    }

    /// What AppFlow says to the request.
    async fn ask(&self, Request { flow_name: flow, execution_ids: ids, .. }: Request) -> Value {
        let mut outcome = json!({
            "service": "appflow",
            "operation": "CancelFlowExecutions",
            "target": {"key": format!("appflow:{flow}"), "flowName": flow, "executionIds": ids},
        });
        let call = self.appflow.cancel_flow_executions().flow_name(flow).set_execution_ids(Some(ids.clone()));
        let reply = call.send().await.map_err(|error| {
            let unknown = error.as_service_error().is_some_and(|it| it.is_resource_not_found_exception());
            outcome["status"] = if unknown { "NOT_FOUND" } else { "FAILED" }.into();
            let message = DisplayErrorContext(&error).to_string();
            outcome["error"] = json!({"code": error.code(), "message": message});
        });
        let Ok(reply) = reply else { return outcome };
        let invalid: HashSet<&String> = reply.invalid_executions().iter().collect();
        let state = |id| if invalid.contains(id) { "UNEXPLAINED" } else { "ACCEPTED" };
        let states: Vec<_> = ids.iter().map(|id| json!({"executionId": id, "state": state(id)})).collect();
        let some = if ids.iter().all(|id| invalid.contains(id)) { "NOT_RUNNING" } else { "PARTIAL" };
        outcome["status"] = if invalid.is_empty() { "ACCEPTED" } else { some }.into();
        outcome["result"] = json!({"executions": states});
        outcome
    }

    /// For each outcome, whether it was published.
    async fn publish(&self, outcomes: &[Value]) -> Vec<bool> {
        let mut published = Vec::new();
        for outcomes in outcomes.chunks(ENTRIES_PER_CALL) {
            let entries = outcomes.iter().map(|outcome| self.entry(outcome)).collect();
            let reply = self.events.put_events().set_entries(Some(entries)).send().await;
            let told =
                |error: &_| eprintln!("outcomes could not be published: {}", DisplayErrorContext(error));
            let taken = reply.inspect_err(told).map(|reply| reply.entries.unwrap_or_default());
            let taken = taken.unwrap_or_default();
            let is_taken = |place: usize| taken.get(place).is_some_and(|entry| entry.event_id().is_some());
            published.extend((0..outcomes.len()).map(is_taken));
        }
        published
    }

    fn entry(&self, outcome: &Value) -> PutEventsRequestEntry {
        let entry = PutEventsRequestEntry::builder().event_bus_name(&self.bus).source("countermand");
        entry.detail_type("Cancellation Outcome").detail(outcome.to_string()).build()
    }
}

fn read(body: &str) -> Option<Request> {
    let request: Request = serde_json::from_str(body).ok()?;
    let named = request.service == "appflow" && (2..=256).contains(&request.flow_name.len());
    (named && !request.execution_ids.is_empty()).then_some(request)
}
