//! Comparing what happened with what a case expects.
//!
//! Everything must be equal, absent parts included, but for placeholders: `<any>`, `<text>` (not
//! empty), `<absent>` (no such member), `<time>` (UTC with milliseconds), `<contains:…>`, `<3..5>` (a number from 3 to 5), and
//! `"<more>": true` in an object that may have members which are not named.

use std::ops::RangeInclusive;

use serde_json::Value;

/// The first difference, with its place; `None` where the values match.
pub fn difference(expected: &Value, actual: &Value, path: &str) -> Option<String> {
    match (expected, actual) {
        (Value::String(pattern), actual) if pattern.starts_with('<') && pattern.ends_with('>') => {
            (!placeholder(pattern, actual)).then(|| format!("{path}: expected {pattern}, got {actual}"))
        }
        (Value::Object(expected), Value::Object(actual)) => {
            let open = expected.contains_key("<more>");
            let wanted = expected.iter().filter(|(name, _)| *name != "<more>");
            for (name, value) in wanted {
                let path = format!("{path}.{name}");
                let is_absent = value == "<absent>";
                let Some(actual) = actual.get(name) else {
                    if is_absent {
                        continue;
                    }
                    return Some(format!("{path}: expected {value}, got nothing"));
                };
                if let Some(difference) = difference(value, actual, &path) {
                    return Some(difference);
                }
            }
            let extra = actual.iter().find(|(name, _)| !open && !expected.contains_key(*name));
            extra.map(|(name, value)| format!("{path}.{name}: expected nothing, got {value}"))
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            expected.iter().zip(actual).enumerate().find_map(|(index, (expected, actual))| {
                difference(expected, actual, &format!("{path}[{index}]"))
            })
        }
        _ if expected == actual => None,
        _ => Some(format!("{path}: expected {expected}, got {actual}")),
    }
}

/// Pairs each expected value with an actual one, in any order; says what is left over.
pub fn difference_in_any_order(expected: &[Value], actual: &[Value], path: &str) -> Option<String> {
    let mut rest: Vec<&Value> = actual.iter().collect();
    for value in expected {
        match rest.iter().position(|actual| difference(value, actual, path).is_none()) {
            Some(index) => drop(rest.remove(index)),
            None => return Some(format!("{path}: expected {value} among {rest:?}")),
        }
    }
    (!rest.is_empty()).then(|| format!("{path}: expected no more, got {rest:?}"))
}

fn placeholder(pattern: &str, actual: &Value) -> bool {
    let text = actual.as_str();
    match pattern {
        "<any>" => true,
        "<absent>" => false,
        "<text>" => text.is_some_and(|text| !text.is_empty()),
        "<time>" => text.is_some_and(is_time),
        _ => {
            match (pattern.strip_prefix("<contains:").and_then(|rest| rest.strip_suffix('>')), range(pattern))
            {
                (Some(part), _) => text.is_some_and(|text| text.contains(part)),
                (None, Some(range)) => actual.as_i64().is_some_and(|number| range.contains(&number)),
                (None, None) => panic!("no such placeholder: {pattern}"),
            }
        }
    }
}

/// The numbers that `<3..5>` stands for.
fn range(pattern: &str) -> Option<RangeInclusive<i64>> {
    let (least, most) = pattern.strip_prefix('<')?.strip_suffix('>')?.split_once("..")?;
    Some(least.parse().ok()?..=most.parse().ok()?)
}

fn is_time(text: &str) -> bool {
    const FORM: &str = "0000-00-00T00:00:00.000Z";
    let fits = |(form, character): (char, char)| match form {
        '0' => character.is_ascii_digit(),
        form => form == character,
    };
    text.len() == FORM.len() && FORM.chars().zip(text.chars()).all(fits)
}
