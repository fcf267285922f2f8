//! The lists of a domain's runs: what a request may hold, which runs the filters let through, in
//! which order, on how many pages.

use super::super::tests::ask;
use super::*;
use crate::work::State;
use crate::world::World;

/// A domain `d` in which `w` was continued twice, and other workflows ran beside it.
fn world() -> World {
    let run = |id: &str, run_id: &str, started: u8, closed: Option<(u8, &str)>| {
        let at = |minute: u8| format!("2025-11-20T10:{minute:02}:00.250Z");
        let mut run = json!({"workflowId": id, "runId": run_id, "startedAt": at(started), "status": "OPEN"});
        if let Some((minute, status)) = closed {
            run["status"] = json!("CLOSED");
            run["closeStatus"] = json!(status);
            run["closedAt"] = json!(at(minute));
        }
        run
    };
    let mut tagged = run("x", "x1", 5, None);
    tagged["tags"] = json!(["nightly", "confidential"]);
    tagged["workflowType"] = json!({"name": "import", "version": "2.0"});
    let executions = json!([
        run("w", "w1", 0, Some((10, "CONTINUED_AS_NEW"))),
        run("w", "w2", 10, Some((20, "CONTINUED_AS_NEW"))),
        run("w", "w3", 20, None),
        tagged,
        run("y", "y1", 1, Some((30, "CANCELED"))),
        run("z", "z1", 2, Some((3, "FAILED"))),
    ]);
    serde_json::from_value(json!({"swf": {"d": {"executions": executions}}, "mostPerPage": 100})).unwrap()
}

/// Seconds since the epoch, some minutes after ten.
fn at(minute: f64) -> Value {
    json!(1_763_632_800.25 + minute * 60.0)
}

fn list(state: &mut State, status: WorkflowStatus, body: &Value) -> Result<Value, Failure> {
    let body = body.to_string();
    match status {
        WorkflowStatus::Open => ask(state, ListOpenWorkflowExecutions::read, &body),
        WorkflowStatus::Closed => ask(state, ListClosedWorkflowExecutions::read, &body),
    }
}

fn run_ids(reply: &Value) -> Vec<&str> {
    let infos = reply["executionInfos"].as_array().unwrap();
    infos.iter().map(|info| info["execution"]["runId"].as_str().unwrap()).collect()
}

const OPEN: WorkflowStatus = WorkflowStatus::Open;
const CLOSED: WorkflowStatus = WorkflowStatus::Closed;

#[test]
fn the_filters_and_the_order_are_those_asked_for() {
    let all = json!({"oldestDate": at(-1.0)});
    let with = |field: &str, value: Value| {
        let mut body = json!({"domain": "d"});
        body[if field.starts_with("close") { "closeTimeFilter" } else { "startTimeFilter" }] = all.clone();
        body[field] = value;
        body
    };
    let cases: [(_, _, &[&str]); 17] = [
        (OPEN, with("startTimeFilter", all.clone()), &["w3", "x1"]),
        (OPEN, with("reverseOrder", json!(true)), &["x1", "w3"]),
        // Both ends of a range belong to it.
        (OPEN, with("startTimeFilter", json!({"oldestDate": at(5.0), "latestDate": at(5.0)})), &["x1"]),
        (OPEN, with("startTimeFilter", json!({"oldestDate": at(5.001)})), &["w3"]),
        (OPEN, with("startTimeFilter", json!({"oldestDate": 0, "latestDate": at(19.999)})), &["x1"]),
        (OPEN, with("executionFilter", json!({"workflowId": "w"})), &["w3"]),
        (OPEN, with("tagFilter", json!({"tag": "nightly"})), &["x1"]),
        (OPEN, with("typeFilter", json!({"name": "import"})), &["x1"]),
        (OPEN, with("typeFilter", json!({"name": "import", "version": "1.0"})), &[]),
        (OPEN, with("executionFilter", json!({"workflowId": "z"})), &[]),
        (CLOSED, with("startTimeFilter", all.clone()), &["w2", "z1", "y1", "w1"]),
        (CLOSED, with("closeTimeFilter", all.clone()), &["y1", "w2", "w1", "z1"]),
        (
            CLOSED,
            with("closeTimeFilter", json!({"oldestDate": at(10.0), "latestDate": at(20.0)})),
            &["w2", "w1"],
        ),
        (CLOSED, with("executionFilter", json!({"workflowId": "w"})), &["w2", "w1"]),
        (CLOSED, with("closeStatusFilter", json!({"status": "CONTINUED_AS_NEW"})), &["w2", "w1"]),
        (CLOSED, with("typeFilter", json!({"name": "workflow", "version": ""})), &["w2", "z1", "y1", "w1"]),
        (CLOSED, with("executionFilter", json!({"workflowId": "x"})), &[]),
    ];
    for (status, body, expected) in cases {
        let reply = list(&mut State::new(world()), status, &body).unwrap();
        assert_eq!(run_ids(&reply), expected, "{status:?} {body}");
        assert!(reply.get("nextPageToken").is_none(), "{body}");
    }
}

#[test]
fn a_continued_run_ends_as_the_next_one_begins() {
    let mut state = State::new(World::seeded());
    let asked = json!({"domain": "billing", "startTimeFilter": {"oldestDate": 0}, "executionFilter": {"workflowId": "reminders"}});
    let closed = list(&mut state, CLOSED, &asked).unwrap()["executionInfos"][0].clone();
    let open = list(&mut state, OPEN, &asked).unwrap()["executionInfos"][0].clone();
    assert_eq!(closed["closeStatus"], "CONTINUED_AS_NEW");
    assert_eq!(closed["closeTimestamp"], open["startTimestamp"]);
    assert_eq!((open.get("closeTimestamp"), open.get("closeStatus")), (None, None));
}

