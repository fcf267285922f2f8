//! The members of a JSON object, read one by one.
//!
//! A derived struct stops at the first error. [`Fields`] notes what is wrong with each member as it
//! is taken, and knows at the end which were never asked for. It knows JSON types and how to word a
//! violation; which fields there are is the business of its callers.

pub mod members;
pub mod rules;
pub mod violation;

use std::collections::{BTreeSet, HashSet};
use std::fmt::{self, Display};
use std::ops::RangeInclusive;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use self::members::Members;
use self::rules::Text;
use self::violation::{Code, Violations, is_misleading, quote};

/// No more lie between a name and one that is near.
const MOST_EDITS: usize = 2;

/// The members and what was found wrong with them so far.
#[derive(Debug)]
pub struct Fields<'a> {
    pub members: Members<'a>,
    known: Vec<&'static str>,
    pub violations: Violations,
}

impl<'a> Fields<'a> {
    /// The members of an object; `None` where the text is no JSON object.
    pub fn of(text: &'a str) -> Option<Self> {
        let members = serde_json::from_str(text).ok()?;
        Some(Self { members, known: Vec::new(), violations: Violations::default() })
    }

    /// The same members, of which none has been taken.
    pub fn again(&self) -> Self {
        Self { members: self.members.clone(), known: Vec::new(), violations: Violations::default() }
    }

