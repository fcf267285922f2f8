//! How each service says no: the shape of its errors on the wire, the names of its throttling and of
//! what it does not know, and where it puts the request id. When to say no is decided elsewhere.

use serde_json::json;

use crate::operation::Service;
use crate::wire::Answer;

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
            Service::Swf | Service::Eventbridge | Service::SecretsManager => {
                Failure::new(400, "ThrottlingException", "Rate exceeded")
            }
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
            Service::Eventbridge | Service::SecretsManager => {
                json_error(status, "application/x-amz-json-1.1", &code, &message)
            }
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
        | "MessageNotInflight"
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
mod tests {
    use super::*;

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
}
