//! The loop between Lambda and the handler: an event comes in, its answer goes out.
//!
//! `lambda_runtime`'s own loop reads all that Lambda says of an invocation, in types of its own, and ends
//! the process over a client context that holds anything but strings. Here what is used is read, the
//! request id, the deadline and the trace, and nothing else can be wrong. What an event is, the handler
//! knows.
//! API: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use lambda_runtime::layers::trace::request_span;
use lambda_runtime::tracing::{self, Instrument};
use lambda_runtime::{Context, Diagnostic, Error, LambdaEvent};
use lambda_runtime_api_client::body::Body;
use lambda_runtime_api_client::{Client, build_request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::value::RawValue;

use crate::client::Trace;
use crate::config;
use crate::contained::contained_in;
use crate::event_source::{self, Failure};
use crate::log;

const PATH: &str = "/2018-06-01/runtime";
const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
const DEADLINE: &str = "lambda-runtime-deadline-ms";
const TRACE: &str = "lambda-runtime-trace-id";
const TENANT: &str = "lambda-runtime-aws-tenant-id";

/// What an id is written with in a path, beside letters and digits.
const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The timeout of a function for which none is chosen: whatever this one's is, it is hardly shorter.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(3);

/// The way to Lambda.
struct Lambda(Client);

/// Hands event after event to the handler, and its answers back.
///
/// # Errors
/// Lambda cannot be reached, or refuses to go on: there is nothing left to work for.
pub async fn run(
    trace: &Trace,
    handle: impl AsyncFn(LambdaEvent<Box<RawValue>>) -> Result<Box<RawValue>, Failure>,
) -> Result<Infallible, Error> {
    let endpoint = config::runtime_api().ok_or("AWS_LAMBDA_RUNTIME_API is not set")?;
    let endpoint: http::Uri = format!("http://{endpoint}").parse()?;
    let lambda = || Ok::<_, Error>(Lambda(Client::builder().with_endpoint(endpoint.clone()).build()?));
    if config::is_snap_started() {
        // Answered as soon as the process goes on out of its snapshot, in which no connection lasts.
        lambda()?.get("/restore/next").await?;
    }
    let (lambda, handle) = (lambda()?, &handle);
    loop {
        let (parts, payload) = lambda.get("/invocation/next").await?.into_parts();
        let Some(request_id) = parts.headers.get(REQUEST_ID).filter(|id| !id.is_empty()) else {
            tracing::error!("an event came without a request id, so it cannot be answered");
            continue;
        };
        let context = context(&parts.headers);
        trace.set(context.xray_trace_id.clone());
        let span = request_span(&context);
        let answer = async move {
            let read = event_source::payload(payload.as_ref());
            drop(payload);
            let payload = read.inspect_err(log::unreadable)?;
            let answered = contained_in(handle(LambdaEvent::new(payload, context))).await;
            answered.unwrap_or_else(|error| Err(Failure { error_type: "Panic", message: error.message }))
        };
        let answer = async { answer.await.inspect_err(log::failed) }.instrument(span).await;
        lambda.answer(request_id, parts.headers.get(INVOCATION_ID), answer).await?;
    }
}

/// What the handler is told of an invocation. Without a deadline that can be read, one that is early enough.
fn context(headers: &HeaderMap) -> Context {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let early = || u64::try_from((now + SHORTEST_TIMEOUT).as_millis()).unwrap_or(u64::MAX);
    let mut context = Context::default();
    context.request_id = text(REQUEST_ID).unwrap_or_default();
    context.deadline = text(DEADLINE).and_then(|ms| ms.trim().parse().ok()).unwrap_or_else(early);
    context.xray_trace_id = text(TRACE);
    context.tenant_id = text(TENANT);
    context
}

impl Lambda {
    async fn get(&self, path: &str) -> Result<Response<impl AsRef<[u8]>>, Error> {
        let request = build_request().method("GET").uri(format!("{PATH}{path}")).body(Body::empty())?;
        let response = self.0.call(request).await?;
        if !response.status().is_success() {
            return Err(format!("{path}: expected status 200, got {}", response.status()).into());
        }
        let (parts, body) = response.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }

    /// Tells what became of an invocation. Lambda may not want to know it any more.
    async fn answer(
        &self,
        request_id: &HeaderValue,
        invocation_id: Option<&HeaderValue>,
        answer: Result<Box<RawValue>, Failure>,
    ) -> Result<(), Error> {
        let id = percent_encode(request_id.as_bytes(), IN_A_PATH);
        let post = |what| build_request().method("POST").uri(format!("{PATH}/invocation/{id}/{what}"));
        let mut request: Request<Body> = match answer {
            Ok(response) => post("response").body(Body::from(response.get().to_owned()))?,
            Err(failure) => {
                let error_type = failure.error_type;
                let diagnostic = serde_json::to_vec(&Diagnostic::from(failure))?;
                let post = post("error").header("lambda-runtime-function-error-type", error_type);
                post.body(Body::from(diagnostic))?
            }
        };
        if let Some(invocation_id) = invocation_id {
            request.headers_mut().insert(INVOCATION_ID, invocation_id.clone());
        }
        let status = self.0.call(request).await?.status();
        if !status.is_success() {
            tracing::error!(%status, "lambda did not take the answer");
        }
        Ok(())
    }
}
