//! What is wrong with a request, said so that its sender can mend it.
//!
//! Every rule that a request breaks becomes one [`Violation`]: where, which rule, and in words what
//! was expected and what was got. Nothing here knows the rules themselves.

use std::fmt::{self, Display, Write};

use serde::Serialize;

use crate::call_error::cut;

/// So many violations are listed; the rest is counted.
const MOST_LISTED: usize = 100;
/// So many characters of a value or a name are quoted.
const MOST_QUOTED: usize = 64;

/// The rule that was broken, as outcomes name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    NotJson,
    WrongType,
    Required,
    UnknownField,
    DuplicateField,
    UnknownValue,
    TooShort,
    TooLong,
    BadFormat,
    Conflict,
    TargetNotAllowed,
    CancelAllNotAllowed,
    TooOld,
    NotEnabled,
}

impl Code {
    /// As outcomes write it.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(String::from)).unwrap_or_default()
    }
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// The field, `executionIds[3]` within a list, `$` for the whole request.
    pub path: String,
    pub code: Code,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// All violations of a request: the first hundred, and how many more there are.
#[derive(Debug, Default)]
pub struct Violations {
    listed: Vec<Violation>,
    unlisted: usize,
}

impl Violations {
    /// Notes a violation. Names that the sender made up are cut in the path as in the message.
    /// Both are written out only where the violation is listed: a hostile request can have millions.
    pub fn add(&mut self, path: impl Display, code: Code, message: impl Display) {
        if self.listed.len() == MOST_LISTED {
            self.unlisted += 1;
            return;
        }
        let path = cut(&path.to_string(), MOST_QUOTED);
        self.listed.push(Violation { path, code, message: message.to_string() });
    }

    /// How many there are, listed or not.
    pub fn len(&self) -> usize {
        self.listed.len() + self.unlisted
    }

    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The list as an outcome shows it.
    pub fn into_list(mut self) -> Vec<Violation> {
        if self.unlisted > 0 {
            self.listed.push(Violation {
                path: "$".into(),
                code: Code::TooLong,
                message: format!("{} more violations are not listed", self.unlisted),
            });
        }
        self.listed
    }
}

/// A value in quotation marks, cut to what a message may repeat. What nobody can see is escaped as in JSON.
pub fn quote(value: &str) -> impl Display {
    fmt::from_fn(move |formatter| {
        formatter.write_char('`')?;
        for character in cut(value, MOST_QUOTED).chars() {
            // Rust escapes these too, though anybody can see them.
            let escaped = !matches!(character, '"' | '\'' | '\\') && character.escape_debug().len() > 1;
            match escaped {
                true => character
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .try_for_each(|unit| write!(formatter, "\\u{unit:04x}"))?,
                false => formatter.write_char(character)?,
            }
        }
        formatter.write_char('`')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_violations_are_listed_and_the_rest_is_counted() {
        let mut violations = Violations::default();
        for index in 0..101 {
            violations.add(format_args!("executionIds[{index}]"), Code::BadFormat, "m");
        }
        let list = violations.into_list();
        assert_eq!(list.len(), 101);
        assert_eq!(list[99].path, "executionIds[99]");
        assert_eq!(
            (list[100].path.as_str(), list[100].message.as_str()),
            ("$", "1 more violations are not listed")
        );
    }

    #[test]
    fn what_nobody_can_see_is_escaped() {
        for (value, quoted) in [
            ("\u{feff}{}", r"`\ufeff{}`"),
            ("a\u{200b}b\u{a0}c d", r"`a\u200bb\u00a0c d`"),
            ("\u{202e}\u{e0001}\0\n", r"`\u202e\udb40\udc01\u0000\u000a`"),
            (r#"it's "é"\"#, r#"`it's "é"\`"#),
        ] {
            assert_eq!(quote(value).to_string(), quoted);
        }
    }

    #[test]
    fn a_made_up_name_of_any_length_is_cut() {
        let mut violations = Violations::default();
        violations.add("n".repeat(9_999), Code::UnknownField, quote(&"v".repeat(9_999)));
        let list = violations.into_list();
        assert_eq!(list[0].path.chars().count(), 65);
        assert_eq!(list[0].message.chars().count(), 67);
    }
}
