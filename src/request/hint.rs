//! What a request that is none may be instead, said so that its sender can mend it.
//!
//! A list, a request that was encoded twice or is still wrapped, the arguments of an AWS command: what people send
//! on their first day. A hint ends a message; it decides nothing.

use crate::fields::members::Members;
use crate::fields::violation::{Code, quote};
use crate::fields::{Fields, near};
use crate::targets::{Beside, SERVICES, Service};

/// What stands where an object should.
pub fn instead_of_object(text: &str) -> &'static str {
    match text.trim_start().bytes().next() {
        Some(b'[') => "; each request is sent by itself",
        Some(b'"') if holds_object(text) => " that holds one: it was encoded as JSON twice",
        _ => "",
    }
}

/// Where the service may be, or which it may be, of a request that does not name it.
pub fn without_service(fields: &Fields) -> String {
    let mut names = fields.members.iter().map(|(name, _)| name);
    if let Some(name) = names.find(|name| near(name, &["service"]).is_some()) {
        return format!(" but {}", quote(name));
    }
    let mut wrapped = fields.members.iter().filter(|(_, value)| is_request(value.get()));
    if let Some((name, _)) = wrapped.next() {
        return format!(
            "; the request seems to be in {}, and is sent without what is around it",
            quote(name)
        );
    }
    match whose(fields) {
        Some(service) => {
            format!(r#"; the other fields are those of {0}: add "service": "{0}""#, service.name)
        }
        None => String::new(),
    }
}

/// A request for a service has fewer fields. They are looked at once more for each service, and a text may be
/// made of nothing but fields.
const MOST_FIELDS: usize = 100;

/// The service that all required fields are there for, and the fewest others.
fn whose(fields: &Fields) -> Option<&'static Service> {
    if fields.members.iter().nth(MOST_FIELDS).is_some() {
        return None;
    }
    let strange = |service: &'static Service| {
        let mut fields = fields.again();
        (service.read)(&mut fields, Beside::default());
        let violations = fields.finish();
        (!violations.has(Code::Required)).then(|| (violations.len(), service))
    };
    let mut found: Vec<_> = SERVICES.iter().copied().filter_map(strange).collect();
    found.sort_by_key(|(strange, _)| *strange);
    match found[..] {
        [(fewest, _), (next, _), ..] if fewest == next => None,
        [(_, service), ..] => Some(service),
        [] => None,
    }
}

/// Whether a value is a request, or a string that holds one.
fn is_request(json: &str) -> bool {
    let inner = string(json);
    let members = serde_json::from_str::<Members>(inner.as_deref().unwrap_or(json));
    members.is_ok_and(|members| members.get("service").is_some())
}

fn holds_object(json: &str) -> bool {
    string(json).is_some_and(|inner| serde_json::from_str::<Members>(&inner).is_ok())
}

fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}
