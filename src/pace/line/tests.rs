use super::*;

const FIRST: Priority = Priority::Received(1);

fn places(processes: u32, priority: Priority, rate: f64, count: usize) -> Vec<f64> {
    let (mut line, now) = (Line::new(processes), Instant::now());
    let permit = seconds(1.0 / rate);
    (0..count).map(|_| line.place(priority, permit, rate, now).as_secs_f64()).collect()
}

#[test]
fn the_only_process_hands_out_its_own_permits() {
    assert_eq!(places(1, FIRST, 2.0, 4), [0.5, 1.0, 1.5, 2.0]);
}

#[test]
fn places_are_remembered_so_that_a_backlog_does_not_return_together() {
    let now = Instant::now();
    for processes in [1, 10] {
        let mut line = Line::new(processes);
        let places: Vec<Duration> =
            (0..1_000).map(|_| line.place(FIRST, Duration::from_secs(1), 2.0, now)).collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{processes}");
        // A moment later the line is still there.
        let later = now + Duration::from_secs(10);
        let next = line.place(FIRST, Duration::from_secs(1), 2.0, later);
        assert!(later + next > now + places[999], "{processes}");
    }
}

#[test]
fn whoever_comes_for_the_first_time_is_behind_the_line() {
    let (mut line, now) = (Line::new(1), Instant::now());
    for _ in 0..4 {
        line.place(FIRST, seconds(0.5), 2.0, now);
    }
    assert_eq!(line.ahead(FIRST, 2.0, now), seconds(2.5));
    assert_eq!(line.ahead(Priority::Received(2), 2.0, now), Duration::ZERO);
    assert_eq!(line.ahead(Priority::Urgent, 2.0, now), Duration::ZERO);
    assert_eq!(line.ahead(FIRST, 2.0, now + seconds(2.0)), Duration::ZERO);
}

#[test]
fn where_another_process_may_be_free_a_record_comes_again_sooner() {
    let (alone, among_ten) = (places(1, FIRST, 0.2, 9), places(10, FIRST, 0.2, 9));
    assert!(alone[8] >= 45.0 && among_ten[8] <= 5.0, "{alone:?} {among_ten:?}");
}

#[test]
fn who_was_sent_away_often_waits_more_patiently_and_at_last_for_this_processs_own_permit() {
    let reach = |receives| places(10, Priority::Received(receives), 0.2, 10)[9];
    let reaches: Vec<f64> = [1, 4, 8, 12, 16].map(reach).into();
    assert!(reaches.windows(2).all(|pair| pair[0] <= pair[1]), "{reaches:?}");
    assert!(reaches[0] < 5.0 && reaches[4] > 44.0, "{reaches:?}");
}

#[test]
fn each_time_a_record_was_sent_away_moves_its_place_by_a_seventh_and_from_the_thirteenth_by_as_much_again() {
    let apart = |receives| {
        let places = places(10, Priority::Received(receives), 0.05, 2);
        places[1] - places[0]
    };
    let growth = |receives| apart(receives) / apart(1);
    assert!((apart(1) - 1.4).abs() < 1e-6, "{}", apart(1));
    for (receives, expected) in
        [(2, 1.15), (3, 1.3225), (13, 1.15_f64.powi(12)), (14, 2.0 * 1.15_f64.powi(12))]
    {
        assert!((growth(receives) - expected).abs() < 1e-6, "{receives}: {}", growth(receives));
    }
}

#[test]
fn no_place_is_further_away_than_visibility_reaches() {
    assert!(places(1, FIRST, 0.001, 100).iter().all(|place| *place <= 42_300.0));
}

#[test]
fn what_shares_a_call_goes_with_the_one_that_waited_longest() {
    let (one, five) = (Priority::Received(1), Priority::Received(5));
    assert_eq!(Priority::highest([one, five, one].into_iter()), five);
    assert_eq!(Priority::highest([one, Priority::Urgent].into_iter()), Priority::Urgent);
}

#[test]
fn a_line_is_given_up_where_permits_went_unused_and_nobody_came_back() {
    let start = Instant::now();
    let returned = Priority::Received(2);
    for (rate, unused, came_back, given_up) in [
        (2.0, 4.0, None, true),
        (2.0, 3.9, None, false),
        (2.0, 60.0, Some(3.9), false),
        (2.0, 60.0, Some(4.0), true),
        // At a slow pace it is two permits.
        (0.1, 19.9, None, false),
        (0.1, 20.0, None, true),
        (0.1, 60.0, Some(19.9), false),
    ] {
        let mut line = Line::new(1);
        line.place(FIRST, seconds(1_000.0), rate, start);
        let now = start + seconds(100.0);
        if let Some(ago) = came_back {
            line.comes(returned, seconds(unused), rate, now - seconds(ago));
        }
        line.comes(FIRST, seconds(unused), rate, now);
        assert_eq!(line.ahead(FIRST, rate, now).is_zero(), given_up, "{rate} {unused} {came_back:?}");
    }
}
