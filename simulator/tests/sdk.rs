//! The AWS SDK as a client: what it sends is accepted, what the simulator answers it reads, errors
//! and failed entries included.

use std::num::NonZeroUsize;
use std::time::Duration;

use aws_sdk_appflow::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_appflow::error::ProvideErrorMetadata;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sns::types::PublishBatchRequestEntry;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use aws_sdk_swf::types::{
    CloseStatusFilter, ExecutionTimeFilter, WorkflowExecution as SwfExecution, WorkflowExecutionFilter,
};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::retry::RetryConfig;
use countermand_simulator::{
    AppflowRecordsOrder, CloseStatus, Fault, Run, RunStatus, Simulator, Timestamp, WorkflowExecution, World,
};
use serde_json::json;

const QUEUE_URL: &str = "https://sqs.us-east-1.amazonaws.com/111122223333/outcomes";

async fn start() -> Simulator {
    start_with(World::seeded()).await
}

async fn start_with(world: World) -> Simulator {
    Simulator::start(world, ([127, 0, 0, 1], 0).into()).await.unwrap()
}

/// The SDK reads seconds with a fraction as a float, which is a little less than what was written.
fn milliseconds(moment: &DateTime) -> i128 {
    (moment.as_nanos() + 500_000).div_euclid(1_000_000)
}

/// All that the range of time lets through.
fn ever() -> ExecutionTimeFilter {
    ExecutionTimeFilter::builder().oldest_date(DateTime::from_secs(0)).build().unwrap()
}

fn workflow(id: &str) -> WorkflowExecutionFilter {
    WorkflowExecutionFilter::builder().workflow_id(id).build().unwrap()
}

fn script(simulator: &Simulator, fault: serde_json::Value) {
    simulator.script(serde_json::from_value::<Fault>(fault).unwrap());
}

/// A client of one of the SDK crates, which all have a configuration of their own.
macro_rules! client {
    ($sdk:ident, $simulator:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
                .endpoint_url($simulator.base_url())
                .retry_config(RetryConfig::disabled())
                .build(),
        )
    };
}

#[tokio::test]
async fn appflow_cancels_and_reports() {
    let simulator = start().await;
    let client = client!(aws_sdk_appflow, simulator);
    let cancel = || client.cancel_flow_executions().flow_name("orders");
    let reply = cancel().execution_ids("run-1").execution_ids("run-3").send().await.unwrap();
    assert_eq!(reply.invalid_executions(), ["run-3"]);
    assert!(cancel().send().await.unwrap().invalid_executions().is_empty());
    let error = client.cancel_flow_executions().flow_name("nothing").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_resource_not_found_exception());
    script(
        &simulator,
        json!({"operation": "appflow.CancelFlowExecutions", "kind": "throttle", "retryAfterMs": 70}),
    );
    let error = cancel().send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().headers().get("x-amz-retry-after"), Some("70"));
    assert!(error.into_service_error().is_throttling_exception());
}

#[tokio::test]
async fn swf_errors_carry_their_code() {
    let simulator = start().await;
    let client = client!(aws_sdk_swf, simulator);
    let cancel =
        |id: &str| client.request_cancel_workflow_execution().domain("billing").workflow_id(id).send();
    cancel("invoice-2041").await.unwrap();
    let error = cancel("invoice-1999").await.unwrap_err().into_service_error();
    assert!(error.is_unknown_resource_fault());
    script(&simulator, json!({"operation": "swf.RequestCancelWorkflowExecution", "kind": "throttle"}));
    let error = cancel("invoice-2041").await.unwrap_err();
    assert_eq!(error.code(), Some("ThrottlingException"));
    let call = &simulator.ledger()[0];
    assert_eq!(call.request, json!({"domain": "billing", "workflowId": "invoice-2041"}));
    assert_eq!((call.status, call.signature.as_deref()), (Some(200), Some("AWS4-HMAC-SHA256")));
}

