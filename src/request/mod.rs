//! A cancel request, which exists only validated.
//!
//! [`read`] takes the text of a request and either gives a [`CancelRequest`] or every rule that the
//! text breaks. The service is read first, then what all requests share, then that service's own
//! fields, which [`crate::targets`] knows. Nothing here knows how a request arrived or what becomes
//! of it.

mod hint;
mod input;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

pub use self::input::Input;
use crate::fields::violation::{Code, Violation, Violations, quote};
use crate::fields::{Fields, kind, near, rules};
use crate::marker::Marker;
use crate::targets::{Beside, Cancellation, SERVICES, Service};
use crate::timestamp::Moment;

/// A `context` may be this long in a request, blanks between its tokens not counted.
pub const LONGEST_CONTEXT: usize = 2_048;
/// An outcome and the envelopes that carry it to a consumer are so many levels deep, at the very most.
const MOST_LEVELS_AROUND: usize = 28;

/// A valid request.
#[derive(Debug)]
pub struct CancelRequest {
    pub labels: Labels,
    pub cancellation: Arc<dyn Cancellation>,
    /// Nothing is to be asked of the service, only told what would be.
    pub dry_run: bool,
}

/// What a request says about itself, whatever the service; each part only where it is valid.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The caller's own id, else that of the envelope counts.
    pub request_id: Option<String>,
    /// Counts where it is earlier than the envelope's time.
    pub requested_at: Option<Moment>,
    pub reason: Option<String>,
    pub requested_by: Option<String>,
    /// Comes back as it came, blanks between its tokens left out and ready to be carried.
    pub context: Option<Box<RawValue>>,
    /// Whether the request asks to be followed to its end; the deployment's choice where it does not say.
    pub confirm: Option<bool>,
    /// For so long.
    pub confirm_within: Option<Duration>,
}

/// For so long a request can be followed, in seconds.
pub const CONFIRM_WITHIN_SECONDS: RangeInclusive<u64> = 15..=7_200;

impl Labels {
    /// What has to be known until the request has ended.
    pub fn to_follow(&self, request_id: &str, requested_at: Moment) -> Self {
        Self {
            request_id: Some(self.request_id.clone().unwrap_or_else(|| request_id.into())),
            requested_at: Some(requested_at),
            reason: self.reason.clone(),
            requested_by: self.requested_by.clone(),
            context: self.context.clone(),
            confirm: None,
            confirm_within: None,
        }
    }

    /// Since when the request counts: its own time where that is earlier than the envelope's, so
    /// that a message moved back from a dead-letter queue keeps its age.
    pub fn counted_from(&self, envelope: Moment) -> Moment {
        self.requested_at.map_or(envelope, |own| own.earlier(envelope))
    }
}

/// A refused request: all that is wrong with it, and what could be read nevertheless.
#[derive(Debug, Default)]
pub struct Rejection {
    pub service: Option<&'static Service>,
    pub labels: Labels,
    /// What it asks of its service, where that is valid.
    pub cancellation: Option<Arc<dyn Cancellation>>,
    pub violations: Vec<Violation>,
    /// Its text is as good as a signature, and not for an outcome.
    pub is_withheld: bool,
}

