//! What goes into a queue comes out of it, and what the service would refuse does not go in.

use super::*;
use crate::wire::tests::request;
use crate::work::State;
use crate::world::World;

const URL: &str = "https://sqs.us-east-1.amazonaws.com/111122223333/outcomes";

fn run(state: &mut State, action: &str, body: &Value) -> Result<Value, Failure> {
    let mut turn = Turn { state, request_id: "id-1", base_url: "http://127.0.0.1:1", failing: None };
    let request = request("POST", "/", &[], &body.to_string());
    let work: Box<dyn Work> = match action {
        "SendMessage" => Box::new(SendMessage::read(&request)?),
        "SendMessageBatch" => Box::new(SendMessageBatch::read(&request)?),
        "ReceiveMessage" => Box::new(ReceiveMessage::read(&request)?),
        "ChangeMessageVisibility" => Box::new(ChangeMessageVisibility::read(&request)?),
        "ChangeMessageVisibilityBatch" => Box::new(ChangeMessageVisibilityBatch::read(&request)?),
        "GetQueueUrl" => Box::new(GetQueueUrl::read(&request)?),
        _ => Box::new(DeleteMessage::read(&request)?),
    };
    let answer = work.run(&mut turn)?;
    Ok(serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

/// What a receipt looks like.
const ID: &str = "c9f0e1d2-3b4a-4c5d-8e6f-7a8b9c0d1e2f";

fn change(receipt: &str, seconds: Value) -> Value {
    json!({"QueueUrl": URL, "ReceiptHandle": receipt, "VisibilityTimeout": seconds})
}

/// The one message that can be received.
fn receive(state: &mut State) -> Value {
    run(state, "ReceiveMessage", &json!({"QueueUrl": URL})).unwrap()["Messages"][0].clone()
}

fn send(state: &mut State, body: &str) {
    run(state, "SendMessage", &json!({"QueueUrl": URL, "MessageBody": body})).unwrap();
}

fn entry(id: &str, body: &str) -> Value {
    json!({"Id": id, "MessageBody": body})
}

#[test]
fn a_message_goes_in_and_comes_out() {
    let mut state = State::new(World::seeded());
    let url = run(&mut state, "GetQueueUrl", &json!({"QueueName": "outcomes"})).unwrap();
    assert_eq!(url["QueueUrl"], "http://127.0.0.1:1/111122223333/outcomes");
    let attributes = json!({"status": {"DataType": "String", "StringValue": "FAILED"}});
    let message = json!({"QueueUrl": URL, "MessageBody": "hello", "MessageAttributes": attributes});
    let sent = run(&mut state, "SendMessage", &message).unwrap();
    assert_eq!(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    let receive = json!({"QueueUrl": URL, "MessageAttributeNames": ["All"], "AttributeNames": ["ApproximateReceiveCount"]});
    let received = run(&mut state, "ReceiveMessage", &receive).unwrap();
    let message = &received["Messages"][0];
    assert_eq!(message["Body"], "hello");
    assert_eq!(message["Attributes"], json!({"ApproximateReceiveCount": "1"}));
    assert_eq!(message["MessageAttributes"], attributes);
    assert_eq!(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
    assert_eq!(run(&mut state, "ReceiveMessage", &receive).unwrap(), json!({}));
    let delete = json!({"QueueUrl": URL, "ReceiptHandle": message["ReceiptHandle"]});
    run(&mut state, "DeleteMessage", &delete).unwrap();
    assert_eq!(state.queues.messages("outcomes").count(), 0);
    assert_eq!(state.published[0].attributes["status"], "FAILED");
}

#[test]
fn the_checksum_of_attributes_is_the_documented_one() {
    // By hand, as SQS documents it: name and type with their lengths, a byte for text, the value with its length.
    let attributes = json!({"a": {"DataType": "String", "StringValue": "b"}});
    let mut bytes = Vec::new();
    for part in [&b"a"[..], b"String"] {
        bytes.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend(part);
    }
    bytes.extend([1, 0, 0, 0, 1, b'b']);
    let expected = hex::encode(Md5::digest(bytes));
    assert_eq!(attributes_md5(attributes.as_object().unwrap()), expected);
}

#[test]
fn entries_of_a_batch_fail_one_by_one() {
    let mut state = State::new(World::seeded());
    let entries = json!([entry("a", "fine"), entry("b", "\u{1}"), entry("c", "")]);
    let reply = run(&mut state, "SendMessageBatch", &json!({"QueueUrl": URL, "Entries": entries})).unwrap();
    assert_eq!(reply["Successful"][0]["Id"], "a");
    assert_eq!(reply["Failed"][0]["Code"], "InvalidMessageContents");
    assert_eq!(reply["Failed"][1]["Code"], "MissingParameter");
    assert_eq!(reply["Failed"][0]["SenderFault"], true);
    assert_eq!(state.published.len(), 1);
}

#[test]
fn what_the_service_would_refuse_is_refused() {
    let half = "x".repeat(LARGEST / 2 + 1);
    let batch = |entries: Value| json!({"QueueUrl": URL, "Entries": entries});
    let cases = [
        ("SendMessageBatch", batch(json!([])), "EmptyBatchRequest"),
        ("SendMessageBatch", batch(json!([entry("a", "x"), entry("a", "y")])), "BatchEntryIdsNotDistinct"),
        ("SendMessageBatch", batch(json!([entry("a", &half), entry("b", &half)])), "BatchRequestTooLong"),
        ("SendMessageBatch", json!({"QueueUrl": URL}), "MissingParameter"),
        (
            "SendMessage",
            json!({"QueueUrl": URL, "MessageBody": format!("{half}{half}")}),
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": URL, "MessageBody": "x", "DelaySeconds": 901}),
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": URL.replace("outcomes", "nothing"), "MessageBody": "x"}),
            "QueueDoesNotExist",
        ),
        ("SendMessage", json!({"QueueUrl": URL.replace('1', "2"), "MessageBody": "x"}), "QueueDoesNotExist"),
        ("ReceiveMessage", json!({"QueueUrl": URL, "MaxNumberOfMessages": 11}), "InvalidParameterValue"),
        ("GetQueueUrl", json!({"QueueName": "nothing"}), "QueueDoesNotExist"),
        ("ChangeMessageVisibility", change(ID, json!(43_201)), "InvalidParameterValue"),
        ("ChangeMessageVisibility", change(ID, Value::Null), "MissingParameter"),
        ("ChangeMessageVisibility", change("", json!(1)), "MissingParameter"),
        ("ChangeMessageVisibility", change("made up", json!(1)), "ReceiptHandleIsInvalid"),
        ("ChangeMessageVisibility", change(ID, json!(1)), "InvalidParameterValue"),
        ("ChangeMessageVisibilityBatch", batch(json!([])), "EmptyBatchRequest"),
    ];
    for (action, body, code) in cases {
        let failure = run(&mut State::new(World::seeded()), action, &body).unwrap_err();
        assert_eq!(failure.code, code, "{action} {:.120}", body.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_given_back_at_once_or_kept_for_longer() {
    let mut state = State::new(World::seeded());
    send(&mut state, "hello");
    let receipt = receive(&mut state)["ReceiptHandle"].as_str().unwrap().to_owned();
    assert_eq!(
        run(&mut state, "ChangeMessageVisibility", &change(&receipt, json!(60))).unwrap(),
        Value::Null
    );
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(receive(&mut state), Value::Null);
    run(&mut state, "ChangeMessageVisibility", &change(&receipt, json!(0))).unwrap();
    let again = run(&mut state, "ChangeMessageVisibility", &change(&receipt, json!(5))).unwrap_err();
    assert_eq!(again.code, "MessageNotInflight");
    assert_eq!(receive(&mut state)["Body"], "hello");
    let outdated = run(&mut state, "ChangeMessageVisibility", &change(&receipt, json!(5))).unwrap_err();
    assert_eq!(outdated.code, "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn no_message_is_hidden_for_more_than_twelve_hours() {
    let mut state = State::new(World::seeded());
    send(&mut state, "hello");
    let receipt = receive(&mut state)["ReceiptHandle"].as_str().unwrap().to_owned();
    tokio::time::advance(Duration::from_secs(1)).await;
    let beyond = run(&mut state, "ChangeMessageVisibility", &change(&receipt, json!(43_200))).unwrap_err();
    assert!(beyond.message.contains("beyond the limit"), "{}", beyond.message);
    run(&mut state, "ChangeMessageVisibility", &change(&receipt, json!(43_199))).unwrap();
}

#[test]
fn changes_of_a_batch_fail_one_by_one() {
    let mut state = State::new(World::seeded());
    send(&mut state, "hello");
    let receipt = receive(&mut state)["ReceiptHandle"].take();
    let entries = json!([
        {"Id": "a", "ReceiptHandle": receipt, "VisibilityTimeout": 0},
        {"Id": "b", "ReceiptHandle": receipt, "VisibilityTimeout": 5},
        {"Id": "c", "ReceiptHandle": "made up", "VisibilityTimeout": 0},
        {"Id": "d", "ReceiptHandle": receipt, "VisibilityTimeout": -1},
    ]);
    let reply =
        run(&mut state, "ChangeMessageVisibilityBatch", &json!({"QueueUrl": URL, "Entries": entries}))
            .unwrap();
    assert_eq!(reply["Successful"], json!([{"Id": "a"}]));
    let failed = reply["Failed"].as_array().unwrap();
    let failed: Vec<_> = failed.iter().map(|one| (one["Id"].as_str(), one["Code"].as_str())).collect();
    let expected =
        [("b", "MessageNotInflight"), ("c", "ReceiptHandleIsInvalid"), ("d", "InvalidParameterValue")];
    assert_eq!(failed, expected.map(|(id, code)| (Some(id), Some(code))));
    assert_eq!(receive(&mut state)["Body"], "hello");
}
