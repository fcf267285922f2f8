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
    TooMany,
    TargetNotAllowed,
    CancelAllNotAllowed,
    TerminateNotAllowed,
    DeactivateNotAllowed,
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

    /// Takes over those of an object that is a member with this name; a path of its own is empty.
    pub fn within(&mut self, name: &str, of_member: Violations) {
        self.unlisted += of_member.unlisted;
        for Violation { path, code, message } in of_member.listed {
            let dot = if path.is_empty() { "" } else { "." };
            self.add(format_args!("{name}{dot}{path}"), code, message);
        }
    }

    /// How many there are, listed or not.
    pub fn len(&self) -> usize {
        self.listed.len() + self.unlisted
    }

    /// Whether one of those that are listed has a code.
    pub fn has(&self, code: Code) -> bool {
        self.listed.iter().any(|violation| violation.code == code)
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

/// A value in quotation marks, cut to what a message may repeat. What nobody would see in it is escaped.
pub fn quote(value: &str) -> impl Display {
    fmt::from_fn(move |formatter| {
        formatter.write_char('`')?;
        let mut room = MOST_QUOTED;
        for character in value.chars() {
            let shown = shown(character);
            let Some(rest) = room.checked_sub(shown.chars().count()) else {
                formatter.write_char('…')?;
                break;
            };
            room = rest;
            formatter.write_str(&shown)?;
        }
        formatter.write_char('`')
    })
}

/// Whether a text holds what cannot be seen.
pub fn is_misleading(text: &str) -> bool {
    text.chars().any(is_invisible)
}

/// A character, escaped as in JSON where it cannot be seen.
fn shown(character: char) -> String {
    if !is_invisible(character) {
        return character.into();
    }
    character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// Controls, blanks but for the space, and what Unicode counts as ignorable, formats text, or is no character.
fn is_invisible(character: char) -> bool {
    let blank = character.is_whitespace() && character != ' ';
    let ignorable = matches!(character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}');
    let no_character =
        u32::from(character) & 0xFFFE == 0xFFFE || matches!(character, '\u{FDD0}'..='\u{FDEF}');
    character.is_control() || blank || ignorable || no_character
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
    fn a_made_up_name_of_any_length_is_cut() {
        let mut violations = Violations::default();
        violations.add("n".repeat(9_999), Code::UnknownField, quote(&"v".repeat(9_999)));
        let list = violations.into_list();
        assert_eq!(list[0].path.chars().count(), 65);
        assert_eq!(list[0].message.chars().count(), 67);
    }

    #[test]
    fn what_nobody_would_see_is_escaped_in_a_message() {
        for (value, shown) in [
            (r#"it's "é"\ "#, r#"it's "é"\ "#),
            ("é 日本 हिन्दी ﷽ 👩🏽", "é 日本 हिन्दी ﷽ 👩🏽"),
            ("\u{FEFF}{}", r"\ufeff{}"),
            ("a\u{A0}b\u{200B}\u{200D}\u{2060}", r"a\u00a0b\u200b\u200d\u2060"),
            ("\u{202E}\u{AD}\u{3000}\u{2028}", r"\u202e\u00ad\u3000\u2028"),
            ("\t\n\0\u{7F}\u{85}", r"\u0009\u000a\u0000\u007f\u0085"),
            ("\u{FFFE}\u{FFFF}\u{1FFFF}\u{E0041}", r"\ufffe\uffff\ud83f\udfff\udb40\udc41"),
        ] {
            assert_eq!(quote(value).to_string(), format!("`{shown}`"));
            assert_eq!(is_misleading(value), shown != value);
        }
    }

    #[test]
    fn a_message_shows_sixty_four_characters_and_no_part_of_an_escape() {
        let (nothing, wide) = ("\u{200B}".repeat(65), "é".repeat(64));
        assert_eq!(quote(&wide).to_string(), format!("`{wide}`"));
        assert_eq!(quote(&nothing).to_string(), format!("`{}…`", r"\u200b".repeat(10)));
    }
}
