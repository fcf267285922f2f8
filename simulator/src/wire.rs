//! Requests as they came and answers as they leave: the parts of HTTP that every simulated service
//! shares, and the shape in which each of them reports an error. Nothing here knows what an
//! operation does, or what state the simulated world is in.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hyper::HeaderMap;
use hyper::body::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::operation::Service;

/// A request, read to its end.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// The header's first value, where it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn content_type(&self) -> &str {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    /// The body as a JSON object, or what is wrong with it.
    pub(crate) fn json_object(&self) -> Result<Map<String, Value>, String> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err("expected a JSON object as body".into()),
            Err(error) => Err(format!("the body is not JSON: {error}")),
        }
    }

    /// What the ledger keeps: JSON as it is, a form as an object, anything else as text.
    pub(crate) fn for_ledger(&self) -> Value {
        if self.content_type() == "application/x-www-form-urlencoded"
            && let Ok(form) = Form::of_body(&self.body)
        {
            return form.0.into_iter().map(|(name, value)| (name, json!(value))).collect();
        }
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&self.body).into_owned()))
    }
}

/// Form fields, of a body or of a query. A repeated name keeps its last value.
#[derive(Debug, Default)]
pub(crate) struct Form(pub(crate) BTreeMap<String, String>);

impl Form {
    pub(crate) fn of_body(body: &[u8]) -> Result<Form, String> {
        let text = std::str::from_utf8(body).map_err(|error| format!("the form is not UTF-8: {error}"))?;
        Form::decode(text)
    }

    pub(crate) fn of_query(query: &str) -> Form {
        Form::decode(query).unwrap_or_default()
    }

