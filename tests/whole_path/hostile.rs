//! Hostile input: whatever comes in, and whatever a service replies, no other record is touched.
//!
//! What is hostile is written down once, in [`texts`], and delivered here to the real binary beside good
//! records. The generators below it make requests, events and replies out of it, which thousands of seeded
//! rounds run in this process; the fuzz targets in `fuzz/` run the same ones. What a fuzzer found is kept
//! here too.

mod draw;
mod events;
pub mod raw;
mod replies;
mod reply;
mod requests;
pub mod texts;

use std::panic::RefUnwindSafe;
use std::time::Duration;

use countermand_simulator::{Fault, FaultKind, Invocation, Reply, Simulator, World};
use fastrand::Rng;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use self::texts::Text;
use crate::case;
use crate::services::SERVICES;

/// What must hold of all bytes, and in how many rounds it is tried.
type Property = (&'static str, usize, fn(&[u8]));

const PROPERTIES: [Property; 2] = [("request", 2_000, requests::check), ("event", 1_000, events::check)];

/// A test that has no data.
type Test = fn() -> Result<(), Failed>;

/// The tests.
pub fn trials() -> Vec<Trial> {
    let properties = PROPERTIES.map(|(name, rounds, check)| {
        Trial::test(format!("hostile-property-{name}"), move || property(rounds, check))
    });
    let replies = SERVICES.map(|service| {
        let check = move |bytes: &[u8]| replies::check(service, bytes);
        Trial::test(format!("hostile-property-{}-reply", service.name()), move || property(400, check))
    });
    let huge = texts::HUGE.map(|text| {
        let name = format!("hostile-body-of-{}-touches-no-other-record", text.0);
        Trial::test(name, move || bodies_touch_no_other(&[text]))
    });
    let delivered: [(&str, Test); 8] = [
        ("hostile-json-in-bodies-touches-no-other-record", || in_batches(&texts::SHORT)),
        ("hostile-long-json-in-bodies-touches-no-other-record", || in_batches(&texts::LONG)),
        ("hostile-bodies-that-are-no-json-touch-no-other-record", || in_batches(&texts::OTHER)),
        ("hostile-envelopes-cost-no-request", envelopes_cost_no_request),
        ("hostile-batches-of-10000-records-are-answered", ten_thousand_records),
        ("hostile-replies-that-are-no-http-touch-no-other-record", replies_touch_no_other),
        ("hostile-events-that-are-no-json-end-no-process", events_that_are_no_json),
        ("hostile-replies-of-60-mb-take-no-memory", replies_of_60_mb),
    ];
    let delivered = delivered.map(|(name, test)| Trial::test(name, test));
    properties.into_iter().chain(replies).chain(huge).chain(delivered).collect()
}

/// Runs a check on random bytes, the same ones each time; it panics where it does not hold.
fn property(rounds: usize, check: impl Fn(&[u8]) + RefUnwindSafe) -> Result<(), Failed> {
    for seed in 0..rounds {
        let mut random = Rng::with_seed(seed as u64);
        let bytes: Vec<u8> = (0..random.usize(..1_200)).map(|_| random.u8(..)).collect();
        std::panic::catch_unwind(|| check(&bytes)).map_err(|_| format!("seed {seed}"))?;
    }
    Ok(())
}

/// As many hostile bodies at a time as a batch of SQS holds between good ones.
fn in_batches(texts: &[Text]) -> Result<(), Failed> {
    texts.chunks(4).try_for_each(bodies_touch_no_other)
}

/// Records with hostile bodies between good ones: the good ones are carried out and acknowledged, the
/// others refused, each in its place.
fn bodies_touch_no_other(texts: &[Text]) -> Result<(), Failed> {
    let good = || json!(events::GOOD);
    let bodies = texts.iter().flat_map(|(_, text)| [good(), json!(text())]).chain([good()]);
    let status = |place: usize| if place.is_multiple_of(2) { "ACCEPTED" } else { "REJECTED" };
    let published: Vec<Value> = (0..=2 * texts.len())
        .map(|place| outcome(json!({"requestId": format!("m-{place}"), "status": status(place)})))
        .collect();
    deliver(json!({
        "sqs": bodies.collect::<Vec<_>>(),
        "expect": {"response": {"batchItemFailures": []}, "published": published},
    }))
}

/// What is odd in an envelope counts as absent: the request in it is carried out.
fn envelopes_cost_no_request() -> Result<(), Failed> {
    let records: Vec<String> = texts::SHORT.iter().chain(&texts::LONG).enumerate().map(|(index, (_, text))| {
        let (odd, good) = (text(), events::GOOD);
        let event = format!(
            r#"{{"id":{odd},"time":{odd},"account":{odd},"source":{odd},"resources":{odd},"detail-type":{odd},"detail":{good}}}"#
        );
        let body = texts::quoted(&format!(
            r#"{{"Type":"Notification","MessageId":{odd},"Timestamp":{odd},"TopicArn":{odd},"Message":{}}}"#,
            texts::quoted(&event),
        ));
        format!(
            r#"{{"messageId":"m-{index}","eventSource":"aws:sqs","eventSourceARN":{odd},"receiptHandle":{odd},"attributes":{odd},"awsRegion":{odd},"body":{body}}}"#
        )
    }).collect();
    let published = vec![outcome(json!({"status": "ACCEPTED"})); records.len()];
    deliver(json!({
        "raw": format!("{{\"Records\":[{}]}}", records.join(",")),
        "expect": {"response": {"batchItemFailures": []}, "published": published},
    }))
}

/// Thousands of refused records between two good ones.
fn ten_thousand_records() -> Result<(), Failed> {
    let mut bodies = vec![json!("["); 10_000];
    bodies[0] = json!(events::GOOD);
    bodies[9_999] = json!(events::GOOD);
    let call = json!({"<more>": true, "operation": "swf.RequestCancelWorkflowExecution", "status": 200});
    case::run_value(json!({
        "sqs": bodies,
        "env": {"AWS_LAMBDA_LOG_LEVEL": "ERROR"},
        "timeoutMs": 60_000,
        "expect": {"response": {"batchItemFailures": []}, "calls": [call]},
    }))
    .map_err(Failed::from)
}

fn outcome(mut body: Value) -> Value {
    body["<more>"] = json!(true);
    json!({"<more>": true, "body": body})
}

/// Runs a case with what all of these share.
fn deliver(mut case: Value) -> Result<(), Failed> {
    case["destination"] = json!("bus");
    case["timeoutMs"] = json!(60_000);
    case["env"]["AWS_LAMBDA_LOG_LEVEL"] = json!("ERROR");
    Ok(case::run_value(case)?)
}

/// A reply that is no HTTP, or that says one thing of itself and does another, costs only the request that
/// it answers. Each with whether the service has taken the request.
fn replies_touch_no_other() -> Result<(), Failed> {
    for (reply, taken) in raw::REPLIES {
        let server = raw::serve(move |_| Some(reply().into_bytes()))?;
        let failures = if taken { json!([]) } else { json!([{"itemIdentifier": "m-0"}]) };
        let status = if taken { "ACCEPTED" } else { "FAILED" };
        deliver(json!({
            "sqs": [events::GOOD, r#"{"service":"appflow","flowName":"orders","executionIds":["run-1"]}"#],
            "env": {"AWS_ENDPOINT_URL_SWF": format!("http://{server}"), "COUNTERMAND_MAX_ATTEMPTS": "2"},
            "expect": {
                "response": {"batchItemFailures": failures},
                "published": [
                    outcome(json!({"requestId": "m-0", "status": status})),
                    outcome(json!({"requestId": "m-1", "status": "ACCEPTED"})),
                ],
            },
        }))
        .map_err(|failed| {
            format!(
                "{}\n{}",
                reply().escape_debug().take(200).collect::<String>(),
                failed.message().unwrap_or_default()
            )
        })?;
    }
    Ok(())
}

/// Events that are not even text, and then good ones, which the same process carries out: that with a body
/// of odd bytes has another record in its batch.
fn events_that_are_no_json() -> Result<(), Failed> {
    let batch = |body: &[u8]| {
        let good = texts::quoted(events::GOOD);
        let record = |id, body: &[u8]| {
            [format!(r#"{{"eventSource":"aws:sqs","messageId":"{id}","body":"#).as_bytes(), body, b"}"]
                .concat()
        };
        [b"{\"Records\":[", &record("odd", body)[..], b",", &record("good", good.as_bytes()), b"]}"].concat()
    };
    let odd = batch(b"\"{\\\"service\\\":\\\"swf\xff\\\"}\"");
    let events: [&[u8]; 8] = [
        b"\xff\xfe{}",
        b"{\"service\":\"\xc3\x28\"}",
        b"",
        b"[",
        b"hello",
        &[events::GOOD.as_bytes(), b" and more"].concat(),
        &odd,
        &[b"\xef\xbb\xbf", events::GOOD.as_bytes()].concat(),
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let simulator = runtime.block_on(Simulator::start(World::seeded(), ([127, 0, 0, 1], 0).into()))?;
    let (lambda, answers) = raw::lambda(events.map(<[u8]>::to_vec).into())?;
    let _function = case::start_with(&simulator, [("AWS_LAMBDA_RUNTIME_API", &lambda.to_string())])?;
    for number in 0..events.len() {
        let (path, answer) = answers.recv_timeout(Duration::from_secs(20))?;
        let (end, part) = match events.len() - number {
            1 => ("response", "\"ACCEPTED\""),
            2 => ("response", "{\"batchItemFailures\":[]}"),
            _ => ("error", "{\"errorType\":\"InvalidEvent\""),
        };
        let expected = format!("/2018-06-01/runtime/invocation/lambda-{number}/{end}");
        if path != expected || !answer.contains(part) {
            return Err(format!("expected {expected}, got {path} with {answer}").into());
        }
    }
    Ok(())
}

/// A reply is not read without end: however often it comes, the process stays as small as it was.
fn replies_of_60_mb() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let simulator = Simulator::start(World::seeded(), ([127, 0, 0, 1], 0).into()).await?;
        let function = case::start_with(&simulator, [("COUNTERMAND_MAX_ATTEMPTS", "2")])?;
        for service in SERVICES {
            let operation = service.cancel;
            for status in [200, 400, 503] {
                let body = format!("{{\"message\":\"{}\"}}", "x".repeat(60_000_000));
                let kind = FaultKind::Reply { status, body, headers: Default::default() };
                simulator.script(Fault::new(operation, kind).times(2));
                let invocation = Invocation { timeout: Duration::from_secs(30), ..Invocation::default() };
                let reply = simulator.invoke(service.requests[0].into(), invocation).await;
                let Reply::FunctionError { .. } = reply else { return Err(format!("{reply:?}").into()) };
                let peak = peak_memory(&function)?;
                if peak > 64 * 1024 {
                    return Err(format!("{operation}, {status}: {peak} KiB at its peak").into());
                }
            }
        }
        Ok(())
    })
}

/// The most memory that the process ever held, in KiB.
fn peak_memory(function: &case::Function) -> Result<u64, Failed> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", function.id()))?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.split_whitespace().next());
    Ok(peak.ok_or("expected VmHWM")?.parse()?)
}