/// What a text turned out to be.
#[derive(Debug)]
pub enum Reading<'a> {
    Request(Box<CancelRequest>),
    Rejected(Box<Rejection>),
    /// One of our own messages, to be acknowledged and otherwise left alone.
    Ours,
    /// It says that it follows a request to its end. Whether it may is not for its text to say.
    FollowUp(Box<Fields<'a>>),
    /// The same of the next step of a sweep.
    Sweep(Box<Fields<'a>>),
}

/// Reads the text of a request, which may say itself what is known beside it.
pub fn read<'a>(text: &'a str, beside: Beside<'_>) -> Reading<'a> {
    let Some(mut fields) = Fields::of(text) else {
        return rejected(Labels::default(), not_an_object(text));
    };
    match Marker::of(&fields.members) {
        Some(Marker::Ours) => return Reading::Ours,
        Some(Marker::FollowUp) => return Reading::FollowUp(Box::new(fields)),
        Some(Marker::Sweep) => return Reading::Sweep(Box::new(fields)),
        Some(Marker::Control(violation)) => {
            let violations = vec![violation];
            let rejection = Rejection { violations, is_withheld: true, ..Rejection::default() };
            return Reading::Rejected(Box::new(rejection));
        }
        None => {}
    }
    let Some(service) = read_service(&mut fields) else {
        // Without the service nobody knows which of the other fields are right.
        let violations = std::mem::take(&mut fields.violations);
        let labels = read_labels(&mut fields, &rules::REQUEST_ID, LONGEST_CONTEXT);
        return rejected(labels, violations);
    };
    let labels = read_labels(&mut fields, &rules::REQUEST_ID, LONGEST_CONTEXT);
    let dry_run = fields.boolean("dryRun").unwrap_or(false);
    let request_id = labels.request_id.as_deref().or(beside.request_id);
    let beside = Beside { reason: labels.reason.as_deref(), request_id, ..beside };
    let cancellation = (service.read)(&mut fields, beside);
    let escalates = cancellation.as_ref().and_then(|asked| asked.escalates_after());
    if let (Some(_), Some(beyond), Some(false)) = (escalates, service.beyond, labels.confirm) {
        let message = format!("expected true or no such field beside {}, got false", beyond.field);
        fields.violations.add("confirm", Code::Conflict, message);
    }
    let violations = fields.finish();
    match cancellation {
        Some(cancellation) if violations.is_empty() => {
            Reading::Request(Box::new(CancelRequest { labels, cancellation, dry_run }))
        }
        cancellation => {
            let (service, violations) = (Some(service), violations.into_list());
            let rejection = Rejection { service, labels, cancellation, violations, is_withheld: false };
            Reading::Rejected(Box::new(rejection))
        }
    }
}

fn not_an_object(text: &str) -> Violations {
    let mut violations = Violations::default();
    match serde_json::from_str::<&RawValue>(text) {
        // An object whose names cannot be read as Unicode is no JSON to us either.
        Ok(value) if kind(value.get()) != "an object" => {
            let message =
                format!("expected an object, got {}{}", kind(value.get()), hint::instead_of_object(text));
            violations.add("$", Code::WrongType, message);
        }
        Ok(_) => violations.add("$", Code::NotJson, "expected JSON, got a name that is not Unicode"),
        Err(error) => {
            let message = format!("expected JSON, got {}: {error}", quote(text));
            violations.add("$", Code::NotJson, message);
        }
    }
    violations
}

/// The service that is asked.
pub fn read_service(fields: &mut Fields) -> Option<&'static Service> {
    let names: Vec<_> = SERVICES.iter().map(|service| service.name).collect();
    let expected = format_args!("expected one of {}, got", names.join(", "));
    let Some(name) = fields.text(&["service"], &rules::Text::any(0..=usize::MAX)) else {
        if !fields.has(&["service"]) {
            let message = format!("{expected} no such field{}", hint::without_service(fields));
            fields.violations.add("service", Code::Required, message);
        }
        return None;
    };
    let service = SERVICES.iter().copied().find(|service| service.name == name);
    if service.is_none() {
        let near = near(&name, &names).map(|near| format!("; the nearest is {}", quote(near)));
        let message = format!("{expected} {}{}", quote(&name), near.unwrap_or_default());
        fields.violations.add("service", Code::UnknownValue, message);
    }
    // Named twice, it is as good as not named at all.
    service.filter(|_| fields.violations.is_empty())
}

/// What a request says about itself, by the rule for its id and with a context of at most so many bytes.
pub fn read_labels(fields: &mut Fields, request_id: &rules::Text, longest_context: usize) -> Labels {
    Labels {
        request_id: fields.text(&["requestId"], request_id),
        requested_at: read_requested_at(fields),
        reason: fields.text(&["reason"], &rules::REASON),
        requested_by: fields.text(&["requestedBy"], &rules::REQUESTED_BY),
        context: read_context(fields, longest_context),
        confirm: fields.boolean("confirm"),
        confirm_within: fields
            .number("confirmWithinSeconds", CONFIRM_WITHIN_SECONDS)
            .map(Duration::from_secs),
    }
}

fn read_requested_at(fields: &mut Fields) -> Option<Moment> {
    let text = fields.text(&["requestedAt"], &rules::Text::any(0..=usize::MAX))?;
    let time = Moment::parse(&text);
    if time.is_none() {
        let message = format!("expected an RFC 3339 time, got {}", quote(&text));
        fields.violations.add("requestedAt", Code::BadFormat, message);
    }
    time
}

fn read_context(fields: &mut Fields, longest: usize) -> Option<Box<RawValue>> {
    let text = compact(fields.object("context")?);
    if text.len() > longest {
        let message = format!("expected at most {longest} bytes, got {}", text.len());
        fields.violations.add("context", Code::TooLong, message);
        return None;
    }
    if let Err(error) = read_back(&text) {
        let message = format!("expected JSON that can be read back: {error}");
        fields.violations.add("context", Code::BadFormat, message);
        return None;
    }
    RawValue::from_string(carriable(text)).ok()
}

/// JSON that every destination can carry. Two characters are legal in JSON and not in a message of SQS; inside JSON
/// they can only stand in a string, where an escape means the same.
pub fn carriable(json: String) -> String {
    // In UTF-8 both begin with a byte that few texts hold.
    match json.as_bytes().contains(&0xEF) {
        true => json.replace('\u{FFFE}', "\\ufffe").replace('\u{FFFF}', "\\uffff"),
        false => json,
    }
}

fn rejected(labels: Labels, violations: Violations) -> Reading<'static> {
    let violations = violations.into_list();
    Reading::Rejected(Box::new(Rejection { labels, violations, ..Rejection::default() }))
}

/// Reads JSON as whoever receives it inside an outcome must: with what stands around it, it may not be
/// deeper than common readers go, which is 128 levels.
fn read_back(json: &str) -> Result<(), serde_json::Error> {
    let (opened, closed) = ("[".repeat(MOST_LEVELS_AROUND), "]".repeat(MOST_LEVELS_AROUND));
    serde_json::from_str::<serde_json::Value>(&format!("{opened}{json}{closed}")).map(drop)
}

/// JSON without the blanks between its tokens; everything else stays to the letter.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|&character| {
            let blank = !in_string && matches!(character, ' ' | '\t' | '\n' | '\r');
            in_string ^= character == '"' && !escaped;
            escaped = in_string && character == '\\' && !escaped;
            !blank
        })
        .collect()
}

#[cfg(test)]
mod tests;