#[tokio::test]
async fn appflow_lists_the_records_of_a_flow_to_the_last_page() {
    let now = Timestamp::now();
    let mut world = World { most_per_page: NonZeroUsize::new(2), ..World::seeded() };
    world.appflow_records_order = AppflowRecordsOrder::OldestFirst;
    world
        .appflow
        .get_mut("orders")
        .unwrap()
        .runs
        .push(Run { started_at: Some(now), ..Run::new("run-5", RunStatus::InProgress) });
    let simulator = start_with(world).await;
    let client = client!(aws_sdk_appflow, simulator);
    let describe = || client.describe_flow_execution_records().flow_name("orders");
    let mut pages = describe().max_results(100).into_paginator().send();
    let mut records = Vec::new();
    while let Some(page) = pages.next().await {
        records.extend(page.unwrap().flow_executions.unwrap());
    }
    let ids: Vec<_> = records.iter().map(|record| record.execution_id().unwrap()).collect();
    assert_eq!(ids, ["run-4", "run-3", "run-1", "run-2", "run-5"]);
    assert_eq!(simulator.ledger().len(), 3);
    let now = DateTime::from_str(&now.to_string(), Format::DateTime).unwrap();
    assert_eq!(records[4].started_at().map(milliseconds), Some(milliseconds(&now)));
    assert_eq!(records[1].execution_status().unwrap().as_str(), "Successful");
    assert!(records[1].execution_result().is_some() && records[2].execution_result().is_none());

    let error = describe().next_token("never-given").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_validation_exception());
    let error = describe().flow_name("nothing").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_resource_not_found_exception());
    script(&simulator, json!({"operation": "appflow.DescribeFlowExecutionRecords", "kind": "throttle"}));
    assert_eq!(describe().send().await.unwrap_err().code(), Some("ThrottlingException"));
}

#[tokio::test]
async fn swf_describes_a_run() {
    let simulator = start().await;
    let client = client!(aws_sdk_swf, simulator);
    let describe = |domain: &str, id: &str, run_id: &str| {
        let execution = SwfExecution::builder().workflow_id(id).run_id(run_id).build().unwrap();
        client.describe_workflow_execution().domain(domain).execution(execution).send()
    };
    let run_id = "22wkJ8fXyV6pC1invoice2041run1";
    client
        .request_cancel_workflow_execution()
        .domain("billing")
        .workflow_id("invoice-2041")
        .send()
        .await
        .unwrap();
    let open = describe("billing", "invoice-2041", run_id).await.unwrap();
    let info = open.execution_info().unwrap();
    assert_eq!((info.execution_status().as_str(), info.cancel_requested()), ("OPEN", true));
    assert_eq!((info.close_status(), info.close_timestamp()), (None, None));
    assert_eq!(milliseconds(info.start_timestamp()), 1_763_598_672_067);
    assert_eq!(open.open_counts().unwrap().open_activity_tasks(), 1);
    simulator.settle();
    let closed = describe("billing", "invoice-2041", run_id).await.unwrap();
    let info = closed.execution_info().unwrap();
    assert_eq!(
        (info.execution_status().as_str(), info.close_status().unwrap().as_str()),
        ("CLOSED", "CANCELED")
    );
    assert!(info.close_timestamp().unwrap() > info.start_timestamp());

    for (domain, run_id, message) in [
        ("nowhere", "r", "Unknown domain: nowhere"),
        ("billing", "r", "Unknown execution: WorkflowExecution=[workflowId=invoice-2041, runId=r]"),
    ] {
        let error = describe(domain, "invoice-2041", run_id).await.unwrap_err().into_service_error();
        assert!(error.is_unknown_resource_fault());
        assert_eq!(error.message(), Some(message));
    }
}