    fn decode(text: &str) -> Result<Form, String> {
        let part = |part: &str| -> Result<String, String> {
            percent_decode_str(&part.replace('+', " "))
                .decode_utf8()
                .map(Cow::into_owned)
                .map_err(|error| format!("the form holds text that is not UTF-8: {error}"))
        };
        text.split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((part(name)?, part(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Form)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// An answer that is ready to be sent. `code` is the error code it carries, for the ledger.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) code: Option<String>,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.into(),
            code: None,
        }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Answer {
        Answer::new(status, "application/json", body.to_string())
    }

    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// Why a service did not do what it was asked for, before it is put into that service's words.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Failure {
    pub(crate) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Failure {
        Failure { status, code: code.into(), message: message.into(), headers: Vec::new() }
    }
}

/// The XML namespace of every SNS reply.
pub(crate) const SNS_NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

impl Service {
    /// How this service says that it is called too often.
    pub(crate) fn throttled(self, retry_after_ms: Option<u64>) -> Failure {
        let mut failure = match self {
            Service::Appflow => Failure::new(429, "ThrottlingException", "Rate exceeded"),
            Service::Swf | Service::Eventbridge => Failure::new(400, "ThrottlingException", "Rate exceeded"),
            Service::Sns => Failure::new(400, "Throttling", "Rate exceeded"),
            Service::Sqs => {
                Failure::new(400, "RequestThrottled", "The request was denied due to request throttling.")
            }
            Service::Cloudflow => {
                Failure::new(429, "ResourceThrottled", "The request is throttled. Please try again later.")
            }
        };
        if let Some(milliseconds) = retry_after_ms {
            let name = match self {
                Service::Cloudflow => "x-acs-retry-after",
                _ => "x-amz-retry-after",
            };
            failure.headers.push((name.into(), milliseconds.to_string()));
        }
        failure
    }

    /// How this service says that it does not know an action.
    pub(crate) fn unknown_action(self, action: &str) -> Failure {
        match self {
            Service::Cloudflow => Failure::new(
                400,
                "ActionNotSupported",
                format!("The requested API operation '{action}' is incorrect. Please check."),
            ),
            Service::Sns => Failure::new(
                400,
                "InvalidAction",
                format!("The action {action} is not valid for this web service."),
            ),
            _ => {
                Failure::new(400, "UnknownOperationException", format!("the operation {action} is not known"))
            }
        }
    }

    /// The failure in this service's own wire format.
    pub(crate) fn refuse(self, failure: Failure, request_id: &str) -> Answer {
        let Failure { status, code, message, headers } = failure;
        let mut answer = match self {
            Service::Appflow => Answer::json(status, &json!({"message": message}))
                .with_header("x-amzn-ErrorType", code.clone()),
            Service::Swf => json_error(
                status,
                "application/x-amz-json-1.0",
                &format!("{}#{code}", swf_namespace(&code)),
                &message,
            ),
            Service::Eventbridge => json_error(status, "application/x-amz-json-1.1", &code, &message),
            Service::Sqs => {
                let sender = if status < 500 { "Sender" } else { "Receiver" };
                json_error(
                    status,
                    "application/x-amz-json-1.0",
                    &format!("com.amazonaws.sqs#{code}"),
                    &message,
                )
                .with_header("x-amzn-query-error", format!("{};{sender}", sqs_query_code(&code)))
            }
            Service::Sns => {
                let sender = if status < 500 { "Sender" } else { "Receiver" };
                let (code, message) = (xml_text(&code), xml_text(&message));
                Answer::new(
                    status,
                    "text/xml",
                    format!(
                        "<ErrorResponse xmlns=\"{SNS_NAMESPACE}\"><Error><Type>{sender}</Type><Code>{code}</Code>\
                         <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
                    ),
                )
            }
            Service::Cloudflow => Answer::json(
                status,
                &json!({
                    "RequestId": request_id,
                    "HostId": "cn-hangzhou.fnf.aliyuncs.com",
                    "Code": code,
                    "Message": message,
                    "Recommend": format!("https://api.aliyun.com/troubleshoot?q={code}&product=fnf&requestId={request_id}"),
                }),
            ),
        };
        answer.headers.extend(headers);
        answer.code = Some(code);
        answer
    }

    /// Puts the request id where this service's clients look for it.
    pub(crate) fn stamp(self, answer: Answer, request_id: &str) -> Answer {
        match self {
            Service::Cloudflow => answer.with_header("x-acs-request-id", request_id),
            _ => answer.with_header("x-amzn-RequestId", request_id),
        }
    }
}

fn json_error(status: u16, content_type: &str, r#type: &str, message: &str) -> Answer {
    Answer::new(status, content_type, json!({"__type": r#type, "message": message}).to_string())
}

/// SWF qualifies its error types; what the framework in front of it answers has namespaces of its own.
fn swf_namespace(code: &str) -> &'static str {
    match code {
        "ThrottlingException" | "ServiceUnavailableException" => "com.amazon.coral.availability",
        "ValidationException" => "com.amazon.coral.validate",
        _ if code.ends_with("Fault") => "com.amazonaws.swf.base.model",
        _ => "com.amazon.coral.service",
    }
}

/// SQS answers in JSON and names, in a header, the code that its older protocol had.
fn sqs_query_code(code: &str) -> String {
    match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".into(),
        "BatchEntryIdsNotDistinct"
        | "BatchRequestTooLong"
        | "EmptyBatchRequest"
        | "InvalidBatchEntryId"
        | "TooManyEntriesInBatchRequest"
        | "UnsupportedOperation" => format!("AWS.SimpleQueueService.{code}"),
        _ => code.to_owned(),
    }
}

/// Text as it stands inside an XML element.
pub(crate) fn xml_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A request as a test writes it down.
    pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
        answer.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn each_service_throttles_in_its_own_words() {
        let cases = [
            (Service::Appflow, 429, "ThrottlingException", r#"{"message":"Rate exceeded"}"#),
            (
                Service::Swf,
                400,
                "ThrottlingException",
                r#"{"__type":"com.amazon.coral.availability#ThrottlingException","message":"Rate exceeded"}"#,
            ),
            (
                Service::Eventbridge,
                400,
                "ThrottlingException",
                r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
            ),
            (Service::Cloudflow, 429, "ResourceThrottled", r#""Code":"ResourceThrottled""#),
            (Service::Sns, 400, "Throttling", "<Type>Sender</Type><Code>Throttling</Code>"),
            (Service::Sqs, 400, "RequestThrottled", "com.amazonaws.sqs#RequestThrottled"),
        ];
        for (service, status, code, part) in cases {
            let answer = service.refuse(service.throttled(Some(250)), "id-1");
            let body = String::from_utf8(answer.body.clone()).unwrap();
            assert_eq!(answer.status, status, "{service:?}");
            assert_eq!(answer.code.as_deref(), Some(code), "{service:?}");
            assert!(body.contains(part), "{service:?}: {body}");
            let retry_after = header(&answer, "x-amz-retry-after").or(header(&answer, "x-acs-retry-after"));
            assert_eq!(retry_after, Some("250"), "{service:?}");
        }
    }

    #[test]
    fn appflow_names_the_error_in_a_header() {
        let answer = Service::Appflow.refuse(Failure::new(404, "ResourceNotFoundException", "m"), "id-1");
        assert_eq!(header(&answer, "x-amzn-ErrorType"), Some("ResourceNotFoundException"));
    }

    #[test]
    fn sqs_names_the_older_code_too() {
        let answer = Service::Sqs.refuse(Failure::new(400, "QueueDoesNotExist", "m"), "id-1");
        assert_eq!(
            header(&answer, "x-amzn-query-error"),
            Some("AWS.SimpleQueueService.NonExistentQueue;Sender")
        );
    }

    #[test]
    fn forms_decode() {
        let form = Form::of_body(b"Cause=a+b%2Bc%26&Empty=&FlowName=%E6%B5%81").unwrap();
        assert_eq!(form.get("Cause"), Some("a b+c&"));
        assert_eq!(form.get("Empty"), Some(""));
        assert_eq!(form.get("FlowName"), Some("流"));
        assert!(Form::of_body(b"a=%FF").is_err());
    }
}
