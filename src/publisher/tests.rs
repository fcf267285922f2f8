use std::cell::RefCell;
use std::time::Duration;

use super::*;

/// A message whose text is its id, with blanks around it up to a length.
fn message(id: usize, bytes: usize) -> String {
    format!("{id:bytes$}")
}

fn entry(json: &str) -> Entry<'_> {
    let (kind, detail_type) = ("CancellationOutcome", "Cancellation Outcome");
    Entry { kind, detail_type, service: Some("swf"), status: Some("ACCEPTED"), json, delay: Duration::ZERO }
}

#[test]
fn entries_are_packed_into_as_few_calls_as_the_limits_allow() {
    for (sizes, batches) in [
        (&[][..], &[][..]),
        (&[1], &[&[0][..]]),
        (&[1; 11], &[&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[10]]),
        (&[50, 50, 1], &[&[0, 1], &[2]]),
        (&[100, 100], &[&[0], &[1]]),
        (&[101, 1], &[&[0], &[1]]),
        (&[1, 101, 1], &[&[0, 2], &[1]]),
        (&[60, 60, 40, 40], &[&[0, 2], &[1, 3]]),
    ] {
        assert_eq!(pack(sizes, 100), batches, "{sizes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn results_come_in_the_order_of_the_outcomes_however_they_were_packed() {
    let messages = [600, 600, 400, 400].into_iter().enumerate();
    let messages: Vec<String> = messages.map(|(id, bytes)| message(id, bytes)).collect();
    let outcomes: Vec<Entry> = messages.iter().map(|message| entry(message)).collect();
    let says = |taken| vec![if taken { Says::Taken } else { Says::Fails(Class::Terminal) }];
    let entries = [true, false, false, true].map(says).to_vec();
    let destination = Scripted { entries, ..Scripted::default() };
    let until = Instant::now() + Duration::from_secs(60);
    let results = publish(&destination, &outcomes, &Retry::new(3, 4), until).await;
    let taken: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, false, false, true]);
    assert_eq!(destination.calls.into_inner(), [["0", "2"], ["1", "3"]]);
}

/// What one entry is answered with; the last entry of a script is repeated.
#[derive(Clone, Copy)]
enum Says {
    Taken,
    Fails(Class),
}

/// A destination that answers each entry as scripted by its text, attempt by attempt, and
/// remembers what it was sent.
#[derive(Default)]
struct Scripted {
    entries: Vec<Vec<Says>>,
    calls: RefCell<Vec<Vec<String>>>,
    /// So many calls fail as a whole first.
    broken: usize,
    /// It takes so many bytes in a call, where that is less than it says.
    largest: Option<usize>,
    /// The code with which it refuses more.
    refuses_as: &'static str,
}

impl Transport for Scripted {
    const LONGEST_CALL: usize = 1_000;

    fn size(&self, entry: &Entry) -> usize {
        entry.json.len()
    }