#[tokio::test]
async fn swf_lists_open_and_closed_runs_to_the_last_page() {
    let hours_ago = |hours: u64| Some(Timestamp::ago(Duration::from_secs(hours * 3600)));
    let mut world = World { most_per_page: NonZeroUsize::new(2), ..World::default() };
    let executions = &mut world.swf.entry("d".into()).or_default().executions;
    for number in 0..5 {
        executions.push(WorkflowExecution {
            started_at: hours_ago(10 - number),
            closed_at: hours_ago(9 - number),
            ..WorkflowExecution::closed("w", format!("run-{number}"), CloseStatus::ContinuedAsNew)
        });
    }
    executions.push(WorkflowExecution { started_at: hours_ago(5), ..WorkflowExecution::open("w", "run-5") });
    executions.push(WorkflowExecution { started_at: hours_ago(7), ..WorkflowExecution::open("v", "other") });
    let simulator = start_with(world).await;
    let client = client!(aws_sdk_swf, simulator);

    let closed = client.list_closed_workflow_executions().domain("d").execution_filter(workflow("w"));
    let mut pages = closed.clone().close_time_filter(ever()).into_paginator().items().send();
    let mut run_ids = Vec::new();
    while let Some(info) = pages.next().await {
        let info = info.unwrap();
        assert_eq!(info.close_status().unwrap().as_str(), "CONTINUED_AS_NEW");
        run_ids.push(info.execution().unwrap().run_id().to_owned());
    }
    assert_eq!(run_ids, ["run-4", "run-3", "run-2", "run-1", "run-0"]);
    assert_eq!(simulator.ledger().len(), 3);

    let open = client.list_open_workflow_executions().domain("d").start_time_filter(ever());
    let ids = |reply: &[aws_sdk_swf::types::WorkflowExecutionInfo]| -> Vec<String> {
        reply.iter().map(|info| info.execution().unwrap().run_id().to_owned()).collect()
    };
    assert_eq!(ids(open.clone().send().await.unwrap().execution_infos()), ["run-5", "other"]);
    assert_eq!(
        ids(open.clone().reverse_order(true).send().await.unwrap().execution_infos()),
        ["other", "run-5"]
    );
    let one = open.clone().execution_filter(workflow("w")).send().await.unwrap();
    assert_eq!(ids(one.execution_infos()), ["run-5"]);
    assert!(one.next_page_token().is_none());
    assert!(open.clone().execution_filter(workflow("x")).send().await.unwrap().execution_infos().is_empty());

    let error = open.clone().domain("nowhere").send().await.unwrap_err().into_service_error();
    assert!(error.is_unknown_resource_fault());
    let both = closed.clone().start_time_filter(ever()).close_time_filter(ever());
    assert_eq!(both.send().await.unwrap_err().code(), Some("ValidationException"));
    assert_eq!(closed.clone().send().await.unwrap_err().code(), Some("ValidationException"));
    let failed = CloseStatusFilter::builder().status("FAILED".into()).build().unwrap();
    let two_filters = closed.start_time_filter(ever()).close_status_filter(failed);
    assert_eq!(two_filters.send().await.unwrap_err().code(), Some("ValidationException"));
}

#[tokio::test]
async fn what_happens_beside_the_calls_is_seen_by_the_next_one() {
    let simulator = start().await;
    let client = client!(aws_sdk_swf, simulator);
    let list = client
        .list_open_workflow_executions()
        .domain("billing")
        .start_time_filter(ever())
        .execution_filter(workflow("invoice-2041"));
    simulator.change(|world| {
        let executions = &mut world.swf.get_mut("billing").unwrap().executions;
        let next = WorkflowExecution::open("invoice-2041", "run-2");
        let first = std::mem::replace(&mut executions[0], next);
        let now = Some(Timestamp::now());
        executions[0].started_at = now;
        executions.push(WorkflowExecution {
            started_at: first.started_at,
            closed_at: now,
            ..WorkflowExecution::closed("invoice-2041", first.run_id, CloseStatus::ContinuedAsNew)
        });
    });
    let reply = list.send().await.unwrap();
    assert_eq!(reply.execution_infos()[0].execution().unwrap().run_id(), "run-2");
}

