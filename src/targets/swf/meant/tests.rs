//! Lists of runs, written as a line each: id, start, end and how it closed, in seconds. Requests are made at
//! second 100.

use super::super::runs::Closed;
use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000).expect("a time")
}

/// `n 90-110 CONTINUED_AS_NEW`, or `n 90-` for one that is open; `!` where its cancel was requested.
fn run(line: &str) -> Run {
    let mut words = line.trim_end_matches('!').split_whitespace();
    let mut word = || words.next().unwrap_or_default();
    let (id, times, status) = (word(), word(), word());
    let (start, end) = times.split_once('-').expect("a start and an end");
    let time = |text: &str| text.parse().ok().map(at);
    Run {
        run_id: id.into(),
        started_at: time(start),
        closed: time(end).map(|end| Closed { status: status.into(), at: Some(end) }),
        cancel_requested: line.ends_with('!'),
    }
}

/// What is found in these runs, the newest first.
fn search(from: From, runs: &[&str]) -> Meant {
    let mut search = Search::new(from);
    runs.iter().for_each(|line| search.see(&run(line)));
    search.end()
}

/// The one to ask, or the status and the run that is told.
fn told(meant: Meant, now: i64) -> String {
    match meant.open(at(100).into(), at(now)) {
        Ok(run_id) => format!("ask {run_id}"),
        Err(conclusion) => {
            let run = conclusion
                .result
                .map_or(String::new(), |result| format!(" {}", result["runId"].as_str().unwrap_or_default()));
            format!("{}{run}", conclusion.status.name())
        }
    }
}

#[test]
fn of_a_request_without_a_run_the_run_of_its_moment_is_meant_or_what_it_has_come_to() {
    for (runs, expected) in [
        (&[][..], "NOT_FOUND"),
        (&["n 90-"], "ask n"),
        (&["n 100-"], "ask n"),
        (&["n 101-"], "NOT_RUNNING"),
        (&["n 101-120 COMPLETED"], "NOT_RUNNING"),
        (&["n 120-", "m 90-110 COMPLETED"], "NOT_RUNNING m"),
        (&["n 120-", "m 90-110 CANCELED"], "ALREADY_CANCELED m"),
        (&["m 80-90 CANCELED"], "NOT_RUNNING m"),
        // A continuation is reached, however many there were.
        (&["n 110-", "m 90-110 CONTINUED_AS_NEW"], "ask n"),
        (&["o 120-", "n 111-120 CONTINUED_AS_NEW", "m 90-110 CONTINUED_AS_NEW"], "ask o"),
        (&["n 110-", "m 90-110 COMPLETED"], "NOT_RUNNING m"),
        // Of one that has ended too, the end is told.
        (&["n 110-130 FAILED", "m 90-110 CONTINUED_AS_NEW"], "NOT_RUNNING n"),
        (&["n 110-130 CANCELED", "m 90-110 CONTINUED_AS_NEW"], "ALREADY_CANCELED n"),
        (&["o 140-", "n 110-130 CANCELED", "m 90-110 CONTINUED_AS_NEW"], "ALREADY_CANCELED n"),
        // One that is not shown is somewhere.
        (&["m 90-110 CONTINUED_AS_NEW"], "FAILED m"),
        (&["n 110-120 CONTINUED_AS_NEW", "m 90-110 CONTINUED_AS_NEW"], "FAILED n"),
        (&["o 122-", "n 110-120 CONTINUED_AS_NEW", "m 90-110 CONTINUED_AS_NEW"], "FAILED n"),
        // One that closed between the two lists is in both.
        (&["n 110-", "n 110-120 CONTINUED_AS_NEW", "m 90-110 CONTINUED_AS_NEW"], "FAILED n"),
        (&["n 110-", "n 110-120 FAILED", "m 90-110 CONTINUED_AS_NEW"], "NOT_RUNNING n"),
        (&["n 110-", "n 110-120 FAILED", "m 90-105 CANCELED"], "ALREADY_CANCELED m"),
        // A list that still shows it as open is answered by the service itself.
        (&["n 110-", "m 90-"], "ask m"),
    ] {
        assert_eq!(told(search(From::StartedBy(at(100).into()), runs), 150), expected, "{runs:?}");
    }
}

#[test]
fn what_is_not_listed_long_after_has_ended_before_the_next_run_began() {
    let runs = ["o 122-", "m 90-120 CONTINUED_AS_NEW"];
    for (now, expected) in [(181, "FAILED m"), (182, "NOT_RUNNING m")] {
        assert_eq!(told(search(From::StartedBy(at(100).into()), &runs), now), expected, "{now}");
    }
}

