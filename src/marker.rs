//! What marks a message that is no cancel request.
//!
//! A rule or a queue that matches too much sends our outcomes back to us, and a Lambda destination
//! reports each of our answers in a record of its own. Were one of them answered as a request, the
//! answer would come back too, without end. SNS sends messages about subscriptions to whoever is to
//! subscribe. Each is told by its own form alone: what merely quotes one is something else.

use serde_json::value::RawValue;

use crate::fields::members::Members;
use crate::fields::violation::{Code, Violation, quote};

/// The types of our own messages.
pub const OUTCOME: &str = "CancellationOutcome";
pub const ATTEMPT_FAILED: &str = "CancellationAttemptFailed";
pub const CONFIRMATION: &str = "CancellationConfirmation";
pub const FOLLOW_UP: &str = "CancellationFollowUp";
pub const SWEEP: &str = "CancellationSweep";
pub const PROGRESS: &str = "CancellationProgress";
pub const SUMMARY: &str = "CancellationSummary";

/// What SNS asks of an endpoint that is to get its notifications, or is to get them no more.
const CONTROL_TYPES: [&str; 2] = ["SubscriptionConfirmation", "UnsubscribeConfirmation"];

/// What an object is that is no cancel request.
pub enum Marker {
    /// One of our own messages, or a destination's record of an invocation.
    Ours,
    /// A message about a subscription, and what is wrong with it.
    Control(Violation),
    /// It says that it is a follow-up.
    FollowUp,
    /// It says that it asks for the next step of a sweep.
    Sweep,
}

impl Marker {
    /// The marker of an object; a request has none.
    pub fn of(members: &Members) -> Option<Self> {
        let types = members.strings("type");
        let is = |kinds: &[&str]| types.iter().any(|name| kinds.contains(&name.as_str()));
        if is(&[OUTCOME, ATTEMPT_FAILED, CONFIRMATION, PROGRESS, SUMMARY])
            || Undelivered::of(members).is_some()
        {
            return Some(Self::Ours);
        }
        let control = refused_control_message(members).map(Self::Control);
        let follow_up = || is(&[FOLLOW_UP]).then_some(Self::FollowUp);
        control.or_else(follow_up).or_else(|| is(&[SWEEP]).then_some(Self::Sweep))
    }
}

/// The record that Lambda sends to a destination: what the function was invoked with, and how that ended.
/// Format: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
pub struct Undelivered<'a> {
    pub payload: &'a RawValue,
    /// The Lambda request id of the invocation.
    pub request_id: Option<String>,
    condition: String,
}

impl<'a> Undelivered<'a> {
    /// A request has no such context of its own, and a record no service.
    pub fn of(members: &Members<'a>) -> Option<Self> {
        let payload = members.get("requestPayload").filter(|_| members.get("service").is_none())?;
        let context: Members = serde_json::from_str(members.get("requestContext")?.get()).ok()?;
        let text = |name| context.strings(name).pop();
        let request_id = text("requestId").filter(|id| !id.is_empty() && id.len() <= 1_024);
        Some(Self { payload, request_id, condition: text("condition")? })
    }

    /// The function never answered, or with an error: `RetriesExhausted`, `EventAgeExceeded`.
    pub fn tells_failure(&self) -> bool {
        self.condition != "Success"
    }
}

/// Whether SNS sent this about a subscription.
pub fn is_control_message(members: &Members) -> bool {
    control_type(members).is_some()
}

fn control_type(members: &Members) -> Option<String> {
    members.strings("Type").into_iter().find(|name| CONTROL_TYPES.contains(&name.as_str()))
}

/// What is wrong with a message of SNS about a subscription: nothing that may be done unasked. Its token
/// and its address are as good as a signature, so that nothing else of it is repeated.
fn refused_control_message(members: &Members) -> Option<Violation> {
    let kind = control_type(members)?;
    let topic = members.strings("TopicArn").pop();
    let topic = topic.map_or("a topic that it does not name".into(), |arn| format!("topic {}", quote(&arn)));
    let todo = match kind.as_str() {
        "SubscriptionConfirmation" => "subscribe as the owner of the queue, which needs no confirmation",
        _ => "subscribe again if that was not wanted",
    };
    let message =
        format!("expected a cancel request, got SNS's {kind} of {topic}, and confirmed nothing: {todo}");
    Some(Violation { path: "Type".into(), code: Code::UnknownValue, message })
}
