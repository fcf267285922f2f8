use super::*;

fn cancellation(ids: &[&str]) -> Cancellation {
    let ids = Ids::new(ids.iter().map(|id| (*id).into()).collect());
    Cancellation {
        flow_name: "orders".into(),
        runs: ids.map_or(Runs::AllActive { in_words: false }, Runs::Named),
    }
}

/// Each answer is for one call: `Ok` with the invalid ids, or the class of the failure.
fn conclude(cancellation: &Cancellation, answers: Vec<Result<&[&str], Class>>) -> Conclusion {
    let target = AppFlow(aws_sdk_appflow::Client::from_conf(
        aws_sdk_appflow::Config::builder()
            .behavior_version(aws_sdk_appflow::config::BehaviorVersion::v2026_01_12())
            .build(),
    ));
    let calls = target.calls(cancellation);
    assert_eq!(calls.len(), answers.len(), "one answer for each call");
    let answers = calls.into_iter().zip(answers).map(|(call, answer)| Answered {
        call,
        result: answer
            .map(|invalid| Reply { invalid: invalid.iter().map(|id| (*id).into()).collect() })
            .map_err(|class| CallError::service(class, &format!("{class:?}"), "message")),
    });
    target.conclude(cancellation, answers.collect())
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
    let reading = crate::request::read(&remaining.to_string());
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
