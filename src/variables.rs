//! The variables, one by one, and what is wrong with them.
//!
//! A problem names its variable, the value and what was expected, and reading goes on, so that a start that
//! fails tells all of them. What may be secret is not repeated: the value of whatever is called a key, a secret or a
//! token, also where it is not quite called so.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::call_error::cut;
use crate::fields::near;
use crate::fields::violation::{is_misleading, quote};
use crate::secrets::hold;

/// How our own variables begin.
const OURS: &str = "COUNTERMAND_";

/// The variables, and what was found wrong with them so far.
pub struct Variables {
    values: BTreeMap<String, String>,
    asked: Vec<&'static str>,
    pub problems: Vec<String>,
}

impl Variables {
    /// Keeps the variables that are set to something.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let values: BTreeMap<_, _> = variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        values.iter().filter(|(name, _)| names_a_secret(name)).for_each(|(_, value)| hold(value));
        Self { values, asked: Vec::new(), problems: Vec::new() }
    }

    /// A value of ours that was no Unicode when it was read is none that anybody meant.
    pub fn refuse_garbled(&mut self) {
        let ours = |name: &String| name.starts_with(OURS);
        let garbled = self
            .values
            .extract_if(.., |name, value| ours(name) && value.contains(char::REPLACEMENT_CHARACTER));
        self.problems.extend(garbled.map(|(name, value)| {
            format!("{name}: expected Unicode text in UTF-8, got {}", shown(&name, &value))
        }));
    }

    /// One of ours that does not exist: a misspelled limit must not mean no limit.
    pub fn refuse_unknown(&mut self, known: &[&str]) {
        for (name, value) in &self.values {
            if name.starts_with(OURS) && !known.contains(&name.as_str()) {
                let likely = likely(name, known);
                let shown = shown(&[name.as_str(), likely.unwrap_or_default()].concat(), value);
                let nearest = likely.map(|likely| format!("; the nearest is {likely}")).unwrap_or_default();
                let name = if is_misleading(name) { quote(name).to_string() } else { cut(name, 64) };
                self.problems.push(format!(
                    "{name}: expected a variable that exists, got an unknown one set to {shown}{nearest}"
                ));
            }
        }
    }

    /// Those of ours that were asked for, set or not.
    pub fn asked_of_ours(self) -> impl Iterator<Item = &'static str> {
        self.asked.into_iter().filter(|name| name.starts_with(OURS))
    }

    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.asked.push(name);
        self.values.get(name).cloned()
    }

    /// A part of an access key. It travels in a header, and is never repeated in an error.
    pub fn key(&mut self, name: &'static str) -> Option<String> {
        let key = self.text(name)?;
        if !can_be_in_a_header(&key) {
            self.problems
                .push(format!("{name}: expected printable ASCII characters without blanks, got others"));
        }
        Some(key)
    }

    /// A variable in a form of its own; `parse` says what it expects where it fails.
    pub fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.text(name)?;
        match parse(value.trim()) {
            Ok(parsed) => Some(parsed),
            Err(expected) => {
                self.problems.push(format!("{name}: expected {expected}, got {}", shown(name, &value)));
                None
            }
        }
    }

    /// One of these words, for what it stands for.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.parsed(name, |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            let expected = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" or ");
            found.map(|(_, meaning)| *meaning).ok_or_else(expected)
        })
    }

    pub fn number<T: FromStr + PartialOrd + Display>(
        &mut self,
        name: &'static str,
        range: RangeInclusive<T>,
    ) -> Option<T> {
        self.parsed(name, |text| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|number| digits && range.contains(number));
            number.ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
        })
    }
}

/// Reads where a service is: scheme, host and port, without a slash at the end.
///
/// # Errors
/// What was expected.
pub fn endpoint_url(url: &str) -> Result<String, String> {
    let expected = "http:// or https://, a host and nothing after it but a port";
    let uri: http::Uri = url.parse().map_err(|_| expected)?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or(expected)?;
    let plain = match (uri.scheme_str(), uri.port_u16()) {
        (Some(scheme @ ("http" | "https")), Some(port)) => format!("{scheme}://{host}:{port}"),
        (Some(scheme @ ("http" | "https")), None) => format!("{scheme}://{host}"),
        _ => return Err(expected.into()),
    };
    // A user, a path or a port that is none would be left out in silence.
    match url.strip_suffix('/').unwrap_or(url).eq_ignore_ascii_case(&plain) {
        true => Ok(plain),
        false => Err(expected.into()),
    }
}

/// Whether a part of an access key can travel in a header.
pub fn can_be_in_a_header(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a variable of ours, of AWS or of Alibaba Cloud holds a secret, or would if its name were right.
fn names_a_secret(name: &str) -> bool {
    let of_whom = ["AWS_", "ALIBABA_CLOUD_", "COUNTERMAND_"];
    let elsewhere = ["_ARN", "_FILE", "_URL", "_URI"];
    of_whom.iter().any(|start| name.starts_with(start))
        && ["KEY", "SECRET", "TOKEN"].iter().any(|word| name.contains(word))
        && !elsewhere.iter().any(|end| name.ends_with(end))
}

/// A value as an error repeats it, if it may.
fn shown(name: &str, value: &str) -> String {
    let name = name.to_uppercase();
    if ["KEY", "SECRET", "TOKEN"].iter().any(|secret| name.contains(secret)) {
        return "a value that is withheld".into();
    }
    // What stands before an @ in a URL is a password, and not for a log. Elsewhere it is a part of a name.
    let url = name.ends_with("_URL") || value.contains("://");
    quote(if url { value.rsplit('@').next().unwrap_or_default() } else { value }).to_string()
}

/// The name that an unknown one may stand for: one that is near, or of which the one is a part of the other.
pub fn likely<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let begins = |whole: &str, part: &str| whole.strip_prefix(part).is_some_and(|rest| rest.starts_with('_'));
    let part =
        |known: &str| begins(known, name) || begins(name, known) || known.ends_with(&format!(".{name}"));
    near(name, names).or_else(|| names.iter().find(|known| part(known)).copied())
}
