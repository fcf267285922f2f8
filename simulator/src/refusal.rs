//! Saying no: why, and the shapes of errors that services share. The words are each service's own.

use serde_json::json;

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

/// AWS's JSON protocols name an error in its body.
pub(crate) fn json_error(status: u16, content_type: &str, r#type: &str, message: &str) -> Answer {
    Answer::new(status, content_type, json!({"__type": r#type, "message": message}).to_string())
}

/// AWS's query protocol says no in XML.
pub(crate) fn xml_error(namespace: &str, failure: &Failure, request_id: &str) -> Answer {
    let Failure { status, code, message, .. } = failure;
    let sender = if *status < 500 { "Sender" } else { "Receiver" };
    let (code, message) = (xml_text(code), xml_text(message));
    let body = format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{sender}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    );
    Answer::new(*status, "text/xml", body)
}

/// Text as it stands inside an XML element.
pub(crate) fn xml_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
