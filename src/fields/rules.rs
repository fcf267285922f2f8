//! Rules that a string keeps, as data: lengths in Unicode scalar values and what it may consist of.
//!
//! The rules of each service stand beside its request type in [`crate::targets`]; the rules that all
//! requests share stand here.

use std::fmt::{self, Display};

use super::violation::{Code, Violations, quote};

/// A rule for a string.
pub struct Text {
    /// The least and the greatest number of Unicode scalar values.
    pub length: std::ops::RangeInclusive<usize>,
    /// What the characters must be, in words that complete "expected …".
    pub expected: &'static str,
    pub allows: fn(&str) -> bool,
}

impl Text {
    const ANY: &str = "any characters";

    /// A string of any characters.
    pub const fn any(length: std::ops::RangeInclusive<usize>) -> Self {
        Self { length, expected: Self::ANY, allows: |_| true }
    }

    /// The whole rule, in words that complete "expected …".
    pub fn in_words(&self) -> impl Display {
        fmt::from_fn(|formatter| {
            let (least, most) = (self.length.start(), self.length.end());
            match *most {
                usize::MAX => return formatter.write_str("a string"),
                _ => write!(formatter, "a string of {least} to {most} characters")?,
            }
            match self.expected {
                Self::ANY => Ok(()),
                expected => write!(formatter, ", {expected}"),
            }
        })
    }

    /// Notes each rule that the value breaks; `true` where it keeps them all.
    pub fn check(&self, path: impl Display + Copy, value: &str, violations: &mut Violations) -> bool {
        let length = value.chars().count();
        let (least, most) = (*self.length.start(), *self.length.end());
        let right_length = self.length.contains(&length);
        if !right_length {
            let code = if length < least { Code::TooShort } else { Code::TooLong };
            let message = format_args!("expected {least} to {most} characters, got {length}");
            violations.add(path, code, message);
        }
        // Nothing can be said of the characters of an empty string.
        let well_formed = value.is_empty() || (self.allows)(value);
        if !well_formed {
            let message = format_args!("expected {}, got {}", self.expected, quote(value));
            violations.add(path, Code::BadFormat, message);
        }
        right_length && well_formed
    }
}

/// The caller's own id for a request.
pub const REQUEST_ID: Text = Text {
    length: 1..=128,
    expected: "printable ASCII characters without blanks",
    allows: |text| text.bytes().all(|byte| byte.is_ascii_graphic()),
};

/// That of an envelope, which its service has chosen.
pub const ENVELOPE_ID: Text = Text::any(1..=1_024);

/// Why the cancel is asked for; as long as CloudFlow's `Cause` may be.
pub const REASON: Text = Text::any(1..=4_096);

/// Who asks for it.
pub const REQUESTED_BY: Text = Text::any(1..=256);
