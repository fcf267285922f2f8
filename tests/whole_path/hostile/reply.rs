//! One reply to a call, drawn from what services say, from what stands between, and from nothing at all.
//!
//! It knows what HTTP and services say, and which bytes cannot be a success whoever
//! reads them. What becomes of a reply is the business of [`super::replies`].

use serde::de::IgnoredAny;

use super::draw::Draw;
use super::texts::{self, quoted};
use crate::services::Service;

/// A reply, or none.
#[derive(Clone, Debug)]
pub enum Reply {
    Says {
        status: u16,
        headers: Vec<(&'static str, Vec<u8>)>,
        body: Vec<u8>,
    },
    /// A 200 whose body ends before it is complete.
    BreaksOff,
    Drops,
    Hangs,
}

const STATUS: [u16; 24] = [
    200, 200, 200, 200, 200, 200, 400, 400, 400, 403, 404, 413, 429, 500, 502, 503, 201, 204, 206, 301, 304,
    599, 600, 999,
];

const HEADERS: [&str; 12] = [
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "date",
    "x-amzn-requestid",
    "x-amzn-errortype",
    "x-amz-retry-after",
    "x-acs-retry-after",
    "x-acs-request-id",
    "retry-after",
    "location",
];

/// Values that some header takes for itself, and numbers that no one can hold.
const VALUES: [&[u8]; 14] = [
    b"",
    b"0",
    b"-1",
    b"18446744073709551615",
    b"99999999999999999999999999999999999999999",
    b"1e999",
    b"\xe9\xff\x80",
    b"gzip",
    b"chunked",
    b"application/x-amz-json-1.0; charset=utf-16",
    b"ThrottlingException",
    b"aws.protocoltests#AccessDeniedException:http://internal.example/",
    b"Wed, 21 Oct 2015 07:28:00 GMT",
    &[b'x'; 9_000],
];

const CODES: [&str; 21] = [
    "",
    "ThrottlingException",
    "Throttling.User",
    "LimitExceededFault",
    "ValidationException",
    "ResourceNotFoundException",
    "UnknownResourceFault",
    "FlowNotExists",
    "ExecutionAlreadyCompleted",
    "AccessDeniedException",
    "NoPermission",
    "InvalidAccessKeyId.NotFound",
    "InternalServerError",
    "ConflictException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "InvalidTimeStamp.Expired",
    "SerializationException",
    "com.amazonaws.swf.base.model#UnknownResourceFault",
    "InvalidSignatureException",
    "Surprise",
];

impl Reply {
    pub fn draw(service: &Service, draw: &mut Draw) -> Self {
        match draw.below(12) {
            11 => Self::Hangs,
            10 => Self::Drops,
            9 => Self::BreaksOff,
            _ => Self::Says { status: draw.pick(&STATUS), body: body(service, draw), headers: headers(draw) },
        }
    }

    /// Some reader could take it for a success of the service.
    pub fn may_be_success(&self, service: &Service) -> bool {
        match self {
            Self::Says { status, body, .. } if (200..300).contains(status) => {
                is_object(body) || service.successes.contains(&"") && body.is_empty()
            }
            _ => false,
        }
    }

    /// It says that all is well, in no words, and tells no error either.
    pub fn is_unreadable_success(&self, service: &Service) -> bool {
        match self {
            Self::Says { status: 200..300, headers, .. } => {
                let told = headers.iter().any(|(name, _)| *name == "x-amzn-errortype");
                !told && !self.may_be_success(service)
            }
            _ => false,
        }
    }
}

fn is_object(body: &[u8]) -> bool {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    first == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

fn body(service: &Service, draw: &mut Draw) -> Vec<u8> {
    match draw.below(9) {
        8 => Vec::new(),
        0..=2 => texts::spoilt(success(service, draw), draw).into(),
        3 | 4 => texts::spoilt(error(service, draw), draw).into(),
        5 => texts::any(draw).into(),
        6 => draw.bytes(2_000).into(),
        _ => [b"\x1f\x8b\x08\0\0\0\0\0", draw.bytes(100)].concat(),
    }
}

fn success(service: &Service, draw: &mut Draw) -> String {
    let form = draw.pick(service.successes);
    let parts: Vec<String> = form.split("<>").map(String::from).collect();
    parts.into_iter().reduce(|text, part| text + &texts::json(draw) + &part).unwrap_or_default()
}

/// An error in the service's words, which may repeat what only we and it know, with any code.
fn error(service: &Service, draw: &mut Draw) -> String {
    let code = draw.pick(&CODES);
    let message = match draw.once_in(4) {
        true => {
            format!("{}The request was {}.", "x".repeat(draw.below(2_000)), service.secrets.join(" and "))
        }
        false => texts::any(draw),
    };
    let error = (service.error)(&quoted(code), &quoted(&message));
    match draw.once_in(4) {
        true => format!(r#"{{"Output":{error},"Version":"1.0"}}"#),
        false => error,
    }
}

fn headers(draw: &mut Draw) -> Vec<(&'static str, Vec<u8>)> {
    let count = draw.below(4);
    let header = |draw: &mut Draw| {
        let value = if draw.once_in(4) { draw.bytes(60) } else { draw.pick(&VALUES) };
        (draw.pick(&HEADERS), value.into())
    };
    (0..count).map(|_| header(draw)).collect()
}
