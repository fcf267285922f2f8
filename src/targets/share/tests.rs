use std::cell::RefCell;
use std::collections::BTreeMap;

use tokio::time::Instant;

use super::*;
use crate::call_error::Answer;
use crate::pace::{Operation, Pace, Quota};
use crate::retry::Retry;
use crate::targets::tests::invocation;
use crate::targets::{Answered, Conclusion, status_of};
use crate::vocabulary::{Effect, Status};

/// A service whose calls carry names, up to two a call, and answer as scripted, one reply an attempt;
/// without one left, they are taken.
#[derive(Default)]
struct Scripted {
    replies: RefCell<Vec<Result<&'static str, CallError>>>,
    /// What each attempt carried, and when it started.
    made: RefCell<Vec<(String, u128)>>,
    start: Option<Instant>,
}

const FIRST: Operation = Operation { name: "scripted.First", quota: None, in_regions: &[] };

impl Calls for Scripted {
    type Cancellation = Vec<char>;
    type Call = Vec<char>;
    type Reply = ();
    type Unclear = ();

    const CANCEL: &'static Operation = &Operation { name: "scripted.Cancel", quota: None, in_regions: &[] };

    fn calls(&self, requests: &[&Vec<char>]) -> Vec<Shared<Vec<char>>> {
        let mut names: Vec<char> = requests.iter().flat_map(|request| request.iter().copied()).collect();
        names.dedup();
        let first = names.extract_if(.., |name| name.is_uppercase()).collect::<Vec<_>>();
        let on = |names: &[char]| {
            let named = |request: &&Vec<char>| request.iter().any(|name| names.contains(name));
            let places = requests.iter().enumerate().filter(|(_, request)| named(request));
            places.map(|(place, _)| place).collect()
        };
        let names = first.chunks(1).chain(names.chunks(2));
        names.map(|names| Shared { call: names.to_vec(), requests: on(names) }).collect()
    }

    /// What is written in capitals.
    fn goes_first(&self, call: &Vec<char>) -> Option<&'static Operation> {
        call.iter().any(|name| name.is_uppercase()).then_some(&FIRST)
    }

    fn part(&self, call: &Vec<char>, request: &Vec<char>) -> Vec<char> {
        call.iter().copied().filter(|name| request.contains(name)).collect()
    }

    async fn cancel(&self, call: &mut Vec<char>) -> Result<Accepted<()>, CallError> {
        let elapsed = self.start.map_or(0, |start| start.elapsed().as_millis());
        self.made.borrow_mut().push((call.iter().collect(), elapsed));
        let mut replies = self.replies.borrow_mut();
        let reply = if replies.is_empty() { Ok("id") } else { replies.remove(0) };
        reply.map(|id| Accepted { reply: (), request_id: Some(id.into()) })
    }

    fn conclude(&self, _: &Vec<char>, answers: &[Answered<'_, Self>]) -> Conclusion<()> {
        let error = answers.iter().find_map(|answer| answer.result.err()).cloned();
        let status = error.as_ref().map_or(Status::Accepted, |error| status_of(error.class));
        Conclusion { taken: error.is_none(), error, ..Conclusion::of(status) }
    }
}

/// What came of requests, by name, and what was called when; at two calls a second and `burst` at once.
struct Run {
    settlements: Vec<Settlement>,
    /// When it was told of each.
    told: Vec<u128>,
    made: Vec<(String, u128)>,
    deferred: Vec<(usize, u128)>,
    took: u128,
}

