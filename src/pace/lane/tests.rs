use std::cell::RefCell;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::*;

const RETURNING: Standing = Standing::Received(2);

fn lane(per_second: f64, burst: f64) -> Lane {
    Lane::new(Some(Quota { per_second, burst }), 1)
}

fn first(seconds: u64) -> Patience {
    Patience::First { until: Instant::now() + Duration::from_secs(seconds) }
}

fn begun(seconds: u64) -> Patience {
    Patience::Begun { until: Instant::now() + Duration::from_secs(seconds) }
}

/// When the turns come of those who join in this order, in milliseconds.
async fn turns(lane: &Lane, patiences: &[Patience]) -> Vec<Result<u128, Came>> {
    let start = Instant::now();
    let waiting = patiences.iter().map(|patience| lane.join(RETURNING, *patience)).collect::<Vec<_>>();
    join_all(waiting.into_iter().map(async |waiting| match waiting {
        Err(place) => Err(Came::Away(place)),
        Ok(waiting) => match waiting.turn().await {
            Came::Turn => Ok(start.elapsed().as_millis()),
            other => Err(other),
        },
    }))
    .await
}

fn close(actual: &Result<u128, Came>, expected: u128) -> bool {
    actual.is_ok_and(|actual| actual.abs_diff(expected) <= 3)
}

#[tokio::test(start_paused = true)]
async fn turns_come_in_the_order_of_joining_at_the_pace_of_the_lane() {
    let turns = turns(&lane(10.0, 2.0), &[first(60); 5]).await;
    for (turn, expected) in turns.iter().zip([0, 0, 100, 200, 300]) {
        assert!(close(turn, expected), "{turns:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_turn_is_waited_for_up_to_two_seconds_and_one_of_the_begun_up_to_the_deadline() {
    let (lane, patience) = (lane(1.0, 1.0), [first(60); 4]);
    let came = turns(&lane, &patience).await;
    assert!(close(&came[0], 0) && close(&came[1], 1_000) && close(&came[2], 2_000), "{came:?}");
    assert!(matches!(came[3], Err(Came::Away(place)) if place.as_millis().abs_diff(3_000) <= 3), "{came:?}");
    let came = turns(&self::lane(1.0, 1.0), &[begun(3); 5]).await;
    assert!(close(&came[3], 3_000), "{came:?}");
    assert!(matches!(came[4], Err(Came::Away(_))), "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn waiting_counts_against_the_deadline() {
    let came = turns(&lane(1.0, 1.0), &[first(1), first(1), first(1)]).await;
    assert!(close(&came[1], 1_000) && matches!(came[2], Err(Came::Away(_))), "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn the_repeat_of_a_call_goes_first() {
    let repeat = Patience::Repeat { until: Instant::now() + Duration::from_secs(60) };
    let came = turns(&lane(1.0, 1.0), &[first(60), first(60), repeat]).await;
    assert!(close(&came[2], 1_000) || close(&came[2], 0), "{came:?}");
    assert!(close(&came[1], 2_000), "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn a_throttle_answer_moves_the_turns_of_all_who_wait() {
    let lane = lane(2.0, 1.0);
    let start = Instant::now();
    let waiting: Vec<_> = (0..4).map(|_| lane.join(RETURNING, begun(60)).expect("a place")).collect();
    let came = RefCell::new(Vec::new());
    let wait = join_all(waiting.into_iter().map(async |waiting| {
        waiting.turn().await;
        came.borrow_mut().push(start.elapsed().as_millis());
    }));
    let refuse = async {
        sleep(Duration::from_millis(100)).await;
        lane.refused(start);
    };
    tokio::join!(wait, refuse);
    // At the old pace the last would have gone after 1.5 s.
    let came = came.into_inner();
    assert!(came[3] > 1_900, "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_moves_too_far_away_becomes_a_place_in_line() {
    let lane = lane(1.0, 1.0);
    let start = Instant::now();
    let taken = lane.join(RETURNING, first(60)).expect("a place");
    assert_eq!(taken.turn().await, Came::Turn);
    let (second, third) = (lane.join(RETURNING, first(60)), lane.join(RETURNING, first(60)));
    let third = third.expect("a turn after two seconds");
    lane.refused(start);
    let (came, _) = tokio::join!(third.turn(), second.expect("a place").turn());
    assert!(matches!(came, Came::Away(_)), "{came:?}");
    assert!(start.elapsed() <= Duration::from_millis(2_010));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_gives_the_place_up() {
    let lane = lane(1.0, 1.0);
    let start = Instant::now();
    let [taken, leaving, staying] = [(); 3].map(|()| lane.join(RETURNING, first(60)).expect("a place"));
    assert_eq!(taken.turn().await, Came::Turn);
    drop(leaving);
    assert_eq!(staying.turn().await, Came::Turn);
    assert!(start.elapsed().as_millis().abs_diff(1_000) <= 3);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_comes_at_its_place_finds_its_turn() {
    let lane = lane(2.0, 1.0);
    let start = Instant::now();
    let new = Standing::Received(1);
    assert_eq!(lane.join(new, first(60)).expect("the burst").turn().await, Came::Turn);
    // A backlog of twenty: the first four wait, the others are sent away, each to its own place.
    let joined: Vec<_> = (0..20).map(|_| lane.join(new, first(60))).collect();
    let mut places: Vec<Instant> =
        joined.iter().filter_map(|joined| joined.as_ref().err()).map(|place| start + *place).collect();
    assert_eq!(places.len(), 16);
    join_all(joined.into_iter().flatten().map(Waiting::turn)).await;
    places.sort();
    for place in places {
        tokio::time::sleep_until(place).await;
        // Newcomers do not take the turns of those who were there before.
        assert!(
            lane.join(new, first(60)).is_err() || lane.state().line.ahead(new, 2.0, Instant::now()).is_zero()
        );
        let returned = lane.join(RETURNING, first(60)).expect("a turn");
        let before = Instant::now();
        assert_eq!(returned.turn().await, Came::Turn);
        assert!(before.elapsed() <= Duration::from_millis(5), "{:?}", before.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_processes_each_takes_its_part() {
    let lane = Lane::new(Some(Quota { per_second: 10.0, burst: 10.0 }), 5);
    let came = turns(&lane, &[first(60); 4]).await;
    for (came, expected) in came.iter().zip([0, 0, 500, 1_000]) {
        assert!(close(came, expected), "{came:?}");
    }
}
