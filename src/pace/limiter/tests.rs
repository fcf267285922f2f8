use std::cell::RefCell;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::*;

const RETURNING: Priority = Priority::Received(2);

fn limiter(per_second: f64, burst: f64) -> Limiter {
    Limiter::new(Some(Quota { per_second, burst }), 1)
}

fn first(seconds: u64) -> Deadline {
    Deadline::First { until: Instant::now() + Duration::from_secs(seconds) }
}

fn begun(seconds: u64) -> Deadline {
    Deadline::Begun { until: Instant::now() + Duration::from_secs(seconds) }
}

/// When the permits come of those who join in this order, in milliseconds.
async fn permits(limiter: &Limiter, deadlines: &[Deadline]) -> Vec<Result<u128, Came>> {
    let start = Instant::now();
    let waiting = deadlines.iter().map(|deadline| limiter.join(RETURNING, *deadline)).collect::<Vec<_>>();
    join_all(waiting.into_iter().map(async |waiting| match waiting {
        Err(place) => Err(Came::Away(place)),
        Ok(waiting) => match waiting.permit().await {
            Came::Permit => Ok(start.elapsed().as_millis()),
            other => Err(other),
        },
    }))
    .await
}

fn close(actual: &Result<u128, Came>, expected: u128) -> bool {
    actual.is_ok_and(|actual| actual.abs_diff(expected) <= 3)
}

