//! What a reply says went wrong, wherever it says it.
//!
//! AWS names an error in a header or in the body, Alibaba Cloud in the body in either case, and what stands
//! before a service may wrap its body in another object. A code counts whatever else can be read: a message
//! of `null` or a number as request id takes nothing from it. This module knows no operation.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::http::Headers;
use serde_json::value::RawValue;

/// The members of a JSON object, their values unread.
pub type Members<'a> = BTreeMap<String, &'a RawValue>;

/// A body as a JSON object, where it is one.
pub fn members(body: &[u8]) -> Option<Members<'_>> {
    serde_json::from_slice(body).ok()
}

/// An error in its service's words, as far as they can be read.
#[derive(Debug, Default, PartialEq)]
pub struct Told {
    /// Without its name space, and without the address that may follow it.
    pub code: Option<String>,
    pub message: Option<String>,
    pub request_id: Option<String>,
}

impl Told {
    /// What headers and body say. A header goes before the body, which may be anything.
    pub fn by(headers: &Headers, body: &[u8]) -> Self {
        Self::in_members(headers, members(body).as_ref())
    }

    /// The same of a body of which the members are known.
    pub fn in_members(headers: &Headers, members: Option<&Members>) -> Self {
        let told = members.map(Self::of).unwrap_or_default();
        let query = headers.get("x-amzn-query-error").and_then(|error| error.split(';').next());
        let named = [query, headers.get("x-amzn-errortype")];
        Self { code: named.into_iter().flatten().find_map(code).or(told.code), ..told }
    }

    /// What an object says, or an object within it.
    fn of(members: &Members) -> Self {
        let outer = Self::of_one(members);
        if outer.code.is_some() {
            return outer;
        }
        let inner = members.values().filter_map(|value| self::members(value.get().as_bytes()));
        match inner.map(|members| Self::of_one(&members)).find(|inner| inner.code.is_some()) {
            Some(inner) => Self { request_id: inner.request_id.or(outer.request_id), ..inner },
            None => outer,
        }
    }

    fn of_one(members: &Members) -> Self {
        let first = |names: &[&str], read: fn(&str) -> Option<String>| {
            names.iter().find_map(|name| {
                let mut named = members.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
                named.find_map(|(_, value)| read(value.get()))
            })
        };
        Self {
            code: first(&["code", "__type"], |json| code(&text(json)?)),
            message: first(&["message", "errorMessage"], text),
            request_id: first(&["requestId"], |json| text(json).or_else(|| number(json))),
        }
    }
}

/// A code as its service lists it; none where nothing is left of it.
fn code(text: &str) -> Option<String> {
    let name = text.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default().trim();
    (!name.is_empty()).then(|| name.into())
}

fn text(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

fn number(json: &str) -> Option<String> {
    serde_json::from_str::<serde_json::Number>(json).ok().map(|_| json.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&'static str, &'static str)], body: &str) -> [Option<String>; 3] {
        let mut headers = Headers::new();
        pairs.iter().for_each(|(name, value)| drop(headers.insert(*name, *value)));
        let Told { code, message, request_id } = Told::by(&headers, body.as_bytes());
        [code, message, request_id]
    }

    #[test]
    fn an_error_is_read_wherever_it_is_told() {
        const TYPE: &str = "x-amzn-errortype";
        const QUERY: &str = "x-amzn-query-error";
        for (headers, body, expected) in [
            // SWF, also through a wrapper; the wrapper's own words do not hide it.
            (
                &[][..],
                r#"{"__type":"com.amazonaws.swf.base.model#UnknownResourceFault","message":"Unknown domain: D"}"#,
                [Some("UnknownResourceFault"), Some("Unknown domain: D"), None],
            ),
            (
                &[],
                r#"{"Output":{"__type":"com.amazon.coral.service#InternalFailure"},"Version":"1.0"}"#,
                [Some("InternalFailure"), None, None],
            ),
            (
                &[],
                r#"{"Error":{"Code":"Throttling","Message":"Rate exceeded","Type":"Sender"},"RequestId":"r"}"#,
                [Some("Throttling"), Some("Rate exceeded"), Some("r")],
            ),
            (&[], r#"{"a":{"b":{"__type":"TooDeep"}}}"#, [None; 3]),
            (&[], r#"{"errors":[{"code":"InAList"}]}"#, [None; 3]),
            // AppFlow and proxies: the header, whatever the body is.
            (
                &[(TYPE, "ThrottlingException:http://internal.amazon.com/coral/com.amazon.coral.validate/")],
                "<html>",
                [Some("ThrottlingException"), None, None],
            ),
            (
                &[(TYPE, "aws.protocoltests#FooError:http://internal/")],
                r#"{"message":"m","code":"Other"}"#,
                [Some("FooError"), Some("m"), None],
            ),
            (&[(TYPE, " ")], r#"{"code":"InBody"}"#, [Some("InBody"), None, None]),
            // SQS
            (
                &[(QUERY, "AWS.SimpleQueueService.NonExistentQueue;Sender")],
                r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"m"}"#,
                [Some("AWS.SimpleQueueService.NonExistentQueue"), Some("m"), None],
            ),
            (&[(QUERY, "RequestThrottled;Sender")], "", [Some("RequestThrottled"), None, None]),
            (&[(QUERY, ";Sender"), (TYPE, "RequestThrottled")], "", [Some("RequestThrottled"), None, None]),
            // CloudFlow and its gateway
            (
                &[],
                r#"{"Code":"ExecutionNotExists","Message":null,"RequestId":12345}"#,
                [Some("ExecutionNotExists"), None, Some("12345")],
            ),
            (
                &[],
                r#"{"code":"FlowNotExists","message":"m","requestid":"r"}"#,
                [Some("FlowNotExists"), Some("m"), Some("r")],
            ),
            (
                &[],
                r#"{"code":"","Code":"FlowNotExists","Message":["m"],"RequestId":{}}"#,
                [Some("FlowNotExists"), None, None],
            ),
            // No code at all
            (
                &[],
                r#"{"message":"Missing Authentication Token"}"#,
                [None, Some("Missing Authentication Token"), None],
            ),
            (&[], r#"{"code":429,"message":"slow"}"#, [None, Some("slow"), None]),
            (&[], r#"{"Code":null}"#, [None; 3]),
            (&[], r#"["code","a"]"#, [None; 3]),
            (&[], "", [None; 3]),
        ] {
            assert_eq!(told(headers, body), expected.map(|part| part.map(String::from)), "{body}");
        }
    }
}
