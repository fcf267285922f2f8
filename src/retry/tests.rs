use std::cell::{Cell, RefCell};

use tokio::time::advance;

use super::limits::{CONNECT_LIMIT, PREPARATION_LIMIT};
use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn error(class: Class) -> CallError {
    let mut error = CallError::service(class, "Code", "message");
    error.request_id = Some("id".into());
    error
}

/// Runs a call that fails as scripted, then succeeds, and says how often it was made and how long it took.
async fn run(max_attempts: u32, time: Duration, script: &[CallError]) -> (Attempts<()>, Vec<Duration>) {
    let start = Instant::now();
    let starts = RefCell::new(Vec::new());
    let attempts = Retry::new(max_attempts, 1)
        .run(start + time, async || {
            let number = starts.borrow().len();
            starts.borrow_mut().push(start.elapsed());
            script.get(number).map_or(Ok(()), |error| Err(error.clone()))
        })
        .await;
    (attempts, starts.into_inner())
}

#[tokio::test(start_paused = true)]
async fn each_class_is_tried_as_often_as_it_may_be() {
    for (class, calls) in [
        (Class::Throttle, 6),
        (Class::Retry, 6),
        (Class::RetryOnce, 2),
        (Class::KeysRefused, 2),
        (Class::NotFound, 1),
        (Class::NotRunning, 1),
        (Class::Terminal, 1),
        (Class::Config, 1),
        (Class::Expired, 1),
        (Class::Unknown, 1),
    ] {
        let (attempts, starts) = run(6, MINUTE, &vec![error(class); 9]).await;
        assert_eq!(starts.len(), calls, "{class:?}");
        assert_eq!(attempts.made as usize, calls, "{class:?}");
        assert_eq!(attempts.failed_request_ids.len(), calls, "{class:?}");
        assert_eq!(attempts.result.unwrap_err().class, class);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_fails_at_once_and_leaves_its_slot() {
    let retry = Retry::new(6, 1);
    let until = Instant::now() + MINUTE;
    let attempts = retry.run(until, async || -> Result<(), CallError> { panic!("on purpose") }).await;
    assert_eq!((attempts.made, attempts.unanswered), (1, true));
    assert_eq!(attempts.result.unwrap_err().code, "Panic");
    assert_eq!(retry.run(until, async || Ok(())).await.result, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_are_fetched_anew_once() {
    for (renewable, calls) in [(true, 2), (false, 1)] {
        let start = Instant::now();
        let retry = Retry::new(6, 1).renewing(move |used_at| renewable && used_at == start);
        let attempts = retry.run(start + MINUTE, async || Err::<(), _>(error(Class::Expired))).await;
        assert_eq!(attempts.made, calls, "{renewable}");
        assert_eq!(attempts.result.unwrap_err().class, Class::Expired);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_prepared_was_not_asked() {
    let start = Instant::now();
    let hanging = prepare(std::future::pending::<Result<(), CallError>>()).await.unwrap_err();
    assert_eq!(start.elapsed(), PREPARATION_LIMIT);
    assert_eq!((hanging.code.as_str(), hanging.class), ("Timeout", Class::Retry));
    let throttled = prepare(async { Err::<(), _>(error(Class::Throttle)) }).await.unwrap_err();
    let (attempts, starts) = run(6, MINUTE, &[hanging, throttled]).await;
    assert_eq!((attempts.made, starts.len(), attempts.unanswered), (1, 3, false));
    assert!(attempts.failed_request_ids.is_empty());
}

#[tokio::test(start_paused = true)]
async fn connecting_ends_with_its_limit() {
    let start = Instant::now();
    let hanging = connecting(std::future::pending::<Result<(), std::io::Error>>()).await.unwrap_err();
    assert_eq!((start.elapsed(), hanging.kind()), (CONNECT_LIMIT, std::io::ErrorKind::TimedOut));
    assert_eq!(connecting(async { Ok::<_, std::io::Error>(7) }).await.ok(), Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_success_after_failures_is_a_success() {
    let (attempts, _) = run(6, MINUTE, &[error(Class::Throttle), error(Class::RetryOnce)]).await;
    assert_eq!(attempts.result, Ok(()));
    assert_eq!(attempts.made, 3);
    assert_eq!(attempts.failed_request_ids, ["id", "id"]);
}

#[tokio::test(start_paused = true)]
async fn waits_grow_to_their_ceiling_with_full_jitter() {
    fastrand::seed(7);
    let mut longest = [Duration::ZERO; 11];
    for _ in 0..200 {
        let (_, starts) = run(12, MINUTE * 10, &vec![error(Class::Throttle); 12]).await;
        for (index, pair) in starts.windows(2).enumerate() {
            longest[index] = longest[index].max(pair[1] - pair[0]);
        }
    }
    for (index, longest) in longest.into_iter().enumerate() {
        let ceiling = Duration::from_millis((100 << index).min(5_000));
        assert!(longest <= ceiling + Duration::from_millis(1), "{index}: {longest:?}");
        assert!(longest > ceiling.mul_f64(0.9), "{index}: {longest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_services_retry_after_is_the_least_wait() {
    let mut throttled = error(Class::Throttle);
    throttled.retry_after = Some(Duration::from_secs(8));
    let (_, starts) = run(6, MINUTE, &[throttled]).await;
    assert!(starts[1] >= Duration::from_secs(8) && starts[1] < Duration::from_millis(8_010));
}

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_deadline_is_not_waited_for() {
    let mut throttled = error(Class::Throttle);
    throttled.retry_after = Some(MINUTE);
    let start = Instant::now();
    let (attempts, _) = run(6, MINUTE, &[throttled.clone()]).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(attempts.result, Err(throttled));
}

#[tokio::test(start_paused = true)]
async fn no_attempt_starts_past_the_deadline() {
    let (attempts, starts) = run(6, Duration::ZERO, &[]).await;
    assert_eq!((attempts.made, starts.len()), (0, 0));
    let error = attempts.result.unwrap_err();
    assert_eq!((error.code.as_str(), error.answer), ("DeadlineExceeded", Answer::NotAsked));
}

/// A call that never ends after the scripted failures.
async fn hang(time: Duration, script: &[CallError]) -> (Attempts<()>, Duration) {
    let start = Instant::now();
    let calls = Cell::new(0);
    let attempts = Retry::new(2, 1)
        .run(start + time, async || {
            calls.set(calls.get() + 1);
            match script.get(calls.get() - 1) {
                Some(error) => Err(error.clone()),
                None => std::future::pending().await,
            }
        })
        .await;
    (attempts, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn one_attempt_lasts_five_seconds_at_most() {
    let (attempts, took) = hang(MINUTE, &[]).await;
    assert_eq!(attempts.made, 2);
    assert!(attempts.unanswered);
    assert_eq!(attempts.result.unwrap_err().code, "Timeout");
    assert!(took >= ATTEMPT_LIMIT * 2 && took < ATTEMPT_LIMIT * 2 + Duration::from_millis(110));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_does_not_run_on_past_the_deadline() {
    let (attempts, took) = hang(Duration::from_secs(2), &[]).await;
    assert_eq!(took, Duration::from_secs(2));
    assert!(attempts.unanswered);
    assert_eq!(attempts.result.unwrap_err().code, "DeadlineExceeded");
}

#[tokio::test(start_paused = true)]
async fn what_the_deadline_cuts_off_keeps_the_services_last_error() {
    let (attempts, _) = hang(Duration::from_secs(2), &[error(Class::Throttle)]).await;
    assert_eq!(attempts.made, 2);
    assert!(attempts.unanswered);
    assert_eq!(attempts.result.unwrap_err().code, "Code");
}

#[tokio::test(start_paused = true)]
async fn what_the_service_said_last_is_kept_however_often_it_is_silent_after_that() {
    let silent = CallError::timeout(ATTEMPT_LIMIT, None);
    let first = CallError { code: "First".into(), ..error(Class::Throttle) };
    let answers = [silent.clone(), first, error(Class::Retry), silent.clone(), silent.clone(), silent];
    for (tries, code) in [(1, "Timeout"), (2, "First"), (3, "Code"), (4, "Code"), (5, "Code"), (6, "Code")] {
        let (attempts, _) = run(tries, MINUTE, &answers).await;
        let error = attempts.result.unwrap_err();
        assert_eq!((attempts.made, error.code.as_str()), (tries, code));
        assert_eq!(error.answer == Answer::Missing, tries != 2 && tries != 3, "{tries}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_could_not_be_made_is_not_counted() {
    let (attempts, _) = run(6, MINUTE, &[CallError::not_configured("no keys")]).await;
    assert_eq!(attempts.made, 0);
    assert!(!attempts.unanswered);
}

#[tokio::test(start_paused = true)]
async fn attempts_that_end_before_a_call_have_an_end_too() {
    let unfetched = CallError::own(Class::Retry, Answer::NotAsked, "ConnectionFailed", "no credentials");
    let (attempts, starts) = run(6, MINUTE, &vec![unfetched; 99]).await;
    assert_eq!((attempts.made, starts.len()), (0, 6));
}

#[tokio::test(start_paused = true)]
async fn at_most_so_many_calls_are_under_way_at_once() {
    let retry = Retry::new(1, 3);
    let (now, most) = (Cell::new(0), Cell::new(0));
    let calls = (0..10).map(|_| {
        retry.run(Instant::now() + MINUTE, async || {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            sleep(Duration::from_secs(1)).await;
            now.set(now.get() - 1);
            Ok(())
        })
    });
    let start = Instant::now();
    let results = futures_util::future::join_all(calls).await;
    assert!(results.iter().all(|attempts| attempts.result.is_ok()));
    assert_eq!(most.get(), 3);
    assert_eq!(start.elapsed(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_slot_counts_against_the_deadline() {
    let retry = Retry::new(1, 1);
    let until = Instant::now() + Duration::from_secs(1);
    let _taken = retry.in_flight.acquire().await;
    let attempts = retry.run(until, async || Ok(())).await;
    assert_eq!(attempts.made, 0);
    assert_eq!(Instant::now(), until);
    advance(Duration::ZERO).await;
}
