//! The members of a request's JSON object, read one by one.
//!
//! `serde_json::Value` silently keeps the last of two equal names, and a derived struct stops at the
//! first error. [`Fields`] keeps every member as it came, notes what is wrong with each as it is
//! taken, and knows at the end which were never asked for. It knows JSON types and how to word a
//! violation; which fields there are is the business of its callers.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::rules::Text;
use super::violation::{Code, Violations, quote};

/// The members of an object, in their order, repeated names included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Collect).map(Self)
    }
}

/// A request's members and what was found wrong with them so far.
pub struct Fields<'a> {
    members: Vec<(String, &'a RawValue)>,
    known: Vec<&'static str>,
    pub violations: Violations,
}

impl<'a> Fields<'a> {
    /// The members of an object; `None` where the text is no JSON object.
    pub fn of(text: &'a str) -> Option<Self> {
        let Members(members) = serde_json::from_str(text).ok()?;
        Some(Self { members, known: Vec::new(), violations: Violations::default() })
    }

    /// Whether a member of this name, repeated ones included, is one of these strings.
    pub fn is_any_of(&self, name: &str, texts: &[&str]) -> bool {
        self.members
            .iter()
            .filter(|(other, _)| other == name)
            .filter_map(|(_, value)| serde_json::from_str::<String>(value.get()).ok())
            .any(|text| texts.contains(&text.as_str()))
    }

    /// Takes the first member that has one of these names, its canonical one first. Another one is a violation.
    fn take(&mut self, names: &[&'static str]) -> Option<(String, &'a RawValue)> {
        self.known.extend(names);
        let mut found = self.members.iter().filter(|(name, _)| names.contains(&name.as_str()));
        let first = found.next().cloned()?;
        if let Some((name, _)) = found.next() {
            let message = format!("expected {} once, got it again", quote(&first.0));
            self.violations.add(name, Code::DuplicateField, message);
        }
        Some(first)
    }

    /// Takes an optional member of a JSON type; `null` is a type of its own, never "absent".
    fn typed<T>(
        &mut self,
        names: &[&'static str],
        expected: &str,
        read: impl FnOnce(&'a str) -> Result<T, serde_json::Error>,
    ) -> Option<(String, T)> {
        let (name, value) = self.take(names)?;
        match typed(value.get(), expected, read) {
            Ok(value) => Some((name, value)),
            Err((code, message)) => {
                self.violations.add(&name, code, message);
                None
            }
        }
    }

    /// An optional string that keeps the rule.
    pub fn text(&mut self, names: &[&'static str], rule: &Text) -> Option<String> {
        let (name, value) = self.typed::<String>(names, "a string", serde_json::from_str)?;
        rule.check(&name, &value, &mut self.violations).then_some(value)
    }

    /// A required string that keeps the rule; the first of the names is the one asked for.
    pub fn required(&mut self, names: &[&'static str], rule: &Text) -> Option<String> {
        if !self.has(names) {
            self.known.extend(names);
            self.violations.add(names[0], Code::Required, "expected a string, got no such field");
        }
        self.text(names, rule)
    }

    pub fn has(&self, names: &[&'static str]) -> bool {
        self.members.iter().any(|(name, _)| names.contains(&name.as_str()))
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
            let message = format!(
                "expected a whole number from {} to {}, got {}",
                range.start(),
                range.end(),
                quote(&text)
            );
            self.violations.add(name, Code::BadFormat, message);
        }
        number
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
        let (_, items) = self.typed::<Vec<&RawValue>>(&[name], "a list of strings", serde_json::from_str)?;
        let before = self.violations.len();
        let (least, most) = (*length.start(), *length.end());
        if !length.contains(&items.len()) {
            let code = if items.len() < least { Code::TooShort } else { Code::TooLong };
            let message = format!("expected {least} to {most} items, got {}", items.len());
            self.violations.add(name, code, message);
        }
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = format!("{name}[{index}]");
            match typed::<String>(item.get(), "a string", serde_json::from_str) {
                Ok(text) => {
                    rule.check(&path, &text, &mut self.violations);
                    texts.push(text);
                }
                Err((code, message)) => self.violations.add(&path, code, message),
            }
        }
        (self.violations.len() == before).then_some(texts)
    }

    /// The rest: members that nobody took are unknown.
    pub fn finish(mut self) -> Violations {
        let mut seen = Vec::new();
        for (name, _) in &self.members {
            if self.known.contains(&name.as_str()) || seen.contains(&name) {
                continue;
            }
            seen.push(name);
            let nearest = nearest(name, &self.known);
            let message = format!("no such field; the nearest known one is {}", quote(nearest));
            self.violations.add(name, Code::UnknownField, message);
        }
        self.violations
    }
}

/// Reads a value of an expected type, or says which rule it breaks.
fn typed<'a, T>(
    text: &'a str,
    expected: &str,
    read: impl FnOnce(&'a str) -> Result<T, serde_json::Error>,
) -> Result<T, (Code, String)> {
    let got = kind(text);
    if !expected.starts_with(got) {
        return Err((Code::WrongType, format!("expected {expected}, got {got}")));
    }
    read(text).map_err(|_| {
        let message = format!("expected {expected} of Unicode characters, got {}", quote(text));
        (Code::BadFormat, message)
    })
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

/// The name that a misspelt one most likely stands for.
pub fn nearest<'n>(name: &str, names: &[&'n str]) -> &'n str {
    // Distances grow with the product of the lengths; no known name is near to a very long one.
    let name: String = name.chars().take(64).collect::<String>().to_lowercase();
    names
        .iter()
        .min_by_key(|known| strsim::damerau_levenshtein(&name, &known.to_lowercase()))
        .copied()
        .unwrap_or_default()
}