async fn run(
    requests: &[&str],
    burst: f64,
    seconds: u64,
    replies: Vec<Result<&'static str, CallError>>,
) -> Run {
    let start = Instant::now();
    let target = Scripted { replies: replies.into(), start: Some(start), ..Scripted::default() };
    let quota = Quota { per_second: 2.0, burst };
    let (retry, pace) = (
        Retry::new(6, 10),
        Pace::new([Scripted::CANCEL], None, &BTreeMap::from([(Scripted::CANCEL.name, quota)]), 1),
    );
    let deferred = RefCell::new(Vec::new());
    let context = Context {
        retry: &retry,
        pace: &pace,
        until: start + Duration::from_secs(seconds),
        now: crate::timestamp::Timestamp::LATEST,
        invocation: &invocation(),
        max_pages: 1,
        deferred: &|record, wait: Duration| deferred.borrow_mut().push((record, wait.as_millis())),
        look_up_failed: &|_, _| {},
    };
    let named: Vec<Vec<char>> = requests.iter().map(|names| names.chars().collect()).collect();
    let asked = named.iter().enumerate().map(|(place, cancellation)| Asked {
        cancellation,
        requested_at: crate::timestamp::Timestamp::LATEST.into(),
        priority: Priority::Received(1),
        record: place,
    });
    let settled = RefCell::new(BTreeMap::new());
    let told = |place, settlement| {
        let at = start.elapsed().as_millis();
        assert!(settled.borrow_mut().insert(place, (settlement, at)).is_none(), "told twice");
    };
    settle(&target, &asked.collect::<Vec<_>>(), &context, &told).await;
    let settled = settled.into_inner();
    assert!(settled.keys().copied().eq(0..requests.len()));
    Run {
        told: settled.values().map(|(_, at)| *at).collect(),
        settlements: settled.into_values().map(|(settlement, _)| settlement).collect(),
        made: target.made.into_inner(),
        deferred: deferred.into_inner(),
        took: start.elapsed().as_millis(),
    }
}

fn statuses(run: &Run) -> Vec<Status> {
    run.settlements.iter().map(|settlement| settlement.status).collect()
}

fn carried(run: &Run) -> Vec<&str> {
    run.made.iter().map(|(names, _)| names.as_str()).collect()
}

fn fault(class: Class) -> Result<&'static str, CallError> {
    let mut error = CallError::service(class, "Code", "message");
    error.request_id = Some("refused".into());
    Err(error)
}

