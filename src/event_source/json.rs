//! Loose reading of envelopes.
//!
//! An envelope is somebody else's, and what is odd in it must not cost its request: each part is
//! looked at by itself, and a part that is not as expected counts as absent.

use serde::Deserialize;
use serde_json::value::RawValue;

pub use crate::request::members::Members as Object;

/// The members of a text that is an object; anything else has none.
pub fn object(text: &str) -> Object<'_> {
    // Whatever else there is in a list of millions is told apart without an error for each.
    let is_object = text.trim_start().starts_with('{');
    is_object.then(|| serde_json::from_str(text).ok()).flatten().unwrap_or_default()
}

/// The text as a list, where it is one.
pub fn list(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

/// A member that is a type's JSON.
pub fn member<'a, T: Deserialize<'a>>(object: &Object<'a>, name: &str) -> Option<T> {
    serde_json::from_str(object.get(name)?.get()).ok()
}

/// A member that is a string.
pub fn string(object: &Object, name: &str) -> Option<String> {
    member(object, name)
}

/// A member that can serve as an id or ARN: a string that says something, and not without end, since
/// an outcome carries it.
pub fn id(object: &Object, name: &str) -> Option<String> {
    string(object, name).filter(|id| !id.is_empty() && id.len() <= 1_024)
}

/// The members of a member that is an object.
pub fn nested<'a>(object: &Object<'a>, name: &str) -> Object<'a> {
    member(object, name).unwrap_or_default()
}
