//! Loose reading of envelopes.
//!
//! An envelope is somebody else's, and what is odd in it must not cost its request: each part is
//! looked at by itself, and a part that is not as expected counts as absent.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The members of an object by name, each as it came; of equal names the last.
pub type Object<'a> = HashMap<String, &'a RawValue>;

/// The text as an object, where it is one.
pub fn object(text: &str) -> Option<Object<'_>> {
    serde_json::from_str(text).ok()
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

/// A member that can serve as an id: a string that says something.
pub fn id(object: &Object, name: &str) -> Option<String> {
    string(object, name).filter(|id| !id.is_empty() && id.len() <= 1_024)
}

/// A member that is an object.
pub fn nested<'a>(object: &Object<'a>, name: &str) -> Option<Object<'a>> {
    member(object, name)
}
