//! A payload, from its bytes to JSON.
//!
//! Lambda hands on whatever it was invoked with. What is no JSON is told to whoever invoked the function;
//! nothing here looks into what is.

use std::borrow::Cow;

use serde_json::error::Category;
use serde_json::value::RawValue;

use super::DeliveryError;
use super::json::{self, without_mark};

/// Reads a payload.
///
/// # Errors
/// It is not one JSON value.
pub fn payload(bytes: &[u8]) -> Result<Box<RawValue>, DeliveryError> {
    let valid = std::str::from_utf8(bytes);
    let text = valid.map_or_else(|_| escaped(bytes), Cow::Borrowed);
    let json: Box<RawValue> = RawValue::from_string(without_mark(text.into_owned())).map_err(not_json)?;
    match valid {
        // What is not Unicode in one of several records is that record's own fault.
        Err(wrong) if !is_batch(json.get()) => {
            Err(DeliveryError::NotJson(format!("a byte that is no UTF-8 at offset {}", wrong.valid_up_to())))
        }
        _ => Ok(json),
    }
}

fn is_batch(text: &str) -> bool {
    text.trim_start().starts_with('[') || json::object(text).get("Records").is_some()
}

fn not_json(error: serde_json::Error) -> DeliveryError {
    let place = format!("at line {} column {}", error.line(), error.column());
    DeliveryError::NotJson(match (error.classify(), error.line()) {
        (Category::Eof, 1) if error.column() == 0 => "nothing".into(),
        (Category::Eof, _) => format!("one that breaks off {place}"),
        _ if error.to_string().starts_with("trailing characters") => format!("more behind it {place}"),
        _ => format!("something else {place}"),
    })
}

/// Each byte that is no UTF-8 as half of a surrogate pair, which no text can hold: where it stands in a
/// string, only that string cannot be read.
fn escaped(bytes: &[u8]) -> Cow<'static, str> {
    let mut text = String::with_capacity(bytes.len() + 64);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let before_it = text.bytes().rev().take_while(|byte| *byte == b'\\').count();
        for byte in chunk.invalid() {
            // Behind a backslash that stands for itself no other, the escape would be none.
            text.push_str(if before_it % 2 == 1 { "\u{FFFD}" } else { "" });
            text.push_str(&format!("\\udc{byte:02x}"));
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_one_json_value() {
        for (bytes, read) in [
            (&b"{\"a\": 1}"[..], Ok("{\"a\": 1}")),
            (b" \t[1]\r\n", Ok("[1]")),
            (b"\xef\xbb\xbf{}", Ok("{}")),
            (b"", Err("nothing")),
            (b"\xef\xbb\xbf", Err("nothing")),
            (b" \n ", Err("one that breaks off at line 2 column 1")),
            (b"[", Err("one that breaks off at line 1 column 1")),
            (b"hello", Err("something else at line 1 column 1")),
            (b"{} x", Err("more behind it at line 1 column 4")),
            (b"{}{}", Err("more behind it at line 1 column 3")),
            (b"{}\0", Err("more behind it at line 1 column 3")),
            (b"{\"a\":\"\xff\"}", Err("a byte that is no UTF-8 at offset 6")),
            (b"[\xff]", Err("something else at line 1 column 2")),
            (b"[\"\\\xff\"]", Err("something else at line 1 column 4")),
            (b"[\"\xc3\x28\", \"\\\\\xff\"]", Ok("[\"\\udcc3(\", \"\\\\\\udcff\"]")),
            (b"{\"Records\":[\"\xff\"]}", Ok("{\"Records\":[\"\\udcff\"]}")),
        ] {
            let text = String::from_utf8_lossy(bytes);
            match (payload(bytes), read) {
                (Ok(payload), Ok(read)) => assert_eq!(payload.get(), read, "{text}"),
                (Err(DeliveryError::NotJson(got)), Err(expected)) => assert_eq!(got, expected, "{text}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }
}
