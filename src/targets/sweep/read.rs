//! `select` and what goes with it, by the same rules for every service.

use std::sync::Arc;

use super::{Bounds, MOST_EXECUTIONS, Selection, Sweep};
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::fields::violation::{Code, quote};
use crate::targets::service::SharedCancellation;
use crate::timestamp::{Moment, Timestamp};

/// A member of `select` of which there is exactly one, and how its value is taken.
pub type Choice<B> = (&'static str, fn(&mut Fields) -> Option<B>);

/// Takes `select` and `maxExecutions`, where the request has the first in place of the fields that name one
/// execution. `None` where it has not; `Some(None)` where it is not valid, as the violations tell.
pub fn read<B, S: Selection>(
    fields: &mut Fields,
    instead_of: &[&'static str],
    choices: &[Choice<B>],
    selection: impl FnOnce(&mut Fields, Option<B>) -> Option<S>,
) -> Option<Option<SharedCancellation>> {
    let has_it = fields.has(&["select"]);
    let select = fields.object("select");
    if !has_it {
        return None;
    }
    for name in instead_of {
        fields.exclude(name, "select");
    }
    if fields.members.get("confirm").is_some_and(|confirm| confirm.get() == "true") {
        let message = "expected false or no such field beside select: a sweep tells its end by a summary";
        fields.violations.add("confirm", Code::Conflict, message);
    }
    fields.require("maxExecutions");
    let max_executions = fields.number("maxExecutions", 1..=MOST_EXECUTIONS);
    let mut within = select.and_then(Fields::of);
    if let (Some(text), None) = (select, &within) {
        let message = format!("expected an object of Unicode characters, got {}", quote(text));
        fields.violations.add("select", Code::BadFormat, message);
    }
    let by = within.as_mut().and_then(|within| one_of(within, choices));
    let [started_before, started_after] =
        ["startedBefore", "startedAfter"].map(|name| within.as_mut().and_then(|within| time(within, name)));
    if let (Some(before), Some(after), Some(within)) = (started_before, started_after, &mut within)
        && before <= after
    {
        let message = format!("expected a time after startedAfter, {after}, got {before}");
        within.violations.add("startedBefore", Code::Conflict, message);
    }
    let is_valid = within.map(Fields::finish).is_some_and(|violations| {
        let is_empty = violations.is_empty();
        fields.violations.within("select", violations);
        is_empty
    });
    let selection = selection(fields, by);
    Some(max_executions.zip(selection).filter(|_| is_valid).map(|(max_executions, selection)| {
        let bounds = Bounds { max_executions, started_before, started_after };
        Arc::new(Sweep { selection: Arc::new(selection), bounds }) as SharedCancellation
    }))
}

/// `all`, which says in words that nothing narrows the selection.
pub fn in_words(fields: &mut Fields) -> Option<()> {
    let all = fields.boolean("all")?;
    if !all {
        fields.violations.add("all", Code::UnknownValue, "expected true, or no such field, got false");
    }
    all.then_some(())
}

fn one_of<B>(within: &mut Fields, choices: &[Choice<B>]) -> Option<B> {
    let there = choices.iter().filter(|(name, _)| within.has(&[*name])).count();
    let mut chosen = None;
    for (_, take) in choices {
        // Each is taken, which makes its name known.
        let value = take(within);
        chosen = chosen.or(value);
    }
    let names = choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    match there {
        1 => return chosen,
        0 => within.violations.add("", Code::Required, format!("expected one of {names}, got none")),
        _ => within.violations.add("", Code::Conflict, format!("expected one of {names}, got {there}")),
    }
    None
}

/// A point in time, exactly as it is written: one in whole seconds is the beginning of its second.
fn time(within: &mut Fields, name: &'static str) -> Option<Timestamp> {
    let text = within.text(&[name], &Text::any(0..=usize::MAX))?;
    let time = Moment::parse(&text).map(Moment::begins);
    if time.is_none() {
        let message = format!("expected an RFC 3339 time, got {}", quote(&text));
        within.violations.add(name, Code::BadFormat, message);
    }
    time
}
