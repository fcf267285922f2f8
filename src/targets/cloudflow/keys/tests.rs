use super::*;

fn keys(secret: &str) -> Arc<Keys> {
    Arc::new(Keys { id: "id".into(), secret: secret.into(), token: None })
}

#[test]
fn only_the_keys_that_were_refused_are_forgotten() {
    let (old, new) = (keys("old"), keys("new"));
    let mut kept = Kept { keys: Some(Arc::clone(&old)), ..Kept::default() };
    kept.forget(&new);
    assert_eq!(kept.keys, Some(Arc::clone(&old)));
    kept.forget(&old);
    assert_eq!(kept.keys, None);
    // They were fetched again, and are the same: that is for another call to find out.
    kept.keys = Some(Arc::new(Keys::clone(&old)));
    kept.forget(&old);
    assert!(kept.keys.is_some());
}

#[test]
fn keys_are_good_until_their_time_and_for_those_who_waited_for_them() {
    let (now, second) = (SystemTime::UNIX_EPOCH + SPARE, Duration::from_secs(1));
    let good = |until, fetches_before| {
        let kept = Kept { keys: Some(keys("key")), until, fetches: 1, ..Kept::default() };
        kept.known(fetches_before, now).is_some()
    };
    for (until, fetches_before, expected) in [
        (None, 1, true),
        (Some(now + second), 1, true),
        (Some(now), 1, false),
        (Some(now - second), 1, false),
        (Some(now - second), 0, true),
    ] {
        assert_eq!(good(until, fetches_before), expected, "{until:?} {fetches_before}");
    }
}

#[test]
fn a_failure_counts_for_those_who_waited_for_it_alone() {
    let failed = Some(CallError::no_result());
    let kept = Kept { failed, fetches: 1, ..Kept::default() };
    assert!(kept.known(0, SystemTime::UNIX_EPOCH).is_some_and(|known| known.is_err()));
    assert!(kept.known(1, SystemTime::UNIX_EPOCH).is_none());
}