#[tokio::test(start_paused = true)]
async fn the_effect_is_unknown_once_a_call_went_unanswered_and_none_was_taken() {
    let hung = || Err(CallError::timeout(Duration::from_secs(5), None));
    let refused = || Err(CallError::own(Class::Retry, Answer::NotReached, "ConnectionFailed", "refused"));
    for (script, effect, attempts) in [
        (vec![Ok("a")], Effect::Requested, 1),
        (vec![hung(), Ok("a")], Effect::Requested, 2),
        (vec![hung(), fault(Class::Terminal)], Effect::Unknown, 2),
        (vec![refused(), fault(Class::Terminal)], Effect::None, 2),
        (vec![fault(Class::Terminal)], Effect::None, 1),
        (vec![Err(CallError::not_configured("no keys"))], Effect::None, 0),
    ] {
        let run = run(&["a"], 10.0, 60, script.clone()).await;
        let settlement = &run.settlements[0];
        assert_eq!((settlement.effect, settlement.attempts), (effect, attempts), "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_id_is_kept_in_the_order_of_the_attempts() {
    let run = run(&["a"], 10.0, 60, vec![fault(Class::Throttle), Ok("second")]).await;
    assert_eq!(run.settlements[0].service_request_ids, ["refused", "second"]);
}

#[tokio::test(start_paused = true)]
async fn a_shared_call_counts_for_each_request_on_it_and_for_no_other() {
    let exhausted = (0..6).map(|_| fault(Class::Retry)).collect();
    let run = run(&["a", "b", "c"], 20.0, 60, exhausted).await;
    // Both calls start side by side, and the faults fall to whichever asks.
    let attempts: Vec<u32> = run.settlements.iter().map(|settlement| settlement.attempts).collect();
    assert_eq!(attempts[0], attempts[1]);
    assert_eq!(attempts[0] + attempts[2], run.made.len() as u32);
}

#[tokio::test(start_paused = true)]
async fn a_shared_call_that_ran_out_of_attempts_fails_exactly_the_requests_on_it() {
    let replies = [Ok("first")].into_iter().chain((0..6).map(|_| fault(Class::Throttle))).collect();
    let run = run(&["ab", "c", "d", "e"], 20.0, 60, replies).await;
    // Calls are ab, cd and e; the first is taken, the faults hit cd and e until one has used up six.
    assert_eq!(run.settlements[1].status, run.settlements[2].status);
    assert_eq!(run.settlements[0].status, Status::Accepted);
    assert_eq!(run.settlements[1].attempts, run.settlements[2].attempts);
}

#[tokio::test(start_paused = true)]
async fn a_shared_call_that_is_refused_for_good_is_made_again_for_each_request_alone() {
    for (class, again) in [
        (Class::NotFound, true),
        (Class::Terminal, true),
        (Class::Unknown, true),
        (Class::Config, false),
        (Class::NotRunning, false),
    ] {
        let run = run(&["a", "b"], 20.0, 60, vec![fault(class), Ok("one"), fault(Class::Terminal)]).await;
        let expected = if again { vec!["ab", "a", "b"] } else { vec!["ab"] };
        assert_eq!(carried(&run), expected, "{class:?}");
        if again {
            assert_eq!(statuses(&run), [Status::Accepted, Status::Rejected], "{class:?}");
            assert_eq!(run.settlements[0].attempts, 2);
            assert_eq!(run.settlements[0].service_request_ids, ["refused", "one"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_share_its_call_is_not_asked_again() {
    let run = run(&["ab"], 20.0, 60, vec![fault(Class::Terminal)]).await;
    assert_eq!(carried(&run), ["ab"]);
    assert_eq!(statuses(&run), [Status::Rejected]);
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_waited_for_up_to_two_seconds_and_beyond_that_the_request_is_deferred() {
    let run = run(&["ab", "cd", "ef", "gh", "ij", "kl", "mn"], 1.0, 60, vec![]).await;
    let times: Vec<u128> = run.made.iter().map(|(_, at)| *at).collect();
    assert_eq!(carried(&run), ["ab", "cd", "ef", "gh", "ij"]);
    for (at, expected) in times.iter().zip([0, 500, 1_000, 1_500, 2_000]) {
        assert!(at.abs_diff(expected) <= 5, "{times:?}");
    }
    assert_eq!(statuses(&run)[5..], [Status::Deferred, Status::Deferred]);
    let settlement = &run.settlements[5];
    assert_eq!((settlement.attempts, settlement.effect, &settlement.error), (0, Effect::None, &None));
    // Their places differ, and each is when its permit comes.
    let deferred: Vec<usize> = run.deferred.iter().map(|(record, _)| *record).collect();
    assert_eq!(deferred, [5, 6]);
    assert!(
        run.deferred[0].1.abs_diff(2_500) <= 5 && run.deferred[1].1.abs_diff(3_000) <= 5,
        "{:?}",
        run.deferred
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_of_which_a_part_was_asked_waits_for_the_rest() {
    let run = run(&["abcdefghijklmn"], 1.0, 60, vec![]).await;
    assert_eq!(statuses(&run), [Status::Accepted]);
    assert_eq!(run.made.len(), 7);
    assert!(run.took.abs_diff(3_000) <= 10, "{}", run.took);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_begun_request_at_the_deadline_has_failed() {
    let run = run(&["abcdefghijklmn", "op"], 1.0, 2, vec![]).await;
    assert_eq!(statuses(&run), [Status::Failed, Status::Deferred]);
    let error = run.settlements[0].error.as_ref().expect("an error");
    assert_eq!(error.code, "DeadlineExceeded");
    assert_eq!(run.deferred.iter().map(|(record, _)| *record).collect::<Vec<_>>(), [1]);
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_before_the_call_does_not_slow_the_pace() {
    let unprepared = || Err(CallError::own(Class::Throttle, Answer::NotAsked, "Code", "message"));
    let run = run(&["a"], 1.0, 60, vec![unprepared(), unprepared(), unprepared()]).await;
    assert_eq!(statuses(&run), [Status::Accepted]);
    let times: Vec<u128> = run.made.iter().map(|(_, at)| *at).collect();
    // Two calls a second, as ever.
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] < 600), "{times:?}");
    assert_eq!(times.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_repeat_of_a_call_waits_for_its_permit_and_is_never_deferred() {
    // Every second refusal slows the pace, and the fourth permit comes after more than two seconds.
    let run =
        run(&["a"], 1.0, 60, vec![fault(Class::Throttle), fault(Class::Throttle), fault(Class::Throttle)])
            .await;
    assert_eq!(statuses(&run), [Status::Accepted]);
    let times: Vec<u128> = run.made.iter().map(|(_, at)| *at).collect();
    // At most 0.7 calls a second after the first refusal and the second, 0.49 after the third.
    for (pair, least) in times.windows(2).zip([714, 714, 1_020]) {
        assert!(pair[1] - pair[0] >= least, "{times:?}");
    }
    assert!(run.deferred.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_repeat_whose_permit_comes_past_the_deadline_keeps_the_services_error() {
    let run = run(&["a"], 1.0, 1, vec![fault(Class::Throttle), fault(Class::Throttle)]).await;
    assert_eq!(statuses(&run), [Status::Failed]);
    assert_eq!(run.settlements[0].error.as_ref().expect("an error").code, "Code");
}

#[tokio::test(start_paused = true)]
async fn equal_requests_are_one_call_in_the_order_in_which_they_come_up() {
    let expected = [Shared { call: "b", requests: vec![0, 2] }, Shared { call: "a", requests: vec![1] }];
    assert_eq!(equal(&[&"b", &"a", &"b"]), expected);
}

#[tokio::test(start_paused = true)]
async fn each_request_is_told_of_as_soon_as_its_own_calls_are_done() {
    // The calls are ab, cd and ef, at two a second; the second request is on the first two.
    let run = run(&["a", "bc", "d", "ef"], 1.0, 60, vec![]).await;
    assert_eq!(run.told, [0, 500, 500, 1_000]);
}

#[tokio::test(start_paused = true)]
async fn what_has_a_permit_and_no_slot_is_deferred_however_many_calls_it_needs() {
    let (retry, pace) = (Retry::new(6, 1), Pace::new([], None, &BTreeMap::new(), 1));
    let start = Instant::now();
    let until = start + Duration::from_secs(3);
    let deferred = RefCell::new(Vec::new());
    let context = Context {
        retry: &retry,
        pace: &pace,
        until,
        now: crate::timestamp::Timestamp::LATEST,
        invocation: &invocation(),
        max_pages: 1,
        deferred: &|record, _| deferred.borrow_mut().push(record),
        look_up_failed: &|_, _| {},
    };
    let hung = async || tokio::time::sleep(Duration::from_secs(60)).await;
    let target = Scripted::default();
    let named: [Vec<char>; 2] = ["a".chars().collect(), "bcde".chars().collect()];
    let asked = named.iter().enumerate().map(|(place, cancellation)| Asked {
        cancellation,
        requested_at: crate::timestamp::Timestamp::LATEST.into(),
        priority: Priority::Received(1),
        record: place,
    });
    let asked: Vec<_> = asked.collect();
    let statuses = RefCell::new(Vec::new());
    let told = |place, settlement: Settlement| {
        statuses.borrow_mut().push((place, settlement.status, settlement.attempts));
    };
    let busy = retry.run(until, async || {
        hung().await;
        Ok(())
    });
    tokio::join!(busy, settle(&target, &asked, &context, &told));
    let mut statuses = statuses.into_inner();
    statuses.sort_by_key(|(place, ..)| *place);
    assert_eq!(statuses, [(0, Status::Deferred, 0), (1, Status::Deferred, 0)]);
    let mut deferred = deferred.into_inner();
    deferred.sort_unstable();
    deferred.dedup();
    assert_eq!((deferred, target.made.into_inner()), (vec![0, 1], vec![]));
}

#[tokio::test(start_paused = true)]
async fn cancels_follow_the_first_attempt_of_what_goes_first_whatever_came_of_it() {
    for (script, made, status) in [
        (vec![Ok("A")], vec!["A", "ab"], Status::Accepted),
        (vec![fault(Class::Config)], vec!["A", "ab"], Status::Denied),
        (vec![fault(Class::Retry), Ok("a"), Ok("A")], vec!["A", "ab", "A"], Status::Accepted),
        (vec![Err(CallError::timeout(Duration::from_secs(5), None))], vec!["A", "ab", "A"], Status::Accepted),
    ] {
        let run = run(&["Aab"], 10.0, 30, script).await;
        assert_eq!((carried(&run), statuses(&run)), (made, vec![status]));
        // What goes first is no cancel.
        let settlement = &run.settlements[0];
        assert_eq!((settlement.attempts, settlement.service_request_ids.len()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn who_wants_nothing_to_go_first_waits_for_nobody() {
    let run = run(&["Aa", "bc"], 10.0, 30, vec![]).await;
    assert_eq!(carried(&run).len(), 3);
    assert_eq!(statuses(&run), [Status::Accepted; 2]);
    assert_eq!(run.settlements.iter().map(|it| it.attempts).collect::<Vec<_>>(), [1, 2]);
}
