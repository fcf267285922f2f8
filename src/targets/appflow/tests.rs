use serde_json::json;

use super::*;

fn cancellation(ids: &[&str]) -> Cancellation {
    let ids = Ids::new(ids.iter().map(|id| (*id).into()).collect());
    Cancellation {
        flow_name: "orders".into(),
        runs: ids.map_or(Runs::AllActive { in_words: false }, Runs::Named),
        deactivate: false,
    }
}

/// Each answer is for one call: `Ok` with the invalid ids, or the class of the failure.
fn conclude(cancellation: &Cancellation, answers: Vec<Result<&[&str], Class>>) -> Conclusion<Tally> {
    let target = AppFlow(aws_sdk_appflow::Client::from_conf(
        aws_sdk_appflow::Config::builder()
            .behavior_version(aws_sdk_appflow::config::BehaviorVersion::v2026_01_12())
            .build(),
    ));
    let calls = target.calls(&[cancellation]);
    assert_eq!(calls.len(), answers.len(), "one answer for each call");
    let results: Vec<Result<Reply, CallError>> = answers
        .into_iter()
        .map(|answer| {
            answer
                .map(|invalid| Reply { invalid: invalid.iter().map(|id| (*id).into()).collect() })
                .map_err(|class| CallError::service(class, &format!("{class:?}"), "message"))
        })
        .collect();
    let answers = calls.iter().zip(&results);
    let answers = answers.map(|(shared, result)| Answered {
        call: &shared.call,
        result: result.as_ref(),
        began: None,
        repeated: false,
    });
    target.conclude(cancellation, &answers.collect::<Vec<_>>())
}

#[test]
fn an_empty_list_cannot_be_built_and_repeated_ids_are_dropped() {
    assert_eq!(Ids::new(Vec::new()), None);
    let ids = ["b", "a", "b", "c", "a"].map(String::from).to_vec();
    assert_eq!(Ids::new(ids).map(|ids| ids.0), Some(["b", "a", "c"].map(String::from).to_vec()));
}

