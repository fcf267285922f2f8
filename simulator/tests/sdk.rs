//! The AWS SDK as a client: what it sends is accepted, what the simulator answers it reads, errors
//! and failed entries included.

use aws_sdk_appflow::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_appflow::error::ProvideErrorMetadata;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sns::types::PublishBatchRequestEntry;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use aws_smithy_types::retry::RetryConfig;
use countermand_simulator::{Fault, Simulator, World};
use serde_json::json;

const QUEUE_URL: &str = "https://sqs.us-east-1.amazonaws.com/111122223333/outcomes";

async fn start() -> Simulator {
    Simulator::start(World::seeded(), ([127, 0, 0, 1], 0).into()).await.unwrap()
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
