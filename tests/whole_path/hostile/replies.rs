//! Replies that a service, a gateway or a proxy on the way might give, and what must hold of the outcome
//! whatever was replied.
//!
//! The function is the real one, put together as `main` does it, on a connector that answers each call
//! with the next of the drawn replies; the clock is paused, so that no wait takes time. What the function
//! makes of a reply is not known here, only what it must never say.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use countermand::client::{Bounded, Credentials};
use countermand::config::Config;
use http::{HeaderValue, Response};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::Value;
use serde_json::value::RawValue;

use super::draw::Draw;
use super::reply::Reply;
use crate::services::{OF_AWS, SERVICES, Service};

/// Every status of the contract, and whether the record is acknowledged.
const STATUSES: [(&str, bool); 10] = [
    ("ACCEPTED", true),
    ("PARTIAL", true),
    ("ALREADY_CANCELED", true),
    ("NOT_RUNNING", true),
    ("NOT_FOUND", true),
    ("REJECTED", true),
    ("DRY_RUN", true),
    ("DENIED", false),
    ("FAILED", false),
    ("DEFERRED", false),
];

/// Draws a request and the replies to its calls, and checks what the function says.
pub fn check(service: &Service, bytes: &[u8]) {
    let draw = &mut Draw::new(bytes);
    let mut request = draw.pick(service.requests).to_owned();
    // As it goes, pinned first, or only rehearsed.
    let more = draw.pick(&["", r#","requestedAt":"2025-01-02T03:04:05.678Z"}"#, r#","dryRun":true}"#]);
    request.replace_range(request.len() - usize::from(!more.is_empty()).., more);
    let replies: Vec<Reply> = (0..1 + draw.below(4)).map(|_| Reply::draw(service, draw)).collect();
    check_replies(service, &request, replies);
}

/// The same for replies that are known.
pub fn check_replies(service: &Service, request: &str, replies: Vec<Reply>) {
    let answer = run(request, replies.clone());
    let text = match &answer {
        Ok(text) | Err((_, text)) => text,
    };
    assert!(text.len() <= 200_000, "an outcome of {} bytes", text.len());
    let leaked = service.secrets.iter().find(|secret| text.contains(*secret));
    assert_eq!(leaked, None, "a secret in {text}");
    let outcome: Value = serde_json::from_str(text).expect("an outcome is JSON");
    check_form(&outcome, &answer);
    check_truth(service, &outcome, &replies);
}

/// The outcome has the contract's form, and the answer to Lambda follows its status.
fn check_form(outcome: &Value, answer: &Result<String, (&str, String)>) {
    let status = STATUSES.iter().find(|(status, _)| outcome["status"] == *status);
    let (status, acknowledged) = status.unwrap_or_else(|| panic!("no status in {outcome}"));
    let expected = match (acknowledged, *status) {
        (true, _) => None,
        (false, "DENIED") => Some("CancelDenied"),
        (false, _) => Some("CancelFailed"),
    };
    assert_eq!(answer.as_ref().err().map(|(kind, _)| *kind), expected, "{outcome}");
    assert!(["REQUESTED", "NONE", "UNKNOWN"].iter().any(|effect| outcome["effect"] == *effect), "{outcome}");
    for (name, most) in [("code", 129), ("message", 1_025), ("serviceRequestId", 129)] {
        let length = outcome["error"][name].as_str().map_or(0, |text| text.chars().count());
        assert!(length <= most, "error.{name} of {length} characters");
    }
    let executions = outcome["result"]["executions"].as_array().map(Vec::len);
    assert!(executions.is_none_or(|count| outcome["result"]["counts"]["requested"] == count), "{outcome}");
}

/// What nobody said is not told: where no reply can be a success, nothing was taken, and nothing is known
/// where every reply is a success that cannot be read.
fn check_truth(service: &Service, outcome: &Value, replies: &[Reply]) {
    let (status, effect) = (&outcome["status"], &outcome["effect"]);
    if !replies.iter().any(|reply| reply.may_be_success(service)) {
        assert_ne!(effect, "REQUESTED", "{outcome}");
        let told = ["ACCEPTED", "PARTIAL", "DRY_RUN", "ALREADY_CANCELED"];
        assert!(!told.iter().any(|told| status == told), "{outcome}");
    }
    if replies.iter().all(|reply| reply.is_unreadable_success(service)) {
        assert_eq!(status, "FAILED", "{outcome}");
        assert_eq!(outcome["error"]["code"], "UnreadableReply", "{outcome}");
    }
}

/// The answer of the function: an outcome, or a function error's type with the outcome as its message.
fn run(request: &str, replies: Vec<Reply>) -> Result<String, (&'static str, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime can be built").block_on(async {
        fastrand::seed(7);
        let wire = SharedHttpConnector::new(Wire(Arc::new(Mutex::new(replies))));
        let connector = SharedHttpConnector::new(Bounded(wire));
        let config = Config::read(variables()).expect("the variables are right");
        let mut handler =
            crate::bootstrap::compose(config, &aws(connector.clone()), connector, Credentials::default());
        handler.metrics.out = |_| {};
        let payload = RawValue::from_string(request.into()).expect("a request is JSON");
        let deadline = (SystemTime::now() + Duration::from_secs(60)).duration_since(UNIX_EPOCH);
        let mut context = Context::default();
        context.request_id = "lambda-1".into();
        context.deadline =
            deadline.ok().and_then(|it| u64::try_from(it.as_millis()).ok()).unwrap_or_default();
        let answer = handler.handle(LambdaEvent::new(payload, context)).await;
        answer.map(|json| json.get().into()).map_err(|failure| (failure.error_type, failure.message))
    })
}

fn variables() -> impl Iterator<Item = (String, String)> {
    let common = [("AWS_REGION", "us-east-1"), ("COUNTERMAND_MAX_ATTEMPTS", "3")];
    let own = SERVICES.into_iter().flat_map(|service| service.variables).copied();
    common.into_iter().chain(own).map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn aws(connector: SharedHttpConnector) -> SdkConfig {
    let credentials = aws_credential_types::Credentials::new(
        "AKIAHOSTILEEXAMPLE",
        OF_AWS[0],
        Some(OF_AWS[1].into()),
        None,
        "test",
    );
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .identity_cache(Credentials::default())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// Answers each call with the next reply, and every further one with the last.
#[derive(Clone, Debug)]
struct Wire(Arc<Mutex<Vec<Reply>>>);

impl HttpConnector for Wire {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let mut replies = self.0.lock().expect("nobody panics while replying");
        let reply = if replies.len() > 1 { replies.remove(0) } else { replies[0].clone() };
        HttpConnectorFuture::new(async move {
            match reply {
                Reply::Hangs => std::future::pending().await,
                Reply::Drops => Err(ConnectorError::io("the connection was closed".into())),
                // A body that was taken cannot be read to its end.
                Reply::BreaksOff => response(200, &[], SdkBody::taken()),
                Reply::Says { status, headers, body } => response(status, &headers, SdkBody::from(body)),
            }
        })
    }
}

fn response(
    status: u16,
    headers: &[(&str, Vec<u8>)],
    body: SdkBody,
) -> Result<aws_smithy_runtime_api::client::orchestrator::HttpResponse, ConnectorError> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        // What is no header at all never comes through HTTP.
        if let Ok(value) = HeaderValue::from_bytes(value) {
            builder = builder.header(*name, value);
        }
    }
    let other = |error: &str| ConnectorError::other(error.into(), None);
    let response = builder.body(body).map_err(|_| other("no response"))?;
    response.try_into().map_err(|_| other("no response"))
}
