//! Telling our own messages from requests.
//!
//! A rule or a queue that matches too much sends our outcomes back to us, and a Lambda destination
//! reports each of our answers in a record of its own. Were one of them answered as a request, the
//! answer would come back too, without end. Nothing here looks further than those two forms.

use serde_json::value::RawValue;

use super::members::Members;

/// The types that our own messages carry.
const OUR_TYPES: [&str; 3] = ["CancellationOutcome", "CancellationAttemptFailed", "CancellationConfirmation"];

/// Whether an object is one of our messages, or a destination's record of one.
pub fn is_ours(members: &Members) -> bool {
    has_our_type(members)
        || members.named(&["responsePayload"]).any(|(_, answer)| {
            let failure = strings(&members_of(answer.get()), "errorMessage");
            let failure = failure.iter().any(|text| is_our_answer(text));
            failure || is_our_answer(answer.get())
        })
}

/// An outcome, or the list of outcomes that a topic is answered with.
fn is_our_answer(text: &str) -> bool {
    let list: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
    has_our_type(&members_of(text)) || list.iter().any(|item| has_our_type(&members_of(item.get())))
}

fn has_our_type(members: &Members) -> bool {
    strings(members, "type").iter().any(|name| OUR_TYPES.contains(&name.as_str()))
}

fn members_of(text: &str) -> Members<'_> {
    serde_json::from_str(text).unwrap_or_default()
}

/// The strings among the members of a name, repeated ones included.
pub fn strings(members: &Members, name: &str) -> Vec<String> {
    let values = members.iter().filter(|(other, _)| *other == name);
    values.filter_map(|(_, value)| serde_json::from_str(value.get()).ok()).collect()
}