    async fn send(&self, entries: &[Entry<'_>]) -> Result<Vec<Result<(), CallError>>, CallError> {
        let ids: Vec<String> = entries.iter().map(|entry| entry.json.trim().to_owned()).collect();
        self.calls.borrow_mut().push(ids.clone());
        if self.calls.borrow().len() <= self.broken {
            return Err(CallError::service(Class::Retry, "Broken", "message"));
        }
        let bytes: usize = entries.iter().map(|entry| entry.json.len()).sum();
        if self.largest.is_some_and(|largest| bytes > largest) {
            return Err(CallError::service(Class::Unknown, self.refuses_as, "message"));
        }
        let said = |id: &String| {
            let script = &self.entries[id.parse::<usize>().expect("ids are numbers")];
            let before = self.calls.borrow().iter().flatten().filter(|other| *other == id).count();
            match script.get(before - 1 - self.broken.min(before - 1)).or(script.last()) {
                Some(Says::Fails(class)) => Err(CallError::service(*class, "Code", "message")),
                _ => Ok(()),
            }
        };
        Ok(ids.iter().map(said).collect())
    }
}

async fn run(entries: Vec<Vec<Says>>, broken: usize) -> (Vec<bool>, Vec<Vec<String>>) {
    let messages: Vec<String> = (0..entries.len()).map(|id| message(id, 10)).collect();
    let outcomes: Vec<Entry> = messages.iter().map(|message| entry(message)).collect();
    let destination = Scripted { entries, broken, ..Scripted::default() };
    let until = Instant::now() + Duration::from_secs(60);
    let results = publish(&destination, &outcomes, &Retry::new(3, 4), until).await;
    (results.iter().map(Result::is_ok).collect(), destination.calls.into_inner())
}

#[tokio::test(start_paused = true)]
async fn only_failed_entries_whose_code_is_retryable_are_sent_again() {
    use self::Says::{Fails, Taken};
    let (published, calls) = run(
        vec![vec![Taken], vec![Fails(Class::Throttle), Taken], vec![Fails(Class::Terminal)], vec![Taken]],
        0,
    )
    .await;
    assert_eq!(published, [true, true, false, true]);
    assert_eq!(calls, [vec!["0", "1", "2", "3"], vec!["1"]]);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_keeps_failing_is_unpublished_and_touches_no_other() {
    use self::Says::{Fails, Taken};
    let (published, calls) = run(vec![vec![Fails(Class::Retry)], vec![Taken]], 0).await;
    assert_eq!(published, [false, true]);
    assert_eq!(calls, [vec!["0", "1"], vec!["0"], vec!["0"]]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_as_a_whole_is_made_again() {
    let (published, calls) = run(vec![vec![Says::Taken], vec![Says::Taken]], 1).await;
    assert_eq!(published, [true, true]);
    assert_eq!(calls, [vec!["0", "1"], vec!["0", "1"]]);
    let (published, calls) = run(vec![vec![Says::Taken]], 9).await;
    assert_eq!((published, calls.len()), (vec![false], 3));
}

/// Which of five messages are taken where a call may carry so much, and in what calls.
async fn refused(
    sizes: [usize; 5],
    largest: usize,
    refuses_as: &'static str,
) -> (Vec<bool>, Vec<Vec<String>>) {
    let messages: Vec<String> = sizes.into_iter().enumerate().map(|(id, bytes)| message(id, bytes)).collect();
    let outcomes: Vec<Entry> = messages.iter().map(|message| entry(message)).collect();
    let entries = vec![vec![Says::Taken]; 5];
    let destination = Scripted { entries, largest: Some(largest), refuses_as, ..Scripted::default() };
    let until = Instant::now() + Duration::from_secs(60);
    let results = publish(&destination, &outcomes, &Retry::new(3, 4), until).await;
    (results.iter().map(Result::is_ok).collect(), destination.calls.into_inner())
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_together_is_sent_in_parts_and_what_is_refused_alone_touches_no_other() {
    let codes = ["AWS.SimpleQueueService.BatchRequestTooLong", "RequestEntityTooLargeException"];
    for code in codes.into_iter().chain(["HTTP413", "InvalidParameterValue"]) {
        let (published, calls) = refused([100; 5], 300, code).await;
        assert_eq!(published, [true; 5], "{code}");
        assert_eq!(calls, [vec!["0", "1", "2", "3", "4"], vec!["0", "1", "2"], vec!["3", "4"]], "{code}");
        let (published, calls) = refused([100, 400, 100, 50, 50], 300, code).await;
        assert_eq!(published, [true, false, true, true, true], "{code}");
        assert_eq!(
            calls.iter().filter(|call| call.contains(&"1".to_owned())).count(),
            4,
            "{code}: {calls:?}"
        );
    }
    let (published, calls) = refused([100; 5], 300, "AccessDenied").await;
    assert_eq!((published, calls.len()), (vec![false; 5], 1));
}

#[tokio::test(start_paused = true)]
async fn what_the_deadline_leaves_unsent_is_unpublished() {
    let destination = Scripted { entries: vec![vec![Says::Taken]], ..Scripted::default() };
    let results = publish(&destination, &[entry("0")], &Retry::new(3, 4), Instant::now()).await;
    assert_eq!(results[0].as_ref().map_err(|error| error.code.as_str()), Err("DeadlineExceeded"));
    assert!(destination.calls.borrow().is_empty());
}

#[test]
fn an_entrys_code_decides_whether_it_is_sent_again() {
    for (code, our_fault, class) in [
        ("ThrottlingException", false, Class::Throttle),
        ("KmsThrottled", true, Class::Throttle),
        ("InternalError", false, Class::Retry),
        ("InternalFailure", true, Class::Retry),
        ("AccessDenied", true, Class::Config),
        ("InvalidMessageContents", true, Class::Terminal),
        ("Surprise", false, Class::Retry),
    ] {
        assert_eq!(entry_class(code, our_fault), class, "{code}");
    }
}

#[test]
fn an_entry_that_a_reply_passes_over_counts_as_failed() {
    let failed = [("1", "InvalidMessageContents", Some("bad"), true)];
    let results = entry_results(3, ["0"].into_iter(), failed.into_iter());
    let codes = results.into_iter().map(|result| result.map_err(|error| error.code)).collect::<Vec<_>>();
    assert_eq!(codes, [Ok(()), Err("InvalidMessageContents".into()), Err("UnreadableReply".into())]);
}
