//! Why a call to a service failed, in our own words.
//!
//! Targets and publishers turn whatever their client reports into a [`CallError`]; retry and the
//! handler match on its [`Class`] and [`Answer`], never on text. This module knows no service and
//! no client library.

use std::time::Duration;

use serde::Serialize;

use crate::secrets::{BLOT, blotted};

/// What kind of failure it is, which decides what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The service asks us to slow down. Tried again.
    Throttle,
    /// It may go better next time: a fault of the service or of the way there. Tried again.
    Retry,
    /// The signature's time was refused. Tried once more, freshly signed.
    RetryOnce,
    /// The credentials have expired. Tried once more, where others can be fetched.
    Expired,
    /// The keys were refused, and are read anew for the next attempt. Tried once more.
    KeysRefused,
    /// The service does not know what the request names.
    NotFound,
    /// What the request names is not running any more.
    NotRunning,
    /// The service refuses the request as invalid. A repeat would be refused too.
    Terminal,
    /// The service refuses us: permission, credentials, signature, protocol.
    Config,
    /// A code that nobody knows. Not tried again here; the record goes back.
    Unknown,
    /// The permit of the call did not come in time. Nothing was asked; the record goes back.
    Deferred,
}

/// How far the call got, which decides what can be said of its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The service answered.
    Received,
    /// The call went out and no readable answer came: it may have been done.
    Missing,
    /// The call did not reach the service: no connection.
    NotReached,
    /// No call was made at all.
    NotAsked,
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct CallError {
    pub class: Class,
    pub answer: Answer,
    /// The service's code without its name space, or one of our own.
    pub code: String,
    /// The code is the service's, not one that we made up for want of an answer.
    pub from_service: bool,
    pub message: String,
    /// The id under which the service knows this call.
    pub request_id: Option<String>,
    /// The least wait before the next attempt that the service asks for, or the place in line has.
    pub retry_after: Option<Duration>,
}

impl CallError {
    /// The code of a reply that cannot be read.
    pub const UNREADABLE: &str = "UnreadableReply";

    /// A failure that carries one of our own codes.
    pub fn own(class: Class, answer: Answer, code: &str, message: impl Into<String>) -> Self {
        Self {
            class,
            answer,
            code: code.into(),
            from_service: false,
            message: cut(&message.into(), 1_024),
            request_id: None,
            retry_after: None,
        }
    }

    /// A failure that the service itself reported, its texts kept to a sensible length.
    pub fn service(class: Class, code: &str, message: &str) -> Self {
        let message = if message.is_empty() { "the service gave no message" } else { message };
        let error = Self::own(class, Answer::Received, "", message);
        Self { code: cut(code, 128), from_service: true, ..error }
    }

    /// The invocation's time ended before the call could be made, or before it was answered.
    pub fn deadline(answer: Answer) -> Self {
        let message = "the invocation's time ended before the service answered";
        Self::own(Class::Retry, answer, "DeadlineExceeded", message)
    }

    /// The call's permit is too far away; so far away that it is best tried again after `place`.
    pub fn deferred(place: Duration) -> Self {
        let message = "the turn of the call did not come in time";
        let error = Self::own(Class::Deferred, Answer::NotAsked, "Deferred", message);
        Self { retry_after: Some(place), ..error }
    }

    /// One attempt took longer than it may; `asked` is the host that did not answer, where one was asked.
    pub fn timeout(limit: Duration, asked: Option<&str>) -> Self {
        let from = asked.map(|host| format!(" from {host}")).unwrap_or_default();
        let message = format!("no answer{from} within {} s", limit.as_secs());
        Self::own(Class::Retry, Answer::Missing, "Timeout", message)
    }

    /// A success that cannot be read says nothing: the cancel may have been done.
    pub fn unreadable(expected: &str) -> Self {
        let message = format!("the reply cannot be read: expected {expected}");
        Self::own(Class::Retry, Answer::Missing, Self::UNREADABLE, message)
    }

    /// The function itself failed. What it was about to do may have been done.
    pub fn panicked() -> Self {
        let message = "the function panicked; its log says where";
        Self::own(Class::Unknown, Answer::Missing, "Panic", message)
    }

    /// The function came to nothing over a request, though nothing is known to have gone wrong.
    pub fn no_result() -> Self {
        let message = "the function came to no result for this request, which may have been carried out";
        Self::own(Class::Unknown, Answer::Missing, "NoResult", message)
    }

    /// Nothing here knows how to ask this service, so that nothing was.
    pub fn not_served(service: &str) -> Self {
        let message = format!("the function does not know how to ask {service}");
        Self::own(Class::Unknown, Answer::NotAsked, "NotServed", message)
    }

    /// We lack what a call needs, so that none was made.
    pub fn not_configured(message: impl Into<String>) -> Self {
        Self::own(Class::Config, Answer::NotAsked, "NotConfigured", message)
    }

    /// The same failure in the words of an earlier one, where the service spoke then and has fallen silent
    /// since: what it said says more. What follows from a failure is always the last one's.
    #[must_use]
    pub fn in_words_of(self, earlier: Option<&Self>) -> Self {
        match earlier {
            Some(said) if said.from_service && !self.from_service => {
                Self { class: self.class, answer: self.answer, ..said.clone() }
            }
            _ => self,
        }
    }
}

/// The failure as an outcome shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportedError {
    pub code: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_request_id: Option<String>,
    /// The least wait before the next try that the service asks for.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl From<CallError> for ReportedError {
    fn from(error: CallError) -> Self {
        let CallError { code, message, request_id, retry_after, .. } = error;
        Self { code, message, service_request_id: request_id, retry_after }
    }
}

/// No longer text is looked through, in bytes; what is kept of one is far shorter.
const LOOKED_THROUGH: usize = 32 * 1_024;

/// At most so many characters of a text from outside, with a mark where some were left out, and without the
/// secrets in it: of one that is cut in two the first part would not be known any more.
pub fn cut(text: &str, most: usize) -> String {
    let near = &text[..text.floor_char_boundary(LOOKED_THROUGH)];
    let told = blotted(near);
    match told.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &told[..end]),
        None if near.len() == text.len() => told.into_owned(),
        // What is left behind the last of them may be the first part of another.
        None => format!("{}…", told.rfind(BLOT).map_or("", |end| &told[..end + BLOT.len()])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_service_are_cut_at_a_character() {
        assert_eq!(cut("héllo", 2), "hé…");
        assert_eq!(cut("héllo", 5), "héllo");
        let error = CallError::service(Class::Unknown, &"c".repeat(500), &"é".repeat(5_000));
        assert_eq!(error.code.chars().count(), 129);
        assert_eq!(error.message.chars().count(), 1_025);
    }
}