#[tokio::test(start_paused = true)]
async fn permits_come_in_the_order_of_joining_at_the_pace_of_the_limiter() {
    let permits = permits(&limiter(10.0, 2.0), &[first(60); 5]).await;
    for (permit, expected) in permits.iter().zip([0, 0, 100, 200, 300]) {
        assert!(close(permit, expected), "{permits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_permit_is_waited_for_up_to_two_seconds_and_one_of_the_begun_up_to_the_deadline() {
    let (limiter, deadline) = (limiter(1.0, 1.0), [first(60); 4]);
    let came = permits(&limiter, &deadline).await;
    assert!(close(&came[0], 0) && close(&came[1], 1_000) && close(&came[2], 2_000), "{came:?}");
    assert!(matches!(came[3], Err(Came::Away(place)) if place.as_millis().abs_diff(3_000) <= 3), "{came:?}");
    let came = permits(&self::limiter(1.0, 1.0), &[begun(3); 5]).await;
    assert!(close(&came[3], 3_000), "{came:?}");
    assert!(matches!(came[4], Err(Came::Away(_))), "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_was_promised_is_waited_for_though_the_process_is_a_little_late() {
    // The last is promised after just two seconds, and comes as much later as the first is taken.
    for (late, until, comes) in
        [(80, 60_000, true), (99, 60_000, true), (102, 60_000, false), (80, 2_081, true), (80, 2_070, false)]
    {
        let (limiter, start) = (limiter(1.0, 1.0), Instant::now());
        let deadline = Deadline::First { until: start + Duration::from_millis(until) };
        let joined: Vec<_> = (0..3).map(|_| limiter.join(RETURNING, deadline).expect("a permit")).collect();
        sleep(Duration::from_millis(late)).await;
        let came = join_all(joined.into_iter().map(Waiting::permit)).await;
        assert_eq!(came[..2], [Came::Permit; 2]);
        assert_eq!(came[2] == Came::Permit, comes, "{late} {until}: {came:?}");
        // Not in time, it is given up at the moment for which it was promised.
        let ended = if comes { 2_000 + late } else { 2_000 };
        assert!(
            start.elapsed().as_millis().abs_diff(ended.into()) <= 2,
            "{late} {until}: {:?}",
            start.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_call_leaves_time_to_be_repeated_where_the_limit_has_to_be_found() {
    // Refused once, five a second are left, the next permit is due after 40 ms, and two repeats take 114.
    for (until, comes) in [(156, true), (151, false)] {
        let (limiter, start) = (Limiter::new(None, 1), Instant::now());
        let joined: Vec<_> = (0..10).map(|_| limiter.join(RETURNING, first(60)).expect("a permit")).collect();
        join_all(joined.into_iter().map(Waiting::permit)).await;
        limiter.refused(start);
        let deadline = Deadline::First { until: start + Duration::from_millis(until) };
        assert_eq!(limiter.join(RETURNING, deadline).is_ok(), comes, "{until}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_is_that_of_the_next_permit_and_no_two_are_the_same() {
    let limiter = limiter(2.0, 1.0);
    assert_eq!(limiter.join(RETURNING, first(60)).expect("the burst").permit().await, Came::Permit);
    let waiting = limiter.join(RETURNING, first(60)).expect("a permit");
    let places = [(); 3].map(|()| limiter.place(RETURNING).as_millis());
    assert!(
        places.iter().zip([1_000, 1_500, 2_000]).all(|(place, due)| place.abs_diff(due) <= 1),
        "{places:?}"
    );
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn it_tells_how_many_permits_come_in_a_time_and_how_long_so_many_calls_take() {
    let limiter = limiter(2.0, 10.0);
    assert_eq!(limiter.permits_in(Duration::from_millis(2_500)), 5);
    assert_eq!(limiter.time_for(10), Duration::ZERO);
    assert!(limiter.time_for(12).as_millis().abs_diff(1_000) <= 1);
}

#[tokio::test(start_paused = true)]
async fn waiting_counts_against_the_deadline() {
    let came = permits(&limiter(1.0, 1.0), &[first(1), first(1), first(1)]).await;
    assert!(close(&came[1], 1_000) && matches!(came[2], Err(Came::Away(_))), "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn the_repeat_of_a_call_goes_first() {
    let repeat = Deadline::Repeat { until: Instant::now() + Duration::from_secs(60) };
    let came = permits(&limiter(1.0, 1.0), &[first(60), first(60), repeat]).await;
    assert!(close(&came[2], 1_000) || close(&came[2], 0), "{came:?}");
    assert!(close(&came[1], 2_000), "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn a_throttle_answer_moves_the_permits_of_all_who_wait() {
    let limiter = limiter(2.0, 1.0);
    let start = Instant::now();
    let waiting: Vec<_> = (0..4).map(|_| limiter.join(RETURNING, begun(60)).expect("a place")).collect();
    let came = RefCell::new(Vec::new());
    let wait = join_all(waiting.into_iter().map(async |waiting| {
        waiting.permit().await;
        came.borrow_mut().push(start.elapsed().as_millis());
    }));
    let refuse = async {
        sleep(Duration::from_millis(100)).await;
        limiter.refused(start);
    };
    tokio::join!(wait, refuse);
    // At the old pace the last would have gone after 1.5 s.
    let came = came.into_inner();
    assert!(came[3] > 1_900, "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_moves_too_far_away_becomes_a_place_in_line() {
    let limiter = limiter(2.0, 1.0);
    let start = Instant::now();
    let taken = limiter.join(RETURNING, first(60)).expect("a place");
    assert_eq!(taken.permit().await, Came::Permit);
    let waiting = [(); 4].map(|()| limiter.join(RETURNING, first(60)).expect("a permit within two seconds"));
    limiter.refused(start);
    let came = join_all(waiting.map(Waiting::permit)).await[3];
    assert!(matches!(came, Came::Away(_)), "{came:?}");
    assert!(start.elapsed() <= Duration::from_millis(2_010));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_gives_the_place_up() {
    let limiter = limiter(1.0, 1.0);
    let start = Instant::now();
    let [taken, leaving, staying] = [(); 3].map(|()| limiter.join(RETURNING, first(60)).expect("a place"));
    assert_eq!(taken.permit().await, Came::Permit);
    drop(leaving);
    assert_eq!(staying.permit().await, Came::Permit);
    assert!(start.elapsed().as_millis().abs_diff(1_000) <= 3);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_comes_at_its_place_finds_its_permit() {
    let limiter = limiter(2.0, 1.0);
    let start = Instant::now();
    let new = Priority::Received(1);
    assert_eq!(limiter.join(new, first(60)).expect("the burst").permit().await, Came::Permit);
    // A backlog of twenty: the first four wait, the others are sent away, each to its own place.
    let joined: Vec<_> = (0..20).map(|_| limiter.join(new, first(60))).collect();
    let mut places: Vec<Instant> =
        joined.iter().filter_map(|joined| joined.as_ref().err()).map(|place| start + *place).collect();
    assert_eq!(places.len(), 16);
    join_all(joined.into_iter().flatten().map(Waiting::permit)).await;
    places.sort();
    for place in places {
        tokio::time::sleep_until(place).await;
        // Newcomers do not take the permits of those who were there before.
        assert!(
            limiter.join(new, first(60)).is_err()
                || limiter.state().line.ahead(new, 2.0, Instant::now()).is_zero()
        );
        let returned = limiter.join(RETURNING, first(60)).expect("a permit");
        let before = Instant::now();
        assert_eq!(returned.permit().await, Came::Permit);
        assert!(before.elapsed() <= Duration::from_millis(5), "{:?}", before.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_processes_each_takes_its_part() {
    let limiter = Limiter::new(Some(Quota { per_second: 10.0, burst: 10.0 }), 5);
    let came = permits(&limiter, &[first(60); 4]).await;
    for (came, expected) in came.iter().zip([0, 0, 500, 1_000]) {
        assert!(close(came, expected), "{came:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_permit_is_waited_for_two_seconds_to_the_millisecond() {
    // The second permit comes after just two seconds, or just a little later.
    for (per_second, waits) in [(0.5, true), (0.4999, false)] {
        let limiter = limiter(per_second, 1.0);
        let start = Instant::now();
        assert_eq!(limiter.join(RETURNING, first(60)).expect("the burst").permit().await, Came::Permit);
        let joined = limiter.join(RETURNING, first(60));
        assert_eq!(joined.is_ok(), waits, "{per_second}");
        if let Ok(waiting) = joined {
            assert_eq!(waiting.permit().await, Came::Permit);
            assert!(start.elapsed().as_millis().abs_diff(2_000) <= 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_would_come_later_sends_the_record_away_at_once() {
    let limiter = limiter(1.0, 1.0);
    let start = Instant::now();
    let joined: Vec<_> = (0..6).map(|_| limiter.join(RETURNING, first(60))).collect();
    assert_eq!(start.elapsed(), Duration::ZERO);
    let places = joined.iter().map(|joined| joined.as_ref().err());
    let seconds: Vec<_> = places.map(|place| place.map(|place| place.as_secs_f64().round())).collect();
    // Each has a place of its own, in its order, behind those that wait.
    assert_eq!(seconds, [None, None, None, Some(3.0), Some(4.0), Some(5.0)]);
}

#[tokio::test(start_paused = true)]
async fn the_repeat_of_a_call_waits_for_its_permit_up_to_the_deadline_and_no_further() {
    for (until, comes) in [(5_000, true), (4_999, false)] {
        let limiter = limiter(0.2, 1.0);
        assert_eq!(limiter.join(RETURNING, first(60)).expect("the burst").permit().await, Came::Permit);
        let repeat = Deadline::Repeat { until: Instant::now() + Duration::from_millis(until) };
        assert_eq!(limiter.join(RETURNING, repeat).is_ok(), comes, "{until}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_moves_past_the_deadline_never_comes() {
    let limiter = limiter(1.0, 1.0);
    let start = Instant::now();
    assert_eq!(limiter.join(RETURNING, first(60)).expect("the burst").permit().await, Came::Permit);
    let waiting = [(); 3].map(|()| limiter.join(RETURNING, begun(3)).expect("a permit within three seconds"));
    // Of three calls 2.5 are left to come, at a pace of 0.7 a second.
    limiter.refused(start);
    let came = join_all(waiting.map(Waiting::permit)).await;
    assert_eq!(came, [Came::Permit, Came::Permit, Came::Never]);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_there_is_taken_even_where_no_time_is_left() {
    let limiter = limiter(1.0, 2.0);
    for deadline in [first(0), begun(0)] {
        assert_eq!(limiter.join(RETURNING, deadline).expect("a permit").permit().await, Came::Permit);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pace_that_nobody_waits_for_does_not_rise() {
    // Where no quota is published, only calls that had to wait say that more is wanted.
    let rate_after = async |wanted: bool| {
        let limiter = Limiter::new(None, 1);
        for _ in 0..3 {
            let start = Instant::now();
            let joins = if wanted { 11 } else { 5 };
            let joined: Vec<_> =
                (0..joins).map(|_| limiter.join(RETURNING, first(60)).expect("a permit")).collect();
            join_all(joined.into_iter().map(Waiting::permit)).await;
            sleep(Duration::from_secs(1)).await;
            limiter.taken(start);
        }
        limiter.state().bucket.rate()
    };
    assert_eq!(rate_after(false).await, 10.0);
    assert!(rate_after(true).await > 10.0);
}

#[tokio::test(start_paused = true)]
async fn places_are_given_up_where_nobody_comes_who_was_sent_away() {
    let limiter = limiter(2.0, 10.0);
    let new = Priority::Received(1);
    let joined: Vec<_> = (0..264).map(|_| limiter.join(new, first(60))).collect();
    assert_eq!(joined.iter().filter(|joined| joined.is_err()).count(), 250);
    join_all(joined.into_iter().flatten().map(Waiting::permit)).await;
    // In the meantime those in line may still come: a queue counts whole seconds.
    sleep(Duration::from_secs(2)).await;
    assert!(limiter.join(new, first(60)).is_err_and(|place| place > Duration::from_secs(100)));
    // The queue was purged.
    sleep(Duration::from_secs(5)).await;
    let joined: Vec<_> = (0..12).map(|_| limiter.join(new, first(60))).collect();
    assert!(joined.iter().all(Result::is_ok), "{:?}", joined.last());
}

#[tokio::test(start_paused = true)]
async fn places_are_kept_while_those_come_who_were_sent_away() {
    // Of a burst of one nothing is left over while each comes up to a second late, as a queue has it.
    let limiter = limiter(2.0, 1.0);
    let new = Priority::Received(1);
    let joined: Vec<_> = (0..45).map(|_| limiter.join(new, first(60))).collect();
    join_all(joined.into_iter().flatten().map(Waiting::permit)).await;
    for _ in 0..15 {
        sleep(Duration::from_secs(1)).await;
        assert!(limiter.join(new, first(60)).is_err(), "those in line come first");
        for _ in 0..2 {
            let returned = limiter.join(RETURNING, first(60)).expect("a permit");
            assert_eq!(returned.permit().await, Came::Permit);
        }
    }
}
