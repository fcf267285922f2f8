//! What Lambda says of an invocation beside its payload, in forms that nobody expects.
//!
//! One process gets all of these invocations, one after the other: each has its request carried out, so
//! nothing that is said of it decides over it, and none ends the process.

use std::time::Duration;

use countermand_simulator::{Fault, FaultKind, Invocation, Operation, Reply, Simulator, World};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::case::{in_real_time, start_quietly, start_with};
use crate::hostile::raw;

const GOOD: &str = r#"{"service":"swf","domain":"billing","workflowId":"invoice-2041"}"#;

const CLIENT_CONTEXT: &str = "Lambda-Runtime-Client-Context";
const IDENTITY: &str = "Lambda-Runtime-Cognito-Identity";
const DEADLINE: &str = "Lambda-Runtime-Deadline-Ms";
const TRACE: &str = "Lambda-Runtime-Trace-Id";
const ARN: &str = "Lambda-Runtime-Invoked-Function-Arn";
const TENANT: &str = "Lambda-Runtime-Aws-Tenant-Id";

/// Headers and what stands in them; nothing where they are left out.
const HEADERS: [(&[&str], &[&str]); 3] = [
    (
        &[CLIENT_CONTEXT, IDENTITY],
        &[
            // What tracers and clients really send.
            r#"{"custom":{"_datadog":{"x-datadog-trace-id":"1","x-datadog-parent-id":"2"}}}"#,
            r#"{"custom":{"attempt":1,"warmup":true,"none":null,"list":[]},"client":{},"env":{"make":7}}"#,
            r#"{"cognitoIdentityId":"us-east-1:1","cognitoIdentityPoolId":"us-east-1:2"}"#,
            r#"{"cognitoIdentityId":null,"cognitoIdentityPoolId":null}"#,
            "{}",
            "null",
            "[]",
            "7",
            r#""eyJjdXN0b20iOnt9fQ==""#,
            "eyJjdXN0b20iOnt9fQ==",
            "{\"custom\":{\"who\":\"J\u{f8}rgen\"}}",
            "{",
        ],
    ),
    (
        &[ARN, TENANT, TRACE],
        &["", "caf\u{e9}", "arn:aws:lambda:us-east-1:111122223333:function:c:t\u{e4}gig", " "],
    ),
    (&[DEADLINE], &["", "soon", "-1", "1.8e12", "18446744073709551615", "99999999999999999999", "z\u{e9}ro"]),
];

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("what-is-said-of-an-invocation-decides-nothing-and-ends-no-process", || {
            in_real_time(check()).map_err(Into::into)
        }),
        Trial::test("an-invocation-that-failed-is-pinned-when-it-comes-again", || {
            in_real_time(repeated()).map_err(Into::into)
        }),
        Trial::test("a-process-out-of-a-snapshot-says-when-it-is-ready-for-it", || {
            in_real_time(restored()).map_err(Into::into)
        }),
    ]
}

/// Where Lambda goes on from a snapshot of the started process, it is asked for that before any event.
async fn restored() -> Result<(), String> {
    let simulator = Simulator::start(World::seeded(), ([127, 0, 0, 1], 0).into()).await;
    let simulator = simulator.map_err(|error| error.to_string())?;
    let (lambda, told) = raw::lambda([GOOD.into()].into()).map_err(|error| error.to_string())?;
    let lambda = lambda.to_string();
    let variables =
        [("AWS_LAMBDA_RUNTIME_API", lambda.as_str()), ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")];
    let _function = start_with(&simulator, variables).map_err(|error| error.to_string())?;
    for expected in ["/restore/next", "/invocation/lambda-0/response"] {
        let (path, _) = told.recv_timeout(Duration::from_secs(20)).map_err(|error| error.to_string())?;
        if !path.ends_with(expected) {
            return Err(format!("expected {expected}, got {path}"));
        }
    }
    Ok(())
}

/// Lambda repeats what was invoked asynchronously and failed, under its id. What a request means is then what
/// it meant the first time.
async fn repeated() -> Result<(), String> {
    let simulator = Simulator::start(World::seeded(), ([127, 0, 0, 1], 0).into()).await;
    let simulator = simulator.map_err(|error| error.to_string())?;
    let variables = [("COUNTERMAND_MAX_ATTEMPTS", "1")];
    let _function = start_with(&simulator, variables).map_err(|error| error.to_string())?;
    simulator.script(Fault::new(Operation::CANCEL_FLOW_EXECUTIONS, FaultKind::LoseReply {}));
    let mut replies = Vec::new();
    for request_id in ["same", "same"] {
        let invocation = Invocation { request_id: Some(request_id.into()), ..Invocation::default() };
        let event = r#"{"service":"appflow","flowName":"stock"}"#;
        replies.push(simulator.invoke(event.into(), invocation).await);
    }
    let [Reply::FunctionError { error_message: first, .. }, Reply::Response(second)] = &replies[..] else {
        return Err(format!("expected a failure and an outcome, got {replies:?}"));
    };
    let requested_at = |outcome: &str| {
        let outcome: Value = serde_json::from_str(outcome).unwrap_or_default();
        (outcome["requestedAt"].clone(), outcome["status"].clone())
    };
    let ((at, _), (again_at, status)) = (requested_at(first), requested_at(second));
    match at == again_at && status == "ALREADY_CANCELED" {
        true => Ok(()),
        false => Err(format!("expected the same request, already canceled, got {replies:?}")),
    }
}

async fn check() -> Result<(), String> {
    let simulator = Simulator::start(World::seeded(), ([127, 0, 0, 1], 0).into()).await;
    let simulator = simulator.map_err(|error| error.to_string())?;
    let _function = start_quietly(&simulator).map_err(|error| error.to_string())?;
    for (names, values) in HEADERS {
        for (name, value) in names.iter().flat_map(|name| values.iter().map(move |value| (name, value))) {
            let headers = [((*name).to_owned(), (*value).to_owned())].into();
            accepted(&simulator, Invocation { headers, ..Invocation::default() }, name, value).await?;
        }
    }
    for id in ["", "a/b?c#d e", "\u{e4}\u{fe0f}"] {
        let invocation = Invocation {
            request_id: Some(id.into()),
            timeout: Duration::from_secs(if id.is_empty() { 1 } else { 20 }),
            ..Invocation::default()
        };
        match id {
            // Nobody can answer it.
            "" => match simulator.invoke(GOOD.into(), invocation).await {
                Reply::TimedOut => {}
                reply => return Err(format!("without a request id: expected no answer, got {reply:?}")),
            },
            _ => accepted(&simulator, invocation, "request id", id).await?,
        }
    }
    accepted(&simulator, Invocation::default(), "nothing", "").await
}

async fn accepted(
    simulator: &Simulator,
    invocation: Invocation,
    name: &str,
    value: &str,
) -> Result<(), String> {
    match simulator.invoke(GOOD.into(), invocation).await {
        Reply::Response(outcome) if outcome.contains(r#""ACCEPTED""#) => Ok(()),
        reply => Err(format!("{name}: {value}: expected that the request is carried out, got {reply:?}")),
    }
}
