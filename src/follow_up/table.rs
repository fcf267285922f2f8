//! The follow-up as a table: where it stands and what is seen of its runs say what is called, whether another
//! message is sent, and what may be confirmed.
//!
//! It is the whole of the rules; [`FollowUp`](super::FollowUp) knows the times behind the stages, and
//! [`targets`](crate::targets) how to look and to call. What could not be looked at, as its permit was too far
//! away, is redelivered as it stands.

use super::confirmation::Verdict;
use crate::targets::Sight;

/// Where a follow-up stands when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its runs have time to end.
    Watched,
    /// What still runs is to be ended: the time that the request gave it is up.
    Due,
    /// The same, and the whole time is up, but nothing was called yet.
    Late,
    /// The whole time is up, or this is the last check.
    Over,
    /// The same, and what still runs is to be ended.
    OverAndDue,
}

/// What is seen of its runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// All have ended, or there was none.
    Ended,
    /// One runs.
    Open,
    /// Of one nothing is known, or not which they are; the others have ended.
    Unclear,
}

/// What follows, in each stage and at each sight that are named.
#[derive(Debug)]
pub struct Row {
    pub stages: &'static [Stage],
    pub seen: &'static [Seen],
    /// Each open run is ended, by its id.
    pub calls: bool,
    /// What it can be confirmed as; nothing where a message to ourselves asks for another check.
    pub confirmed: &'static [Verdict],
}

use Seen::{Ended, Open, Unclear};
use Stage::{Due, Late, Over, OverAndDue, Watched};
use Verdict::{Confirmed, EndedOtherwise, Forced, StillRunning};

const ALL: &[Stage] = &[Watched, Due, Late, Over, OverAndDue];

#[rustfmt::skip]
pub static TABLE: [Row; 8] = [
    //    in these stages               seeing                    ends them     confirms, or looks again
    Row { stages: ALL,                  seen: &[Ended],           calls: false, confirmed: &[Confirmed, EndedOtherwise, Forced] },
    Row { stages: &[Watched],           seen: &[Open, Unclear],   calls: false, confirmed: &[] },
    Row { stages: &[Due],               seen: &[Open],            calls: true,  confirmed: &[] },
    Row { stages: &[Due],               seen: &[Unclear],         calls: false, confirmed: &[] },
    Row { stages: &[Late],              seen: &[Open],            calls: true,  confirmed: &[] },
    Row { stages: &[Late, OverAndDue],  seen: &[Unclear],         calls: false, confirmed: &[StillRunning] },
    Row { stages: &[Over],              seen: &[Open, Unclear],   calls: false, confirmed: &[StillRunning] },
    Row { stages: &[OverAndDue],        seen: &[Open],            calls: true,  confirmed: &[StillRunning, Forced] },
];

impl Row {
    /// The row for what is seen in a stage, by its place. Each has one.
    pub fn of(stage: Stage, seen: Seen) -> Option<(usize, &'static Self)> {
        let is_it = |row: &Row| row.stages.contains(&stage) && row.seen.contains(&seen);
        TABLE.iter().enumerate().find(|(_, row)| is_it(row))
    }
}

impl Stage {
    /// What still runs is ended in it.
    pub fn calls(self) -> bool {
        Row::of(self, Open).is_some_and(|(_, row)| row.calls)
    }
}

impl Seen {
    /// What a look at the runs comes to.
    pub fn of(sight: &Sight) -> Self {
        let Some(runs) = sight else { return Unclear };
        if runs.iter().any(|(_, state)| state.goes_on()) {
            return Open;
        }
        if runs.iter().all(|(_, state)| state.has_ended()) { Ended } else { Unclear }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_seen_in_whatever_stage_has_one_row() {
        for stage in ALL {
            for seen in [Ended, Open, Unclear] {
                let rows = TABLE.iter().filter(|row| row.stages.contains(stage) && row.seen.contains(&seen));
                assert_eq!(rows.count(), 1, "{stage:?} {seen:?}");
            }
        }
    }
}
