//! The Lambda Runtime API and the part of the Extensions API that a runtime's graceful shutdown
//! uses: events are handed to the function one by one, and its responses and errors come back to
//! whoever invoked it. It knows nothing of what is in an event or a response.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::convert::Infallible;
use std::future::pending;
use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use crate::wire::{Answer, Request};
use crate::{ACCOUNT_ID, FUNCTION_NAME, REGION, Shared};

/// The largest response that Lambda takes.
const LARGEST_RESPONSE: usize = 6 * 1024 * 1024;

/// How an event is handed to the function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The Lambda request id; a new one where it is not given.
    pub request_id: Option<String>,
    /// The function's deadline, from now.
    pub timeout: Duration,
    /// Headers beside Lambda's usual ones, or in place of one of them; an empty value leaves that one out.
    pub headers: BTreeMap<String, String>,
}

impl Default for Invocation {
    fn default() -> Self {
        Invocation { request_id: None, timeout: Duration::from_secs(30), headers: BTreeMap::new() }
    }
}

/// What came of an invocation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Reply {
    Response(String),
    FunctionError {
        error_type: String,
        error_message: String,
    },
    InitError {
        error_type: String,
        error_message: String,
    },
    /// No answer by the deadline.
    TimedOut,
}

/// Invocations that wait for the function, and those that it works on.
#[derive(Debug, Default)]
pub(crate) struct Invocations {
    waiting: VecDeque<Waiting>,
    running: HashMap<String, oneshot::Sender<Reply>>,
    /// So many requests for an event wait for one.
    polls: usize,
    init_error: Option<Reply>,
}

#[derive(Debug)]
struct Waiting {
    request_id: String,
    event: String,
    deadline_ms: u64,
    headers: BTreeMap<String, String>,
    reply: oneshot::Sender<Reply>,
}

/// Hands the event over and waits for its response, at most until the deadline.
pub(crate) async fn invoke(shared: &Shared, event: String, invocation: Invocation) -> Reply {
    let (sender, receiver) = oneshot::channel();
    let request_id = invocation.request_id.unwrap_or_else(|| Uuid::new_v4().to_string());
    {
        let mut invocations = shared.invocations();
        if let Some(error) = &invocations.init_error {
            return error.clone();
        }
        let deadline = SystemTime::now() + invocation.timeout;
        let since = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        invocations.waiting.push_back(Waiting {
            request_id: request_id.clone(),
            event,
            deadline_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            headers: invocation.headers,
            reply: sender,
        });
    }
    shared.invoked.notify_one();
    if let Ok(Ok(reply)) = timeout(invocation.timeout, receiver).await {
        return reply;
    }
    let mut invocations = shared.invocations();
    invocations.waiting.retain(|waiting| waiting.request_id != request_id);
    invocations.running.remove(&request_id);
    Reply::TimedOut
}

/// Answers a request of the Runtime API or the Extensions API, or is none.
pub(crate) async fn serve(shared: &Shared, request: &Request) -> Option<Answer> {
    if let Some(path) = request.path.strip_prefix("/2018-06-01/runtime/") {
        let parts: Vec<_> =
            path.split('/').map(|part| percent_decode_str(part).decode_utf8_lossy()).collect();
        let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        return Some(match (request.method.as_str(), &parts[..]) {
            ("GET", ["invocation", "next"]) => next(shared).await,
            ("POST", ["invocation", request_id, "response"]) => response(shared, request_id, request),
            ("POST", ["invocation", request_id, "error"]) => {
                let (error_type, error_message) = error(request);
                let reply = Reply::FunctionError { error_type, error_message };
                finish(shared, request_id, reply)
            }
            ("POST", ["init", "error"]) => init_error(shared, request),
            _ => refused(404, "InvalidPath", "no such path in the Runtime API"),
        });
    }
    if let Some(path) = request.path.strip_prefix("/2020-01-01/extension/") {
        return Some(match (request.method.as_str(), path) {
            ("POST", "register") => register(request),
            ("GET", "event/next") if request.header("lambda-extension-identifier").is_some() => {
                // An extension that subscribes to no event waits for as long as the process lives.
                match pending::<Infallible>().await {}
            }
            ("GET", "event/next") => {
                refused(403, "Extension.UnknownExtensionIdentifier", "expected an identifier")
            }
            _ => refused(404, "InvalidPath", "no such path in the Extensions API"),
        });
    }
    None
}

/// A request for an event that waits for one; it is over when this is dropped, as when the client left.
struct Poll<'a>(&'a Shared);

