//! What the function is handed, and which messages are left after its reply.

use tokio::time::{advance, timeout};

use super::*;
use crate::{Redrive, World};

const SECOND: Duration = Duration::from_secs(1);

fn simulator() -> Simulator {
    Simulator::in_process(World { queues: vec!["q".into(), "dead".into()], ..World::default() }).unwrap()
}

fn response(text: impl Into<String>) -> Reply {
    Reply::Response(text.into())
}

fn named(ids: &[&str]) -> Reply {
    let items: Vec<_> = ids.iter().map(|id| json!({"itemIdentifier": id})).collect();
    response(json!({"batchItemFailures": items}).to_string())
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_the_event_that_lambda_makes() {
    let simulator = simulator();
    let id = simulator.send("q", "hello");
    advance(SECOND).await;
    let batch = simulator.mapping("q").next().await.unwrap();
    assert_eq!(batch.ids().collect::<Vec<_>>(), [&id]);
    let event: Value = serde_json::from_str(&batch.event).unwrap();
    let record = &event["Records"][0];
    let attributes = &record["attributes"];
    let time = |name: &str| attributes[name].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(time("ApproximateFirstReceiveTimestamp") - time("SentTimestamp"), 1_000);
    assert_eq!(attributes["ApproximateReceiveCount"], "1");
    assert!(attributes["SenderId"].is_string() && record["receiptHandle"].is_string());
    let expected = [
        ("messageId", json!(id)),
        ("body", json!("hello")),
        ("messageAttributes", json!({})),
        ("md5OfBody", json!("5d41402abc4b2a76b9719d911017c592")),
        ("eventSource", json!("aws:sqs")),
        ("eventSourceARN", json!("arn:aws:sqs:us-east-1:111122223333:q")),
        ("awsRegion", json!("us-east-1")),
    ];
    for (name, value) in expected {
        assert_eq!(record[name], value, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_deletes_what_is_done() {
    // Of two messages, so many are left.
    type Case = (fn(&str) -> Reply, usize);
    let cases: [Case; 13] = [
        (|_| response(""), 0),
        (|_| response("null"), 0),
        (|_| response("{}"), 0),
        (|_| response(r#"{"batchItemFailures": null}"#), 0),
        (|_| named(&[]), 0),
        (|id| named(&[id]), 1),
        (|id| named(&[id, "unknown"]), 2),
        (|_| named(&[""]), 2),
        (|id| response(json!({"batchItemFailures": [{"itemId": id}]}).to_string()), 2),
        (|_| response(r#"{"statusCode": 200}"#), 2),
        (|_| response("done"), 2),
        (|_| Reply::TimedOut, 2),
        (|_| Reply::FunctionError { error_type: "E".into(), error_message: String::new() }, 2),
    ];
    for (reply, left) in cases {
        let simulator = simulator();
        let id = simulator.send("q", "one");
        simulator.send("q", "two");
        let mapping = simulator.mapping("q");
        let batch = mapping.next().await.unwrap();
        let reply = reply(&id);
        mapping.settle(batch, &reply);
        assert_eq!(simulator.messages("q").len(), left, "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_failed_comes_again_when_it_can_be_seen() {
    let simulator = simulator();
    let id = simulator.send("q", "one");
    let mapping = simulator.mapping("q").visibility(90 * SECOND);
    let began = Instant::now();
    let batch = mapping.next().await.unwrap();
    mapping.settle(batch, &named(&[&id]));
    assert_eq!(simulator.messages("q")[0].visible_in, Some(90 * SECOND));
    let again = mapping.next().await.unwrap();
    assert_eq!(began.elapsed(), 90 * SECOND);
    assert_eq!(simulator.messages("q")[0].receive_count, 2);
    mapping.settle(again, &response("null"));
    assert!(mapping.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_took_too_long_deletes_nothing() {
    let simulator = simulator();
    simulator.send("q", "one");
    let mapping = simulator.mapping("q").visibility(SECOND);
    let late = mapping.next().await.unwrap();
    let newer = mapping.next().await.unwrap();
    mapping.settle(late, &response("null"));
    assert_eq!(simulator.messages("q").len(), 1);
    mapping.settle(newer, &response("null"));
    assert!(simulator.messages("q").is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_caller_that_waited_longest_gets_the_next_batch() {
    let simulator = simulator();
    simulator.send("q", "held");
    let mapping = simulator.mapping("q").batch_size(1).visibility(3_600 * SECOND);
    let held = mapping.next().await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mapping = mapping.clone();
        waiting.push(tokio::spawn(async move { mapping.next().await }));
        tokio::task::yield_now().await;
    }
    let sent: Vec<_> = ["one", "two"].into_iter().map(|body| simulator.send("q", body)).collect();
    let last = waiting.pop().unwrap();
    for (caller, id) in waiting.into_iter().zip(sent) {
        let batch = caller.await.unwrap().unwrap();
        assert_eq!(batch.ids().collect::<Vec<_>>(), [&id]);
        mapping.settle(batch, &response("null"));
    }
    assert!(!last.is_finished());
    // Nothing is left to wait for.
    mapping.settle(held, &response("null"));
    let last = timeout(SECOND, last).await.unwrap();
    assert!(last.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_too_often_ends_in_the_dead_letter_queue() {
    let simulator = simulator();
    let redrive = Redrive { dead_letter_queue: "dead".into(), max_receive_count: 2 };
    simulator.change(|world| world.redrive = [("q".to_owned(), redrive)].into());
    let id = simulator.send("q", "poison");
    let mapping = simulator.mapping("q");
    let dead = simulator.mapping("dead");
    let mut batches = 0;
    while let Some(batch) = mapping.next().await {
        mapping.settle(batch, &Reply::TimedOut);
        batches += 1;
    }
    assert_eq!(batches, 2);
    let batch = dead.next().await.unwrap();
    assert_eq!(batch.ids().collect::<Vec<_>>(), [&id]);
    let event: Value = serde_json::from_str(&batch.event).unwrap();
    let source = &event["Records"][0]["attributes"]["DeadLetterQueueSourceArn"];
    assert_eq!(source, "arn:aws:sqs:us-east-1:111122223333:q");
}
