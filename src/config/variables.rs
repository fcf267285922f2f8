//! The variables, one by one, and what is wrong with them.
//!
//! A problem names its variable, the value and what was expected, and reading goes on, so that a start that
//! fails tells all of them. What may be secret in a value is not repeated.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::VARIABLES;
use crate::request::fields::nearest;
use crate::request::violation::quote;
use crate::secrets::hold;
use crate::targets::cloudflow::Keys;

/// The variables, and what was found wrong with them so far.
pub struct Variables {
    values: BTreeMap<String, String>,
    pub problems: Vec<String>,
}

impl Variables {
    /// Keeps the variables that are set to something.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let values: BTreeMap<_, _> = variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        values.iter().filter(|(name, _)| names_a_secret(name)).for_each(|(_, value)| hold(value));
        Self { values, problems: Vec::new() }
    }

    pub fn refuse_unknown(&mut self) {
        for (name, value) in &self.values {
            if name.starts_with("COUNTERMAND_") && !VARIABLES.contains(&name.as_str()) {
                self.problems.push(format!(
                    "{name}: expected a variable that exists, got an unknown one set to {}; the nearest is {}",
                    quote(value),
                    nearest(name, &VARIABLES)
                ));
            }
        }
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// A part of an access key. It travels in a header, and is never repeated in an error.
    pub fn key(&mut self, name: &str) -> Option<String> {
        let key = self.text(name)?;
        if !Keys::can_be_part(&key) {
            self.problems
                .push(format!("{name}: expected printable ASCII characters without blanks, got others"));
        }
        Some(key)
    }

    /// A variable in a form of its own; `parse` says what it expects where it fails.
    pub fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let value = self.text(name)?;
        match parse(value.trim()) {
            Ok(parsed) => Some(parsed),
            Err(expected) => {
                // What stands before an @ in a URL is a password, and not for a log. Elsewhere it is a
                // part of a name.
                let url = name.ends_with("_URL") || value.contains("://");
                let shown = if url { value.rsplit('@').next().unwrap_or_default() } else { &value };
                // Whoever mistakes a secret's text for its name must not find it in a log.
                let secret = name.ends_with("_SECRET_ARN") && value.contains('{');
                let shown = if secret { "JSON, which is withheld".into() } else { quote(shown).to_string() };
                self.problems.push(format!("{name}: expected {expected}, got {shown}"));
                None
            }
        }
    }

    pub fn number<T: FromStr + PartialOrd + Display>(
        &mut self,
        name: &str,
        range: RangeInclusive<T>,
    ) -> Option<T> {
        self.parsed(name, |text| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            number.ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
        })
    }
}

/// Whether a variable of ours, of AWS or of Alibaba Cloud holds a secret, or would if its name were right.
fn names_a_secret(name: &str) -> bool {
    let of_whom = ["AWS_", "ALIBABA_CLOUD_", "COUNTERMAND_"];
    let elsewhere = ["_ARN", "_FILE", "_URL", "_URI"];
    of_whom.iter().any(|start| name.starts_with(start))
        && ["KEY", "SECRET", "TOKEN"].iter().any(|word| name.contains(word))
        && !elsewhere.iter().any(|end| name.ends_with(end))
}