impl<'a> Poll<'a> {
    fn begin(shared: &'a Shared) -> Poll<'a> {
        shared.invocations().polls += 1;
        shared.polled.notify_waiters();
        Poll(shared)
    }
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        self.0.invocations().polls -= 1;
    }
}

/// Waits until the function waits for an event.
pub(crate) async fn polled(shared: &Shared) {
    loop {
        let polled = shared.polled.notified();
        if shared.invocations().polls > 0 {
            return;
        }
        polled.await;
    }
}

async fn next(shared: &Shared) -> Answer {
    let _poll = Poll::begin(shared);
    loop {
        let invoked = shared.invoked.notified();
        {
            let mut invocations = shared.invocations();
            // A function that asks for work has started after all.
            invocations.init_error = None;
            if let Some(waiting) = invocations.waiting.pop_front() {
                let trace = format!(
                    "Root=1-{:08x}-{};Sampled=0",
                    waiting.deadline_ms / 1000,
                    &hex::encode(Uuid::new_v4().as_bytes())[..24]
                );
                let mut headers = BTreeMap::from([
                    ("Lambda-Runtime-Aws-Request-Id".to_owned(), waiting.request_id.clone()),
                    ("Lambda-Runtime-Deadline-Ms".to_owned(), waiting.deadline_ms.to_string()),
                    ("Lambda-Runtime-Trace-Id".to_owned(), trace),
                    (
                        "Lambda-Runtime-Invoked-Function-Arn".to_owned(),
                        format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{FUNCTION_NAME}"),
                    ),
                ]);
                headers.extend(waiting.headers);
                headers.retain(|_, value| !value.is_empty());
                let answer = Answer::new(200, "application/json", waiting.event);
                let answer =
                    headers.iter().fold(answer, |answer, (name, value)| answer.with_header(name, value));
                invocations.running.insert(waiting.request_id, waiting.reply);
                return answer;
            }
        }
        invoked.await;
    }
}

fn response(shared: &Shared, request_id: &str, request: &Request) -> Answer {
    if request.body.len() > LARGEST_RESPONSE {
        let message = format!("expected at most {LARGEST_RESPONSE} bytes, got {}", request.body.len());
        let error = Reply::FunctionError {
            error_type: "Function.ResponseSizeTooLarge".into(),
            error_message: message.clone(),
        };
        finish(shared, request_id, error);
        return refused(413, "RequestEntityTooLarge", &message);
    }
    let text = String::from_utf8_lossy(&request.body).into_owned();
    finish(shared, request_id, Reply::Response(text))
}

fn finish(shared: &Shared, request_id: &str, reply: Reply) -> Answer {
    match shared.invocations().running.remove(request_id) {
        Some(sender) => {
            // Where nobody waits any longer, the deadline has passed, and the reply is lost.
            let _ = sender.send(reply);
            Answer::json(202, &json!({"status": "OK"}))
        }
        None => refused(400, "InvalidRequestID", "Invalid request ID"),
    }
}

fn init_error(shared: &Shared, request: &Request) -> Answer {
    let (error_type, error_message) = error(request);
    let reply = Reply::InitError { error_type, error_message };
    let mut invocations = shared.invocations();
    for waiting in invocations.waiting.drain(..) {
        // Where nobody waits any longer, the deadline has passed, and the reply is lost.
        let _ = waiting.reply.send(reply.clone());
    }
    invocations.init_error = Some(reply);
    Answer::json(202, &json!({"status": "OK"}))
}

/// The type and the message of an error that the function reports.
fn error(request: &Request) -> (String, String) {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let from_header = || request.header("lambda-runtime-function-error-type").map(str::to_owned);
    (text("errorType").or_else(from_header).unwrap_or_default(), text("errorMessage").unwrap_or_default())
}

fn register(request: &Request) -> Answer {
    if request.header("lambda-extension-name").is_none() || request.json_object().is_err() {
        return refused(
            400,
            "Extension.InvalidExtensionName",
            "expected Lambda-Extension-Name and a JSON body",
        );
    }
    let reply = json!({
        "functionName": FUNCTION_NAME,
        "functionVersion": "$LATEST",
        "handler": "bootstrap",
        "accountId": ACCOUNT_ID,
    });
    Answer::json(200, &reply).with_header("Lambda-Extension-Identifier", Uuid::new_v4().to_string())
}

fn refused(status: u16, error_type: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"errorType": error_type, "errorMessage": message}))
}
