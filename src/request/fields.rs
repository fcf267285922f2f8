//! The members of a request's JSON object, read one by one.
//!
//! A derived struct stops at the first error. [`Fields`] notes what is wrong with each member as it
//! is taken, and knows at the end which were never asked for. It knows JSON types and how to word a
//! violation; which fields there are is the business of its callers.

use std::collections::{BTreeSet, HashSet};
use std::fmt::{self, Display};
use std::ops::RangeInclusive;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::members::Members;
use super::ours::strings;
use super::rules::Text;
use super::violation::{Code, Violations, quote};

/// A request's members and what was found wrong with them so far.
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
            self.violations.add(names[0], Code::Required, "expected a string, got no such field");
        }
        self.text(names, rule)
    }

    /// Notes that a member is missing.
    pub fn require(&mut self, name: &'static str) {
        if !self.has(&[name]) {
            self.violations.add(name, Code::Required, "expected one, got no such field");
        }
    }

    /// The strings among the members of a name, repeated ones included.
    pub fn strings(&self, name: &'static str) -> Vec<String> {
        strings(&self.members, name)
    }

    pub fn has(&self, names: &[&'static str]) -> bool {
        self.members.named(names).next().is_some()
    }

    /// An optional boolean.
    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let value = self.typed(&[name], "a boolean", serde_json::from_str)?;
        Some(value.1)
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
        let value = self.typed(&[name], "an object", Ok)?;
        Some(value.1)
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

    /// The rest: members that nobody took are unknown.
    pub fn finish(mut self) -> Violations {
        let mut seen = HashSet::new();
        for (name, _) in self.members.iter() {
            if self.known.contains(&name) || !seen.insert(name) {
                continue;
            }
            let message = fmt::from_fn(|formatter| {
                let nearest = nearest(name, &self.known);
                write!(formatter, "no such field; the nearest known one is {}", quote(nearest))
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

/// The name that a misspelled one most likely stands for.
pub fn nearest<'n>(name: &str, names: &[&'n str]) -> &'n str {
    // Distances grow with the product of the lengths; no known name is near to a very long one.
    let name: String = name.chars().take(64).collect::<String>().to_lowercase();
    names
        .iter()
        .min_by_key(|known| strsim::damerau_levenshtein(&name, &known.to_lowercase()))
        .copied()
        .unwrap_or_default()
}
