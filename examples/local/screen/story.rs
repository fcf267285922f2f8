//! How a story looks: one line for each moment.

use super::{Paint, Screen};
use crate::arrival::list;
use crate::moment::{Moment, Story, What};
use crate::timeline;

impl Screen {
    /// A whole story.
    pub fn story(self, story: &Story) -> String {
        let mut page = self.page();
        page.text = self.opening(&story.event, Some(&story.arrived));
        page.heading("moments", "in simulated time");
        let alone = story.arrived.records.len() == 1;
        for moment in &story.moments {
            page.line(&self.moment(moment, alone));
        }
        page.line("");
        page.edge("╰─", &self.ending(story));
        page.text + "\n"
    }

    /// A moment; the target is left out where there is only one.
    fn moment(self, moment: &Moment, alone: bool) -> String {
        let next =
            |seconds: &Option<u64>| seconds.map(|it| format!("next check in {it} s")).unwrap_or_default();
        let (what, key, rest, after) = match &moment.what {
            What::Outcome { key, status, next_in_seconds, .. } => {
                (self.status(status), key, String::new(), next(next_in_seconds))
            }
            What::Check { key, check, states, next_in_seconds, .. } => {
                let states =
                    states.iter().map(|(state, ids)| format!("{state} {}", list(ids.iter().cloned())));
                let states = states.collect::<Vec<_>>().join(", ");
                (format!("{:<16}", format!("check {check}")), key, states, next(next_in_seconds))
            }
            What::Confirmation { key, status } => (self.status(status), key, String::new(), String::new()),
            What::ComesAgain { key, in_seconds, cut_off } => {
                let why = if *cut_off { "no answer, " } else { "" };
                let when = format!("{why}seen again in {in_seconds} s");
                (self.paint(Paint::Yellow, &format!("{:<16}", "comes again")), key, String::new(), when)
            }
        };
        let key = if alone { "" } else { key.as_str() };
        let after = self.paint(Paint::Dim, &after);
        let cells = [format!("{:>9}", format!("+{} s", moment.at_seconds)), what, key.into(), rest, after];
        cells.into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ")
    }

    fn ending(self, story: &Story) -> String {
        let confirmations = || {
            story.moments.iter().filter_map(|moment| match &moment.what {
                What::Confirmation { status, .. } => Some((moment.at_seconds, status.as_str())),
                _ => None,
            })
        };
        let mut words = Vec::new();
        for status in ["CONFIRMED", "ENDED_OTHERWISE", "STILL_RUNNING"] {
            let times: Vec<u64> = confirmations().filter(|(_, it)| *it == status).map(|(at, _)| at).collect();
            let paint = if status == "CONFIRMED" { Paint::Green } else { Paint::Yellow };
            match times.as_slice() {
                [] => {}
                [at] => words.push(format!("{} after {at} s", self.paint(paint, status))),
                [.., last] => {
                    words.push(format!("{} {} within {last} s", times.len(), self.paint(paint, status)))
                }
            }
        }
        if story.dead > 0 {
            let dead = timeline::count(story.dead, "message is dead", "messages are dead");
            words.push(self.paint(Paint::Red, &dead));
        }
        if words.is_empty() { "nothing was followed".into() } else { words.join(", ") }
    }
}