#[tokio::test]
async fn eventbridge_fails_single_entries() {
    let simulator = start().await;
    let client = client!(aws_sdk_eventbridge, simulator);
    script(
        &simulator,
        json!({"operation": "eventbridge.PutEvents", "kind": "failEntries", "entries": [1], "code": "InternalFailure"}),
    );
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name("arn:aws:events:us-east-1:111122223333:event-bus/outcomes")
        .source("countermand")
        .detail_type("Cancellation Outcome")
        .detail("{}")
        .build();
    let reply = client.put_events().entries(entry.clone()).entries(entry).send().await.unwrap();
    assert_eq!(reply.failed_entry_count(), 1);
    assert!(reply.entries()[0].event_id().is_some());
    assert_eq!(reply.entries()[1].error_code(), Some("InternalFailure"));
    assert_eq!(simulator.published().len(), 1);
}

#[tokio::test]
async fn sns_fails_single_entries() {
    let simulator = start().await;
    let client = client!(aws_sdk_sns, simulator);
    script(
        &simulator,
        json!({"operation": "sns.PublishBatch", "kind": "failEntries", "entries": [0], "code": "InvalidParameter"}),
    );
    let entry = |id: &str| PublishBatchRequestEntry::builder().id(id).message("{}").build().unwrap();
    let batch = |arn: &str| client.publish_batch().topic_arn(arn).publish_batch_request_entries(entry("a"));
    let arn = "arn:aws:sns:us-east-1:111122223333:outcomes";
    let reply = batch(arn).publish_batch_request_entries(entry("b")).send().await.unwrap();
    assert_eq!(reply.successful()[0].id(), Some("b"));
    assert_eq!((reply.failed()[0].id(), reply.failed()[0].sender_fault()), ("a", true));
    let error = batch("arn:aws:sns:us-east-1:111122223333:nothing").send().await.unwrap_err();
    assert!(error.into_service_error().is_not_found_exception());
    assert_eq!(simulator.ledger()[0].request["PublishBatchRequestEntries.member.2.Id"], "b");
}

#[tokio::test]
async fn sqs_takes_and_gives_messages() {
    let simulator = start().await;
    let client = client!(aws_sdk_sqs, simulator);
    let status = MessageAttributeValue::builder().data_type("String").string_value("FAILED").build().unwrap();
    let entry = SendMessageBatchRequestEntry::builder()
        .id("a")
        .message_body("{}")
        .message_attributes("status", status)
        .build()
        .unwrap();
    let reply = client.send_message_batch().queue_url(QUEUE_URL).entries(entry).send().await.unwrap();
    assert_eq!(reply.successful()[0].md5_of_message_body(), "99914b932bd37a50b983c5e7c90ae93b");
    let received =
        client.receive_message().queue_url(QUEUE_URL).message_attribute_names("All").send().await.unwrap();
    let message = &received.messages()[0];
    assert_eq!(message.message_attributes().unwrap()["status"].string_value(), Some("FAILED"));
    let receipt = message.receipt_handle().unwrap();
    client.delete_message().queue_url(QUEUE_URL).receipt_handle(receipt).send().await.unwrap();
    let error = client
        .send_message()
        .queue_url(QUEUE_URL.replace("outcomes", "nothing"))
        .message_body("x")
        .send()
        .await
        .unwrap_err();
    assert!(error.into_service_error().is_queue_does_not_exist());
}

#[tokio::test]
async fn a_request_for_another_service_or_region_is_refused() {
    let simulator = start().await;
    let config = aws_sdk_swf::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
        .endpoint_url(simulator.base_url())
        .retry_config(RetryConfig::disabled())
        .build();
    let error = aws_sdk_swf::Client::from_conf(config)
        .request_cancel_workflow_execution()
        .domain("billing")
        .workflow_id("invoice-2041")
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("InvalidSignatureException"));
    assert!(!simulator.world().swf["billing"].executions[0].cancel_requested);
}
