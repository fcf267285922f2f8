//! How a story looks: one line for each moment, its time before it. What happened is in `moment`; nothing
//! is found out here.

use super::{COLUMNS, MARGIN, Paint, Screen};
use crate::arrival::list;
use crate::moment::{Moment, Story, What};
use crate::rows::wrapped;
use crate::timeline;

impl Screen {
    /// A whole story.
    pub fn story(self, story: &Story) -> String {
        let mut page = self.page();
        page.text = self.opening(&story.event, Some(&story.arrived));
        page.heading("moments", "in simulated time");
        let alone = story.arrived.records.len() == 1;
        for moment in &story.moments {
            self.moment(moment, alone).iter().for_each(|line| page.line(line));
        }
        page.line("");
        page.edge("╰─", &self.ending(story));
        page.text + "\n"
    }

    /// A moment, in as many lines as it takes; the target is left out where there is only one.
    fn moment(self, moment: &Moment, alone: bool) -> Vec<String> {
        let next =
            |seconds: &Option<u64>| seconds.map(|it| format!("next check in {it} s")).unwrap_or_default();
        let (what, key, rest, after) = match &moment.what {
            What::Outcome { key, status, matched, next_in_seconds, .. } => {
                let matched = matched.map(|count| format!("{count} match")).unwrap_or_default();
                (self.status(status), key, matched, next(next_in_seconds))
            }
            What::Sweep { key, what, done, matched, percent } => {
                let rest = format!("{} {percent:>3} %  {done} of {matched}", bar(*percent));
                (self.status(what), key, rest, String::new())
            }
            What::Check { key, check, states, next_in_seconds, .. } => {
                let states =
                    states.iter().map(|(state, ids)| format!("{state} {}", list(ids.iter().cloned())));
                let states = states.collect::<Vec<_>>().join(", ");
                (format!("{:<16}", format!("check {check}")), key, states, next(next_in_seconds))
            }
            What::Beyond { key, operation, run } => {
                let run = run.as_deref().unwrap_or_default();
                let what = self.paint(Paint::Yellow, &format!("{:<16}", "beyond a cancel"));
                (what, key, format!("{operation} {run}").trim_end().to_owned(), String::new())
            }
            What::Confirmation { key, status } => (self.status(status), key, String::new(), String::new()),
            What::ComesAgain { key, in_seconds, cut_off } => {
                let why = if *cut_off { "no answer, " } else { "" };
                let when = format!("{why}seen again in {in_seconds} s");
                (self.paint(Paint::Yellow, &format!("{:<16}", "comes again")), key, String::new(), when)
            }
        };
        let key = if alone { "" } else { key.as_str() };
        let rest = [key, rest.as_str(), after.as_str()];
        let rest = rest.into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ");
        let lines = wrapped(&rest, COLUMNS - MARGIN - 29);
        let at = format!("{:>9}", format!("+{} s", moment.at_seconds));
        let first = format!("{at}  {what}  {}", lines.first().map_or("", String::as_str));
        let below = lines.iter().skip(1).map(|line| format!("{:29}{line}", ""));
        std::iter::once(first).chain(below).collect()
    }

