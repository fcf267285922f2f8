use super::*;

fn quota(per_second: f64, burst: f64) -> Quota {
    Quota { per_second, burst }
}

/// A bucket and the moment of its making.
fn bucket(quota: Quota, published: bool) -> (Bucket, Instant) {
    let now = Instant::now();
    (Bucket::new(quota, published, now), now)
}

fn after(start: Instant, millis: u64) -> Instant {
    start + Duration::from_millis(millis)
}

/// Makes as many calls as the bucket allows at this moment, all wanted and all taken.
fn call_all(bucket: &mut Bucket, now: Instant) -> usize {
    bucket.fill(now);
    let mut calls = 0;
    while bucket.wait_for(1.0).is_zero() {
        bucket.take(now);
        calls += 1;
    }
    bucket.wanted(now);
    for _ in 0..calls {
        bucket.taken(now, now);
    }
    calls
}

#[test]
fn a_burst_goes_at_once_and_then_so_many_a_second() {
    let (mut bucket, start) = bucket(quota(2.0, 10.0), true);
    let calls: Vec<usize> =
        [0, 400, 500, 1_000, 60_000].map(|millis| call_all(&mut bucket, after(start, millis))).into();
    assert_eq!(calls, [10, 0, 1, 1, 10]);
}

#[test]
fn a_published_quota_is_never_exceeded_however_many_succeed() {
    let (mut bucket, start) = bucket(quota(2.0, 1.0), true);
    for second in 0..100 {
        call_all(&mut bucket, after(start, second * 1_000));
    }
    assert_eq!(bucket.rate(), 2.0);
}

#[test]
fn where_no_quota_is_published_the_rate_doubles_each_second_that_uses_it() {
    let (mut bucket, start) = bucket(quota(10.0, 10.0), false);
    let mut rates = Vec::new();
    for tenth in 0..=30 {
        call_all(&mut bucket, after(start, tenth * 100));
        if tenth % 10 == 0 {
            rates.push(bucket.rate());
        }
    }
    assert_eq!(rates, [10.0, 20.0, 40.0, 80.0]);
}

#[test]
fn a_pace_that_nobody_needs_teaches_nothing() {
    let (mut bucket, start) = bucket(quota(10.0, 10.0), false);
    for second in 0..60 {
        let now = after(start, second * 1_000);
        bucket.fill(now);
        bucket.take(now);
        bucket.taken(now, now);
    }
    assert_eq!(bucket.rate(), 10.0);
}

#[test]
fn the_wait_foresees_the_doubling() {
    let (mut bucket, start) = bucket(quota(10.0, 10.0), false);
    assert_eq!(call_all(&mut bucket, start), 10);
    for (count, millis) in [(1.0, 100), (10.0, 1_000), (20.0, 1_500), (30.0, 2_000), (50.0, 2_500)] {
        let wait = bucket.wait_for(count);
        assert!(wait.as_millis().abs_diff(millis) <= 1, "{count}: {wait:?}");
    }
}

#[test]
fn a_throttle_answer_lowers_the_pace_at_once_and_once_for_a_burst() {
    for (published, left) in [(true, 0.7), (false, 0.5)] {
        let (mut bucket, start) = bucket(quota(10.0, 10.0), published);
        assert_eq!(call_all(&mut bucket, start), 10);
        let heard = after(start, 20);
        let lowered: Vec<bool> = (0..10).map(|_| bucket.refused(start, heard)).collect();
        assert_eq!(lowered.iter().filter(|lowered| **lowered).count(), 1);
        assert_eq!(bucket.rate(), 10.0 * left);
        // The first after that came sooner than the pace lets calls come; the second says something new.
        for (call, lowered) in [(1, left), (2, left * 0.7), (3, left * 0.7)] {
            let started = after(start, call * 100);
            bucket.take(started);
            assert!(bucket.refused(started, started));
            assert!(close(bucket.rate(), 10.0 * lowered), "{call}: {}", bucket.rate());
        }
    }
}

#[test]
fn a_throttle_answer_leaves_half_of_a_token_for_the_repeat() {
    let (mut bucket, start) = bucket(quota(2.0, 10.0), true);
    // The next too, which does not lower the pace.
    for call in 0..2 {
        let now = after(start, call);
        bucket.take(now);
        assert!(bucket.refused(now, now));
        assert_eq!((bucket.rate(), bucket.wait_for(1.0).as_millis()), (0.7, 714));
    }
}

/// The rate after so many successes.
fn after_successes(bucket: &mut Bucket, start: Instant, count: usize) -> f64 {
    (0..count).for_each(|_| _ = bucket.taken(after(start, 1), after(start, 2)));
    bucket.rate()
}