#[test]
fn from_a_run_that_is_known_its_continuations_are_found_though_the_lists_are_behind() {
    let known = || From::Run(run("m 90-110 CONTINUED_AS_NEW"));
    for (runs, expected) in [
        (&[][..], "FAILED m"),
        (&["m 90-"], "FAILED m"),
        (&["n 110-", "m 90-110 CONTINUED_AS_NEW"], "ask n"),
        (&["n 110-"], "ask n"),
        (&["n 110-", "k 10-20 COMPLETED"], "ask n"),
        (&["k 10-20 COMPLETED"], "FAILED m"),
        (&["n 110-115 COMPLETED", "k 10-20 COMPLETED"], "NOT_RUNNING n"),
        (&["n 130-", "m 90-110 CONTINUED_AS_NEW"], "FAILED m"),
    ] {
        assert_eq!(told(search(known(), runs), 150), expected, "{runs:?}");
    }
}

#[test]
fn the_run_that_a_call_reached_was_open_while_it_was_made() {
    use crate::vocabulary::State::{Canceled, Canceling, ContinuedAsNew, Running, Succeeded, Unknown};
    for (runs, expected) in [
        (&[][..], None),
        (&["n 90-!"], Some(vec![("n", Canceling)])),
        (&["n 90-"], Some(vec![("n", Running)])),
        (&["n 90-104 CANCELED!"], Some(vec![("n", Canceled)])),
        (&["o 105-", "n 90-104 CANCELED!"], Some(vec![("n", Canceled)])),
        // What had ended before, and what began later, was not reached.
        (&["o 105-", "n 80-90 COMPLETED"], None),
        (&["o 105-"], None),
        // Of two that were open while it was made, the one that was asked.
        (&["o 101-", "n 90-101 COMPLETED!"], Some(vec![("n", Succeeded)])),
        (&["o 101-!", "n 90-101 COMPLETED"], Some(vec![("o", Canceling)])),
        (&["o 101-", "n 90-101 COMPLETED"], Some(vec![("o", Running)])),
        (&["o 101-", "n 90-101 CONTINUED_AS_NEW!"], Some(vec![("n", ContinuedAsNew), ("o", Running)])),
        (&["n 90-101 CONTINUED_AS_NEW!"], Some(vec![("n", Unknown)])),
    ] {
        let span = Span { from: at(101), until: at(102) };
        let states = match search(From::Asked(span), runs) {
            Meant::Found(chain) => Some(chain.states(at(150)).collect::<Vec<_>>()),
            _ => None,
        };
        let expected =
            expected.map(|runs| runs.into_iter().map(|(id, state)| (id.to_owned(), state)).collect());
        assert_eq!(states, expected, "{runs:?}");
    }
}

#[test]
fn how_a_run_closed_decides_and_for_an_open_ended_request_when() {
    for (found, since, status) in [
        (None, None, Status::NotFound),
        (Some("r 1-"), None, Status::Failed),
        (Some("r 1-5 CANCELED"), None, Status::AlreadyCanceled),
        (Some("r 1-5 CANCELED"), Some(5), Status::AlreadyCanceled),
        (Some("r 1-5 CANCELED"), Some(6), Status::NotRunning),
        (Some("r 1-5 COMPLETED"), None, Status::NotRunning),
        (Some("r 1-5 CONTINUED_AS_NEW"), Some(1), Status::NotRunning),
        (Some("r 1-5 TERMINATED"), Some(1), Status::NotRunning),
    ] {
        let conclusion = explained(found.map(run), since.map(|since| at(since).into()));
        assert_eq!(conclusion.status, status);
        assert_eq!(conclusion.error.is_some(), status == Status::Failed);
    }
    let result = explained(Some(run("r 1-5 TIMED_OUT")), None).result;
    assert_eq!(result, Some(json!({"runId": "r", "closeStatus": "TIMED_OUT"})));
}

#[test]
fn a_chain_of_very_many_keeps_its_newest_runs_and_the_first() {
    let line = |number: i64| format!("r-{number} {}-{} CONTINUED_AS_NEW", 100 + number, 101 + number);
    let lines: Vec<String> = (0..3_000).rev().map(line).collect();
    let lines: Vec<&str> = std::iter::once("open 3100-").chain(lines.iter().map(String::as_str)).collect();
    let Meant::Found(chain) = search(From::StartedBy(at(100).into()), &lines) else { panic!("a chain") };
    assert_eq!(chain.runs.len(), LONGEST_CHAIN);
    let ends = [&chain.runs[0], &chain.runs[LONGEST_CHAIN - 1]].map(|run| run.run_id.as_str());
    assert_eq!(ends, ["open", "r-0"]);
}