    /// Takes the first member that has one of these names. Another one is a violation.
    fn take(&mut self, names: &[&'static str]) -> Option<(String, &'a RawValue)> {
        self.known.extend(names);
        let mut found = self.members.named(names);
        let (name, value) = found.next()?;
        if let Some((again, _)) = found.next() {
            let message = format_args!("expected {} once, got it again", quote(name));
            self.violations.add(again, Code::DuplicateField, message);
        }
        Some((name.to_owned(), value))
    }

    /// Takes an optional member of a JSON type; `null` is a type of its own, never "absent".
    fn typed<T>(
        &mut self,
        names: &[&'static str],
        expected: &str,
        read: impl FnOnce(&'a str) -> Result<T, serde_json::Error>,
    ) -> Option<(String, T)> {
        let (name, value) = self.take(names)?;
        let value = typed(&name, value.get(), expected, read, &mut self.violations)?;
        Some((name, value))
    }

    /// An optional string that keeps the rule.
    pub fn text(&mut self, names: &[&'static str], rule: &Text) -> Option<String> {
        let (name, value) = self.typed::<String>(names, "a string", serde_json::from_str)?;
        rule.check(&name, &value, &mut self.violations).then_some(value)
    }

    /// A required string that keeps the rule; the first of the names is the one asked for.
    pub fn required(&mut self, names: &[&'static str], rule: &Text) -> Option<String> {
        if !self.has(names) {
            let message = format_args!("expected {}, got no such field", rule.in_words());
            self.violations.add(names[0], Code::Required, message);
        }
        self.text(names, rule)
    }

    /// Notes that a member is missing.
    pub fn require(&mut self, name: &'static str) {
        if !self.has(&[name]) {
            self.violations.add(name, Code::Required, "expected one, got no such field");
        }
    }

    /// Notes that a member has no place beside another.
    pub fn exclude(&mut self, name: &'static str, beside: &str) {
        if self.take(&[name]).is_some() {
            let message = format_args!("expected no such field beside {beside}");
            self.violations.add(name, Code::Conflict, message);
        }
    }

    pub fn has(&self, names: &[&'static str]) -> bool {
        self.members.named(names).next().is_some()
    }

    /// An optional boolean.
    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.typed(&[name], "a boolean", serde_json::from_str).map(|(_, value)| value)
    }

    /// An optional whole number within a range, both ends included.
    pub fn number(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let (_, text) = self.typed(&[name], "a number", |text| Ok(text.to_owned()))?;
        let number = text.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            let message =
                format_args!("expected a whole number from {least} to {most}, got {}", quote(&text));
            self.violations.add(name, Code::BadFormat, message);
        }
        number
    }

    /// An optional list of places in a list that is so long, counted from 0; nothing in it where it is not
    /// there.
    pub fn places(&mut self, name: &'static str, length: usize) -> Option<BTreeSet<usize>> {
        let mut places = BTreeSet::new();
        if !self.has(&[name]) {
            return Some(places);
        }
        let (_, list) = self.typed(&[name], "a list of places", Ok)?;
        let mut wrong = false;
        each_item(list, |_, item| match item.get().parse() {
            Ok(place) => wrong |= place >= length || !places.insert(place),
            Err(_) => wrong = true,
        });
        if wrong {
            let message = format_args!("expected different whole numbers less than {length}");
            self.violations.add(name, Code::BadFormat, message);
        }
        (!wrong).then_some(places)
    }

    /// An optional object, as the text that it came in.
    pub fn object(&mut self, name: &'static str) -> Option<&'a str> {
        self.typed(&[name], "an object", Ok).map(|(_, text)| text)
    }

    /// An optional list of strings that each keep the rule; `None` as soon as one does not.
    pub fn texts(
        &mut self,
        name: &'static str,
        rule: &Text,
        length: RangeInclusive<usize>,
    ) -> Option<Vec<String>> {
        let (_, list) = self.typed(&[name], "a list of strings", Ok)?;
        let before = self.violations.len();
        let (least, most) = (*length.start(), *length.end());
        let items = each_item(list, |_, _| {});
        if !length.contains(&items) {
            let code = if items < least { Code::TooShort } else { Code::TooLong };
            let message = format_args!("expected {least} to {most} items, got {items}");
            self.violations.add(name, code, message);
        }
        let (mut texts, violations) = (Vec::new(), &mut self.violations);
        each_item(list, |index, item| {
            let path = format_args!("{name}[{index}]");
            let text = typed::<String>(path, item.get(), "a string", serde_json::from_str, violations);
            // A list that is refused anyway is not kept: it may be huge.
            if let Some(text) = text
                && rule.check(path, &text, violations)
                && violations.len() == before
            {
                texts.push(text);
            }
        });
        (self.violations.len() == before).then_some(texts)
    }

    /// The rest: members that nobody took are unknown. What others put in begins with `_`, a tracer's context
    /// say, and is passed over where it cannot be one of ours that is misspelled.
    pub fn finish(mut self) -> Violations {
        let mut seen = HashSet::new();
        for (name, _) in self.members.iter() {
            if self.known.contains(&name) || !seen.insert(name) {
                continue;
            }
            if name.starts_with('_') && near(name, &self.known).is_none() {
                continue;
            }
            let message = fmt::from_fn(|formatter| {
                formatter.write_str("no such field")?;
                if is_misleading(name) {
                    write!(formatter, " as {}", quote(name))?;
                }
                match near(name, &self.known) {
                    Some(near) => write!(formatter, "; the nearest known one is {}", quote(near)),
                    None => Ok(()),
                }
            });
            self.violations.add(name, Code::UnknownField, message);
        }
        self.violations
    }
}

/// Goes through a list without holding it, since a message decides how long it is; says how many items it
/// has. What is no list has none.
pub fn each_item<'a>(list: &'a str, each: impl FnMut(usize, &'a RawValue)) -> usize {
    struct Items<F>(F);
    impl<'de, F: FnMut(usize, &'de RawValue)> Visitor<'de> for Items<F> {
        type Value = usize;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<usize, A::Error> {
            let mut count = 0;
            while let Some(item) = items.next_element()? {
                (self.0)(count, item);
                count += 1;
            }
            Ok(count)
        }
    }
    serde_json::Deserializer::from_str(list).deserialize_seq(Items(each)).unwrap_or_default()
}

/// Reads a value of an expected type, or notes which rule it breaks.
fn typed<'a, T>(
    path: impl Display,
    text: &'a str,
    expected: &str,
    read: impl FnOnce(&'a str) -> Result<T, serde_json::Error>,
    violations: &mut Violations,
) -> Option<T> {
    let got = kind(text);
    if !expected.starts_with(got) {
        violations.add(path, Code::WrongType, format_args!("expected {expected}, got {got}"));
        return None;
    }
    let value = read(text);
    if value.is_err() {
        let message = format_args!("expected {expected} of Unicode characters, got {}", quote(text));
        violations.add(path, Code::BadFormat, message);
    }
    value.ok()
}

/// The JSON type of a value, by the first character of its text.
pub fn kind(text: &str) -> &'static str {
    match text.trim_start().bytes().next() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The name that a misspelled one may stand for: without case, `_` and `-`, at most two edits and at most a
/// third of its length away.
pub fn near<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let name = plain(name);
    let edits = names.iter().map(|known| {
        let plain = plain(known);
        // Most names need no closer look, and a hostile request can have many.
        let apart = plain.chars().count().abs_diff(name.chars().count());
        let most = MOST_EDITS.min(known.chars().count() / 3);
        let edits = if apart > most { apart } else { strsim::damerau_levenshtein(&name, &plain) };
        (*known, edits, most)
    });
    let near = edits.filter(|(_, edits, most)| edits <= most).min_by_key(|(_, edits, _)| *edits);
    near.map(|(known, ..)| known)
}

/// A name as it is compared; no known one is as long as what is kept of it.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|character| !"_-".contains(*character));
    letters.flat_map(char::to_lowercase).take(64).collect()
}