#[test]
fn ids_are_split_by_a_hundred_in_their_order() {
    let ids: Vec<String> = (0..250).map(|index| format!("id-{index}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let conclusion = conclude(&cancellation(&ids), vec![Ok(&[]), Ok(&[]), Ok(&[])]);
    let executions = conclusion.result.expect("a result")["executions"].clone();
    let told: Vec<_> = executions.as_array().expect("a list").iter().map(|it| &it["executionId"]).collect();
    assert_eq!(told, ids);
}

#[test]
fn the_invalid_ids_decide_between_accepted_partial_and_not_running() {
    let request = cancellation(&["a", "b"]);
    for (invalid, status, taken, counts) in [
        (&[][..], Status::Accepted, true, json!({"requested": 2, "accepted": 2})),
        (&["b"], Status::Partial, true, json!({"requested": 2, "accepted": 1, "unexplained": 1})),
        (&["b", "a"], Status::NotRunning, false, json!({"requested": 2, "unexplained": 2})),
        (&["stranger"], Status::Accepted, true, json!({"requested": 2, "accepted": 2})),
    ] {
        let conclusion = conclude(&request, vec![Ok(invalid)]);
        assert_eq!((conclusion.status, conclusion.taken), (status, taken), "{invalid:?}");
        assert_eq!(conclusion.result.expect("a result")["counts"], counts);
        assert_eq!((conclusion.error, conclusion.remaining), (None, None));
        assert_eq!(conclusion.unclear.is_some(), invalid.iter().any(|id| *id != "stranger"));
    }
}

#[test]
fn the_answers_of_several_calls_make_one_status() {
    let ids: Vec<String> = (0..150).map(|index| format!("id-{index}")).collect();
    let request = cancellation(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let all_of_the_first: Vec<&str> = ids[..100].iter().map(String::as_str).collect();
    let invalid = all_of_the_first.as_slice();
    for (answers, status, code, remaining) in [
        (vec![Ok(&[][..]), Err(Class::Throttle)], Status::Failed, "Throttle", Some(50)),
        (vec![Ok(&[]), Err(Class::Unknown)], Status::Failed, "Unknown", Some(50)),
        (vec![Err(Class::Config), Ok(&[])], Status::Denied, "Config", Some(100)),
        (vec![Ok(&[]), Err(Class::Terminal)], Status::Partial, "Terminal", None),
        (vec![Ok(&[]), Err(Class::NotFound)], Status::Partial, "NotFound", None),
        (vec![Ok(invalid), Err(Class::Terminal)], Status::Rejected, "Terminal", None),
        (vec![Ok(invalid), Err(Class::Retry)], Status::Failed, "Retry", Some(50)),
        (vec![Err(Class::Throttle), Err(Class::Config)], Status::Denied, "Config", None),
        (vec![Err(Class::Terminal), Err(Class::Throttle)], Status::Failed, "Throttle", Some(50)),
    ] {
        let conclusion = conclude(&request, answers.clone());
        assert_eq!(conclusion.status, status, "{answers:?}");
        assert_eq!(conclusion.error.map(|error| error.code).as_deref(), Some(code), "{answers:?}");
        let left = conclusion.remaining.map(|request| request["executionIds"].as_array().map_or(0, Vec::len));
        assert_eq!(left, remaining, "{answers:?}");
    }
}

#[test]
fn what_remains_is_a_request_that_can_be_sent() {
    let ids: Vec<String> = (0..101).map(|index| format!("id-{index}")).collect();
    let request = cancellation(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let conclusion = conclude(&request, vec![Ok(&[]), Err(Class::Throttle)]);
    let remaining = conclusion.remaining.expect("a part was not answered");
    assert_eq!(remaining, json!({"service": "appflow", "flowName": "orders", "executionIds": ["id-100"]}));
    let remaining = remaining.to_string();
    let reading = crate::request::read(&remaining, Default::default());
    assert!(matches!(reading, crate::request::Reading::Request(_)));
}

#[test]
fn all_active_runs_have_no_result_of_their_own() {
    for (answer, status, taken) in [
        (Ok(&[][..]), Status::Accepted, true),
        (Ok(&["x"]), Status::Partial, true),
        (Err(Class::NotFound), Status::NotFound, false),
        (Err(Class::Throttle), Status::Failed, false),
    ] {
        let conclusion = conclude(&cancellation(&[]), vec![answer]);
        assert_eq!((conclusion.status, conclusion.taken), (status, taken));
        assert_eq!((conclusion.result, conclusion.remaining), (None, None));
    }
}

#[test]
fn every_known_code_of_appflow_has_its_class() {
    crate::targets::tests::check_codes("appflow", classify);
    assert_eq!(classify("Surprise"), None);
}

/// A request for as many runs as there are states, all refused by AppFlow but the accepted ones, and
/// then explained like this.
fn explained(states: &[State]) -> Conclusion<Tally> {
    let ids: Vec<String> = (0..states.len()).map(|index| format!("id-{index}")).collect();
    let accepted = |state: &State| *state == State::Accepted;
    let invalid = ids.iter().zip(states).filter(|(_, state)| !accepted(state)).map(|(id, _)| id.clone());
    let reply = Reply { invalid: invalid.collect() };
    let mut tally = Tally::new(&[], &ids, std::iter::once((ids.as_slice(), Ok(&reply))));
    let found = ids.into_iter().zip(states.iter().copied()).filter(|(_, state)| *state != State::Unexplained);
    tally.explain(&found.collect());
    tally.conclude("orders")
}

#[test]
fn the_states_that_a_look_up_found_give_the_status() {
    use State::{Accepted, AlreadyCanceled, AlreadyFinished, NotListed, StillRunning, Unexplained};
    for (states, status) in [
        (&[Accepted, Accepted][..], Status::Accepted),
        (&[Accepted, AlreadyCanceled], Status::Accepted),
        (&[Accepted, AlreadyFinished], Status::Partial),
        (&[Accepted, NotListed], Status::Partial),
        (&[Accepted, StillRunning], Status::Partial),
        (&[Accepted, Unexplained], Status::Partial),
        (&[Accepted, AlreadyCanceled, AlreadyFinished], Status::Partial),
        (&[AlreadyCanceled, AlreadyCanceled], Status::AlreadyCanceled),
        (&[NotListed, NotListed], Status::NotFound),
        (&[AlreadyFinished, AlreadyFinished], Status::NotRunning),
        (&[AlreadyCanceled, AlreadyFinished], Status::NotRunning),
        (&[NotListed, AlreadyCanceled], Status::NotRunning),
        (&[Unexplained, Unexplained], Status::NotRunning),
        (&[Unexplained, NotListed], Status::NotRunning),
        (&[StillRunning, AlreadyCanceled], Status::Failed),
        (&[StillRunning, Unexplained], Status::Failed),
    ] {
        let conclusion = explained(states);
        assert_eq!(conclusion.status, status, "{states:?}");
        let code = conclusion.error.map(|error| error.code);
        assert_eq!(code.as_deref(), (status == Status::Failed).then_some("StillRunning"), "{states:?}");
        assert_eq!(conclusion.unclear.is_some(), states.contains(&Unexplained), "{states:?}");
    }
}

#[test]
fn every_state_is_told_and_counted() {
    use State::{Accepted, AlreadyCanceled, AlreadyFinished, NotListed, StillRunning, Unexplained};
    let states = [Accepted, AlreadyCanceled, AlreadyFinished, NotListed, StillRunning, Unexplained];
    let result = explained(&states).result.expect("a result");
    let told: Vec<_> =
        result["executions"].as_array().expect("a list").iter().map(|it| &it["state"]).collect();
    let names =
        ["ACCEPTED", "ALREADY_CANCELED", "ALREADY_FINISHED", "NOT_LISTED", "STILL_RUNNING", "UNEXPLAINED"];
    assert_eq!(told, names);
    let counts = json!({
        "requested": 6, "accepted": 1, "alreadyCanceled": 1, "alreadyFinished": 1, "notListed": 1,
        "stillRunning": 1, "unexplained": 1,
    });
    assert_eq!(result["counts"], counts);
}

#[test]
fn what_still_runs_remains_to_be_asked_for() {
    let conclusion = explained(&[State::AlreadyCanceled, State::StillRunning]);
    let remaining = json!({"service": "appflow", "flowName": "orders", "executionIds": ["id-1"]});
    assert_eq!(conclusion.remaining, Some(remaining));
    assert_eq!(explained(&[State::StillRunning, State::StillRunning]).remaining, None);
}