#[test]
fn pages_follow_one_another_to_the_end() {
    let cases =
        [(1, None, vec![1, 1, 1, 1]), (3, None, vec![3, 1]), (0, None, vec![4]), (1000, Some(3), vec![3, 1])];
    for (size, most, expected) in cases {
        let settings = World { most_per_page: most.and_then(std::num::NonZeroUsize::new), ..world() };
        let mut state = State::new(settings);
        let mut body = json!({"domain": "d", "closeTimeFilter": {"oldestDate": 0}, "maximumPageSize": size});
        let (mut seen, mut sizes) = (Vec::new(), Vec::new());
        loop {
            let reply = list(&mut state, CLOSED, &body).unwrap();
            let page = run_ids(&reply);
            sizes.push(page.len());
            seen.extend(page.into_iter().map(ToOwned::to_owned));
            match reply.get("nextPageToken") {
                Some(token) => body["nextPageToken"] = token.clone(),
                None => break,
            }
        }
        assert_eq!((sizes, seen.join(" ").as_str()), (expected, "y1 w2 w1 z1"), "{size} {most:?}");
    }
}

#[test]
fn a_token_is_for_the_very_same_request() {
    let mut state = State::new(world());
    let mut body = json!({"domain": "d", "closeTimeFilter": {"oldestDate": 0}, "maximumPageSize": 1});
    body["nextPageToken"] = list(&mut state, CLOSED, &body).unwrap()["nextPageToken"].clone();
    assert_eq!(run_ids(&list(&mut state, CLOSED, &body).unwrap()), ["w2"]);
    let changes =
        [("reverseOrder", json!(true)), ("maximumPageSize", json!(2)), ("nextPageToken", json!("made up"))];
    for (field, value) in changes {
        let mut other = body.clone();
        other[field] = value;
        assert_eq!(list(&mut state, CLOSED, &other).unwrap_err().code, "ValidationException", "{field}");
    }
}

#[test]
fn requests_are_checked_as_the_service_does() {
    let all = json!({"oldestDate": 0});
    let (validation, serialization) = ("ValidationException", "SerializationException");
    let cases = [
        (
            OPEN,
            json!({"domain": "nowhere", "startTimeFilter": all}),
            "UnknownResourceFault",
            "Unknown domain: nowhere",
        ),
        (
            CLOSED,
            json!({"domain": "nowhere", "startTimeFilter": all}),
            "UnknownResourceFault",
            "Unknown domain: nowhere",
        ),
        (OPEN, json!({"startTimeFilter": all}), validation, "'domain'"),
        (OPEN, json!({"domain": "d"}), validation, "'startTimeFilter'"),
        (OPEN, json!({"domain": "d", "startTimeFilter": {}}), validation, "'startTimeFilter.oldestDate'"),
        (
            OPEN,
            json!({"domain": "d", "startTimeFilter": {"oldestDate": 2, "latestDate": 1}}),
            validation,
            "latestDate",
        ),
        (
            OPEN,
            json!({"domain": "d", "startTimeFilter": {"oldestDate": "2025-11-20"}}),
            serialization,
            "oldestDate",
        ),
        (
            OPEN,
            json!({"domain": "d", "startTimeFilter": all, "executionFilter": {}}),
            validation,
            "'executionFilter.workflowId'",
        ),
        (
            OPEN,
            json!({"domain": "d", "startTimeFilter": all, "executionFilter": {"workflowId": "w"}, "tagFilter": {"tag": "t"}}),
            validation,
            "more than one",
        ),
        (
            OPEN,
            json!({"domain": "d", "startTimeFilter": all, "maximumPageSize": 1001}),
            validation,
            "'maximumPageSize'",
        ),
        (
            OPEN,
            json!({"domain": "d", "startTimeFilter": all, "maximumPageSize": -1}),
            validation,
            "'maximumPageSize'",
        ),
        (
            OPEN,
            json!({"domain": "d", "startTimeFilter": all, "maximumPageSize": "9"}),
            serialization,
            "maximumPageSize",
        ),
        (
            OPEN,
            json!({"domain": "d", "startTimeFilter": all, "reverseOrder": "true"}),
            serialization,
            "reverseOrder",
        ),
        (
            OPEN,
            json!({"domain": "d", "startTimeFilter": all, "nextPageToken": "x".repeat(2049)}),
            validation,
            "'nextPageToken'",
        ),
        (CLOSED, json!({"domain": "d"}), validation, "Must specify time filter"),
        (
            CLOSED,
            json!({"domain": "d", "startTimeFilter": all, "closeTimeFilter": all}),
            validation,
            "Cannot specify both",
        ),
        (
            CLOSED,
            json!({"domain": "d", "startTimeFilter": all, "executionFilter": {"workflowId": "w"}, "closeStatusFilter": {"status": "FAILED"}}),
            validation,
            "more than one",
        ),
        (
            CLOSED,
            json!({"domain": "d", "startTimeFilter": all, "closeStatusFilter": {"status": "DONE"}}),
            validation,
            "'closeStatusFilter.status'",
        ),
    ];
    for (status, body, code, message) in cases {
        let failure = list(&mut State::new(world()), status, &body).unwrap_err();
        assert_eq!((failure.status, failure.code.as_str()), (400, code), "{body}");
        assert!(failure.message.contains(message), "{body}: {}", failure.message);
    }
}