fn close(actual: f64, expected: f64) -> bool {
    (actual - expected).abs() < 1e-9
}

#[test]
fn success_raises_the_pace_fast_to_where_it_was_surely_right_then_slowly_and_no_further() {
    let (mut bucket, start) = bucket(quota(10.0, 10.0), true);
    call_all(&mut bucket, start);
    bucket.refused(start, start);
    assert_eq!(bucket.rate(), 7.0);
    for (more, expected) in [(1, 7.7), (1, 8.47), (1, 9.0), (1, 9.18), (100, 10.0)] {
        let rate = after_successes(&mut bucket, start, more);
        assert!(close(rate, expected), "{rate} {expected}");
    }
    // Refused before it was there again, it is sure of less.
    let (mut bucket, start) = self::bucket(quota(10.0, 10.0), true);
    call_all(&mut bucket, start);
    bucket.refused(start, start);
    let later = after(start, 1_100);
    (0..2).for_each(|_| bucket.take(later));
    bucket.refused(later, later);
    let rate = after_successes(&mut bucket, later, 3);
    assert!(close(rate, 6.3), "{rate}");
}

#[test]
fn a_burst_that_is_refused_says_nothing_of_a_rate_that_is_known() {
    for (burst, sure) in [(3.0, 2.0), (2.0, 1.8)] {
        let (mut bucket, start) = bucket(quota(2.0, burst), true);
        call_all(&mut bucket, start);
        bucket.refused(start, start);
        assert_eq!(bucket.rate(), 1.4);
        let rate = after_successes(&mut bucket, start, 4);
        assert!(close(rate, if sure == 2.0 { 2.0 } else { 1.8 * 1.02 }), "{burst}: {rate}");
    }
}

#[test]
fn time_is_left_for_two_repeats_where_a_call_may_be_refused() {
    for (published, before, wait, repeats) in [(true, 0, 714, 2_040), (false, 571, 400, 1_142)] {
        let (mut bucket, start) = bucket(quota(1.0, 1.0), published);
        assert_eq!(bucket.time_to_repeat().as_millis(), before);
        bucket.take(start);
        bucket.refused(start, start);
        let found = [bucket.wait_for(1.0), bucket.time_to_repeat()].map(|wait| wait.as_millis());
        assert!(found[0].abs_diff(wait) <= 1 && found[1].abs_diff(repeats) <= 1, "{published}: {found:?}");
    }
}

#[test]
fn a_rate_that_was_not_tried_is_not_the_one_that_was_refused() {
    let (mut bucket, start) = bucket(quota(100.0, 100.0), true);
    bucket.take(start);
    bucket.refused(start, after(start, 10));
    assert_eq!(bucket.rate(), 35.0);
}

#[test]
fn the_pace_never_stops() {
    let (mut bucket, start) = bucket(quota(10.0, 10.0), true);
    for call in 0..100 {
        (0..2).for_each(|_| bucket.take(after(start, call * 10 + 1)));
        bucket.refused(after(start, call * 10 + 1), after(start, call * 10 + 2));
    }
    assert_eq!(bucket.rate(), 0.5);
}

#[test]
fn a_limit_that_is_not_known_is_found() {
    // A service that allows 40 calls a second; the function asks for as much as it may.
    let (mut bucket, start) = bucket(quota(10.0, 10.0), false);
    let (mut allowed, mut made, mut refused) = (40.0_f64, 0, 0);
    for tick in 0..6_000 {
        let now = after(start, tick * 10);
        allowed = (allowed + 0.4).min(40.0);
        bucket.fill(now);
        while bucket.wait_for(1.0).is_zero() {
            bucket.take(now);
            bucket.wanted(now);
            made += 1;
            if allowed >= 1.0 {
                allowed -= 1.0;
                bucket.taken(now, now);
            } else {
                refused += 1;
                bucket.refused(now, now);
            }
        }
    }
    let taken = made - refused;
    assert!((1_900..=2_440).contains(&taken), "{taken} of 2400 in a minute");
    assert!(refused * 20 < made, "{refused} of {made} refused");
}

#[test]
fn what_nobody_takes_is_counted_beyond_the_burst() {
    let (mut bucket, start) = bucket(quota(2.0, 10.0), true);
    assert_eq!(call_all(&mut bucket, start), 10);
    for (millis, unused) in [(0, 0), (500, 0), (1_500, 1_000), (5_000, 4_500), (9_000, 8_500)] {
        bucket.fill(after(start, millis));
        assert!(bucket.unused().as_millis().abs_diff(unused) <= 1, "{millis}: {:?}", bucket.unused());
    }
    bucket.take(after(start, 9_000));
    assert_eq!(bucket.unused().as_millis(), 4_000);
}
