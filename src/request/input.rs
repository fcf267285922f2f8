//! A refused request, as its outcome repeats it.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{compact, read_back};

/// A refused request comes back in its outcome up to this many bytes.
const LONGEST_INPUT: usize = 8_192;

/// A refused request as its outcome repeats it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Input {
    Json(Box<RawValue>),
    Text(String),
}

impl Input {
    /// The request as a JSON value where it is short and every consumer can read it, else its text;
    /// and whether that had to be cut.
    pub fn of(text: &str) -> (Self, bool) {
        let readable = text.len() <= LONGEST_INPUT && read_back(text).is_ok();
        if let (true, Ok(value)) = (readable, RawValue::from_string(compact(text))) {
            return (Self::Json(value), false);
        }
        let end = text.floor_char_boundary(LONGEST_INPUT);
        (Self::Text(text[..end].into()), end < text.len())
    }
}
