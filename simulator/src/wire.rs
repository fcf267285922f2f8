//! Requests as they came and answers as they leave: the parts of HTTP that every simulated service
//! shares. Nothing here knows what an operation does, how a service words an error, or what state
//! the simulated world is in.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// What Alibaba Cloud's RPC style adds to the query of every request, to route and to sign it.
const RPC_PARAMETERS: [&str; 11] = [
    "AccessKeyId",
    "Action",
    "Format",
    "SecurityToken",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureType",
    "SignatureVersion",
    "Timestamp",
    "Version",
];

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
    pub(crate) fn new(parts: Parts, body: Bytes) -> Request {
        Request {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body,
        }
    }

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

    /// What the ledger keeps: JSON as it is, a form or the query of a GET as an object, anything else
    /// as text.
    pub(crate) fn for_ledger(&self) -> Value {
        if self.method == "GET" {
            let fields = Form::of_query(&self.query).0.into_iter();
            let own = fields.filter(|(name, _)| !RPC_PARAMETERS.contains(&name.as_str()));
            return own.map(|(name, value)| (name, json!(value))).collect();
        }
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

    #[test]
    fn the_ledger_keeps_what_was_asked_and_not_how_it_was_signed() {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let cases = [
            (request("POST", "/", &[], r#"{"a": 1}"#), json!({"a": 1})),
            (request("POST", "/?Action=Stop&Signature=x", &[form], "a=1"), json!({"a": "1"})),
            (request("GET", "/?Action=Describe&Signature=x&AccessKeyId=y&a=1", &[], ""), json!({"a": "1"})),
            (request("POST", "/", &[], "other"), json!("other")),
        ];
        for (request, expected) in cases {
            assert_eq!(request.for_ledger(), expected, "{} {}", request.method, request.query);
        }
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
