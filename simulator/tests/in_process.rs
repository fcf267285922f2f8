//! The simulator without a socket, on a paused clock: it answers as the server does, and all that
//! takes time takes the clock's.

use std::time::Duration;

use countermand_simulator::{
    Counts, Fault, FaultKind, Limit, Operation, Redrive, Reply, Run, RunStatus, Simulator, World,
};
use hyper::{Request, Response};
use serde_json::{Value, json};
use tokio::time::{Instant, advance, timeout};

const SECOND: Duration = Duration::from_secs(1);

fn simulator() -> Simulator {
    Simulator::in_process(World::seeded()).unwrap()
}

/// A call of SQS on the queue `outcomes`.
async fn ask(simulator: &Simulator, action: &str, fields: Value) -> Option<Response<Vec<u8>>> {
    let mut body = json!({"QueueUrl": format!("{}/111122223333/outcomes", simulator.base_url())});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-east-1/sqs/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={}",
        "0".repeat(64)
    );
    let request = Request::post(simulator.base_url())
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{action}"))
        .header("x-amz-date", "20261120T011500Z")
        .header("authorization", authorization);
    simulator.answer(request.body(body.to_string().into_bytes()).unwrap()).await
}

async fn call(simulator: &Simulator, action: &str, fields: Value) -> Value {
    let response = ask(simulator, action, fields).await.unwrap();
    assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
    serde_json::from_slice(response.body()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_in_and_comes_out() {
    let simulator = simulator();
    let began = simulator.now();
    call(&simulator, "SendMessage", json!({"MessageBody": "hello", "DelaySeconds": 60})).await;
    assert_eq!(simulator.messages("outcomes")[0].visible_in, Some(60 * SECOND));
    advance(60 * SECOND).await;
    let received = call(&simulator, "ReceiveMessage", json!({"AttributeNames": ["All"]})).await;
    let message = &received["Messages"][0];
    assert_eq!(message["Body"], "hello");
    let time = |name: &str| message["Attributes"][name].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(time("ApproximateFirstReceiveTimestamp") - time("SentTimestamp"), 60_000);
    assert_eq!(simulator.now(), began + 60 * SECOND);
    call(&simulator, "DeleteMessage", json!({"ReceiptHandle": message["ReceiptHandle"]})).await;
    assert!(simulator.messages("outcomes").is_empty());
    assert_eq!(simulator.ledger()[0].at, 0);
    assert_eq!(simulator.ledger()[1].at, 60_000);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_would_close_is_no_reply() {
    let simulator = simulator();
    simulator.script(Fault::new(Operation::SEND_MESSAGE, FaultKind::Drop {}));
    simulator.script(Fault::new(Operation::SEND_MESSAGE, FaultKind::Hang {}));
    simulator.script(Fault::new(Operation::SEND_MESSAGE, FaultKind::Delay { ms: 5_000 }));
    let message = json!({"MessageBody": "hello"});
    assert!(ask(&simulator, "SendMessage", message.clone()).await.is_none());
    let hangs = timeout(3_600 * SECOND, ask(&simulator, "SendMessage", message.clone())).await;
    assert!(hangs.is_err());
    let began = Instant::now();
    call(&simulator, "SendMessage", message).await;
    assert_eq!(began.elapsed(), 5 * SECOND);
    assert_eq!(simulator.messages("outcomes").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_call_of_an_operation_is_delayed_until_the_delay_is_ended() {
    let simulator = simulator();
    for (delay, takes) in [(SECOND, SECOND), (Duration::ZERO, Duration::ZERO)] {
        simulator.delay(Operation::SEND_MESSAGE, delay);
        for message in ["one", "another"] {
            let began = Instant::now();
            call(&simulator, "SendMessage", json!({"MessageBody": message})).await;
            assert_eq!(began.elapsed(), takes);
        }
        let began = Instant::now();
        call(&simulator, "GetQueueUrl", json!({"QueueName": "outcomes"})).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_fills_with_the_clock_and_is_counted() {
    let simulator = simulator();
    simulator.limit(Limit { operation: Operation::GET_QUEUE_URL, per_second: 2.0, burst: 2.0 });
    let mut granted = Vec::new();
    for _ in 0..3 {
        let mut calls = 0;
        for _ in 0..5 {
            let response = ask(&simulator, "GetQueueUrl", json!({"QueueName": "outcomes"})).await.unwrap();
            calls += usize::from(response.status() == 200);
        }
        granted.push(calls);
        simulator.forget();
        advance(SECOND / 2).await;
    }
    assert_eq!(granted, [2, 1, 1]);
    assert!(simulator.ledger().is_empty());
    assert_eq!(simulator.counts()["sqs.GetQueueUrl"], Counts { calls: 15, throttled: 11 });
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_wakes_when_a_message_arrives() {
    let simulator = simulator();
    let sender = simulator.clone();
    let poll = tokio::spawn(async move {
        let received = call(&sender, "ReceiveMessage", json!({"WaitTimeSeconds": 20})).await;
        (received["Messages"][0]["Body"].clone(), Instant::now())
    });
    tokio::time::sleep(3 * SECOND).await;
    let sent = Instant::now();
    simulator.send("outcomes", "hello");
    assert_eq!(poll.await.unwrap(), (json!("hello"), sent));
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_wakes_when_a_hidden_message_can_be_seen() {
    let simulator = simulator();
    simulator.send("outcomes", "hello");
    call(&simulator, "ReceiveMessage", json!({"VisibilityTimeout": 7})).await;
    let began = Instant::now();
    let again = call(&simulator, "ReceiveMessage", json!({"WaitTimeSeconds": 20})).await;
    assert_eq!(again["Messages"][0]["Body"], "hello");
    assert_eq!(began.elapsed(), 7 * SECOND);
    let none = call(&simulator, "ReceiveMessage", json!({"WaitTimeSeconds": 20})).await;
    assert_eq!((none, began.elapsed()), (json!({}), 27 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_wakes_when_a_message_is_given_back() {
    let simulator = simulator();
    simulator.send("outcomes", "hello");
    let held = call(&simulator, "ReceiveMessage", json!({})).await;
    let receipt = held["Messages"][0]["ReceiptHandle"].clone();
    let began = Instant::now();
    let give_back = async {
        tokio::time::sleep(2 * SECOND).await;
        call(&simulator, "ChangeMessageVisibility", json!({"ReceiptHandle": receipt, "VisibilityTimeout": 0}))
            .await
    };
    let (again, _) =
        tokio::join!(call(&simulator, "ReceiveMessage", json!({"WaitTimeSeconds": 20})), give_back);
    assert_eq!(again["Messages"][0]["Body"], "hello");
    assert_eq!(began.elapsed(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_of_the_dead_letter_queue_wakes_when_a_message_is_moved() {
    let simulator = simulator();
    let redrive = Redrive { dead_letter_queue: "outcomes".into(), max_receive_count: 1 };
    simulator.change(|world| {
        world.queues.push("work".into());
        world.redrive.insert("work".into(), redrive);
    });
    simulator.send("work", "poison");
    let mapping = simulator.mapping("work");
    let poll = async {
        while let Some(batch) = mapping.next().await {
            mapping.settle(batch, &Reply::TimedOut);
        }
    };
    let (dead, ()) = tokio::join!(
        async {
            // Hidden for 30 seconds there, it takes two polls.
            call(&simulator, "ReceiveMessage", json!({"WaitTimeSeconds": 20})).await;
            call(&simulator, "ReceiveMessage", json!({"WaitTimeSeconds": 20})).await
        },
        poll
    );
    assert_eq!(dead["Messages"][0]["Body"], "poison");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_by_the_clock() {
    let world = World { settle_after_ms: Some(10_000), ..World::seeded() };
    let simulator = Simulator::in_process(world).unwrap();
    let now = simulator.now();
    simulator.change(|world| {
        let run = Run { last_updated_at: Some(now), ..Run::new("a", RunStatus::CancelStarted) };
        world.appflow.get_mut("orders").unwrap().runs = vec![run];
    });
    let status = || simulator.world().appflow["orders"].runs[0].status;
    advance(9 * SECOND).await;
    assert_eq!(status(), RunStatus::CancelStarted);
    advance(SECOND).await;
    assert_eq!(status(), RunStatus::Canceled);
}

#[tokio::test(start_paused = true)]
async fn a_queue_of_many_messages_is_worked_off() {
    let simulator = simulator();
    for number in 0..20_000 {
        simulator.send("outcomes", &number.to_string());
    }
    let mapping = simulator.mapping("outcomes").visibility(60 * SECOND);
    let mut batches = 0;
    while let Some(batch) = mapping.next().await {
        batches += 1;
        // The first batch fails, and comes again when all others are done.
        let reply = if batches == 1 { Reply::TimedOut } else { Reply::Response("null".into()) };
        mapping.settle(batch, &reply);
    }
    assert_eq!(batches, 2_001);
    assert!(simulator.messages("outcomes").is_empty());
}