    fn ending(self, story: &Story) -> String {
        let confirmations = || {
            story.moments.iter().filter_map(|moment| match &moment.what {
                What::Confirmation { status, .. } => Some((moment.at_seconds, status.as_str())),
                _ => None,
            })
        };
        let mut words = Vec::new();
        for moment in &story.moments {
            if let What::Sweep { what, .. } = &moment.what
                && ["COMPLETED", "INCOMPLETE"].contains(&what.as_str())
            {
                words.push(format!("{} after {} s", self.status(what).trim_end(), moment.at_seconds));
            }
        }
        for status in ["CONFIRMED", "ENDED_OTHERWISE", "FORCED", "STILL_RUNNING"] {
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

/// How much is done, in twenty parts.
fn bar(percent: u64) -> String {
    let done = usize::try_from(percent / 5).unwrap_or_default().min(20);
    format!("[{:<20}]", "#".repeat(done))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::arrival::{Arrival, Record};

    const PLAIN: Screen = Screen { fancy: false };

    fn story(requests: &[Value], moments: Vec<(u64, What)>, dead: usize) -> Story {
        let record = |request: &Value| Record {
            id: Some("m".into()),
            receive_count: Some(1),
            receipt_handle: None,
            request_id: "m".into(),
            request: request.clone(),
            asks_for: "f: every active run".into(),
            dry_run: false,
        };
        Story {
            event: "e.json".into(),
            arrived: Arrival { source: "sqs", arn: None, records: requests.iter().map(record).collect() },
            moments: moments.into_iter().map(|(at_seconds, what)| Moment { at_seconds, what }).collect(),
            documents: Vec::new(),
            dead,
            succeeded: dead == 0,
        }
    }

    #[test]
    fn each_moment_has_its_line() {
        let (id, key) = (String::from("m"), String::from("appflow:f"));
        let outcome = What::Outcome {
            request_id: id.clone(),
            key: key.clone(),
            status: "ACCEPTED".into(),
            matched: None,
            pending: true,
            next_in_seconds: Some(15),
        };
        let states =
            vec![("CANCELED", vec!["a".to_owned(), "b".to_owned()]), ("CANCELING", vec!["c".to_owned()])];
        let check = What::Check { request_id: id, key: key.clone(), check: 1, states, next_in_seconds: None };
        let again = What::ComesAgain { key: key.clone(), in_seconds: 4, cut_off: true };
        let confirmation = What::Confirmation { key, status: "STILL_RUNNING".into() };
        let request = json!({"service": "appflow", "flowName": "f"});
        let moments = vec![(0, again), (4, outcome), (19, check), (19, confirmation)];
        let expected = "\
e.json

  arrived    1 record by sqs
    appflow  f: every active run

  moments    in simulated time
       +0 s  comes again       no answer, seen again in 4 s
       +4 s  ACCEPTED          next check in 15 s
      +19 s  check 1           CANCELED a, b, CANCELING c
      +19 s  STILL_RUNNING

STILL_RUNNING after 19 s

";
        assert_eq!(PLAIN.story(&story(&[request], moments, 0)), expected);
    }

    #[test]
    fn a_sweep_has_a_bar() {
        let key = String::from("swf:d/*");
        let (request_id, status) = (String::from("m"), String::from("ACCEPTED"));
        let begins = What::Outcome {
            request_id,
            key: key.clone(),
            status,
            matched: Some(80),
            pending: false,
            next_in_seconds: None,
        };
        let goes = |what: &str, done: u64| What::Sweep {
            key: key.clone(),
            what: what.into(),
            done,
            matched: 80,
            percent: done * 100 / 80,
        };
        let moments = vec![
            (0, begins),
            (9, goes("step 1", 30)),
            (60, goes("progress", 79)),
            (70, goes("COMPLETED", 80)),
        ];
        let text = PLAIN.story(&story(&[json!({"service": "swf"})], moments, 0));
        let expected = "
       +0 s  ACCEPTED          80 match
       +9 s  step 1            [#######             ]  37 %  30 of 80
      +60 s  progress          [################### ]  98 %  79 of 80
      +70 s  COMPLETED         [####################] 100 %  80 of 80

COMPLETED after 70 s
";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn several_requests_are_told_apart_and_counted() {
        let confirmed = |key: &str| What::Confirmation { key: key.into(), status: "CONFIRMED".into() };
        let requests = [json!({"service": "swf"}), json!({"service": "swf"})];
        let moments = vec![(15, confirmed("swf:d/v")), (48, confirmed("swf:d/w"))];
        let text = PLAIN.story(&story(&requests, moments, 1));
        assert!(text.contains("      +15 s  CONFIRMED         swf:d/v\n"), "{text}");
        assert!(text.ends_with("\n2 CONFIRMED within 48 s, 1 message is dead\n\n"), "{text}");
        assert!(PLAIN.story(&story(&requests, Vec::new(), 0)).contains("\nnothing was followed\n"));
    }
}
