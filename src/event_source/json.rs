//! Loose reading of envelopes.
//!
//! An envelope is somebody else's, and what is odd in it must not cost its request: each part is
//! looked at by itself, and a part that is not as expected counts as absent.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fields::each_item;
pub use crate::fields::members::Members as Object;

/// The byte order mark.
const MARK: char = '\u{FEFF}';

/// The members of a text that is an object; anything else has none.
pub fn object(text: &str) -> Object<'_> {
    // Whatever else there is in a list of millions is told apart without an error for each.
    let is_object = text.trim_start().starts_with('{');
    is_object.then(|| serde_json::from_str(text).ok()).flatten().unwrap_or_default()
}

/// The items of a text that is a list, those beyond so many left out, and how many it has.
pub fn list(text: &str, most: usize) -> Option<(Vec<&RawValue>, usize)> {
    let mut items = Vec::new();
    let length = each_item(text, |place, item| {
        if place < most {
            items.push(item);
        }
    });
    text.trim_start().starts_with('[').then_some((items, length))
}

/// A member that is a type's JSON.
pub fn member<'a, T: Deserialize<'a>>(object: &Object<'a>, name: &str) -> Option<T> {
    serde_json::from_str(object.get(name)?.get()).ok()
}

/// Whether the maker of these records, by a member that names it, made one and so all of them.
pub fn made(records: &[&RawValue], named_in: &str, maker: &str) -> bool {
    records.iter().any(|record| string(&object(record.get()), named_in).as_deref() == Some(maker))
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

/// The text in a string, which every body and message should be. What is none is given as its JSON,
/// for the request's own rules to judge.
pub fn text(content: Option<&RawValue>) -> String {
    let json = content.map_or("null", RawValue::get);
    serde_json::from_str(json).unwrap_or_else(|_| json.into())
}

/// A text without the byte order mark that some editors and shells put before it.
pub fn without_mark(mut text: String) -> String {
    if text.starts_with(MARK) {
        text.drain(..MARK.len_utf8());
    }
    text
}

/// The members of a member that is an object.
pub fn nested<'a>(object: &Object<'a>, name: &str) -> Object<'a> {
    member(object, name).unwrap_or_default()
}
