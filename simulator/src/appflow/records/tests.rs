//! The records of a flow: what a request may hold, what a record tells, in which order, on how many
//! pages.

use super::*;
use crate::wire::tests::request;
use crate::work::State;
use crate::world::World;

fn ask(state: &mut State, body: &Value) -> Result<Value, Failure> {
    let request = request("POST", "/describe-flow-execution-records", &[], &body.to_string());
    let mut turn = Turn { state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
    let answer = DescribeFlowExecutionRecords::read(&request)?.run(&mut turn)?;
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

fn ids(reply: &Value) -> Vec<String> {
    let records = reply["flowExecutions"].as_array().unwrap();
    records.iter().map(|record| record["executionId"].as_str().unwrap().to_owned()).collect()
}

/// The ids on each page, to the last.
fn pages(state: &mut State, body: &Value) -> Vec<Vec<String>> {
    let (mut body, mut pages) = (body.clone(), Vec::new());
    loop {
        let reply = ask(state, &body).unwrap();
        pages.push(ids(&reply));
        match reply.get("nextToken") {
            Some(token) => body["nextToken"] = token.clone(),
            None => return pages,
        }
    }
}

fn world(settings: &Value) -> World {
    let mut world = json!(World::seeded());
    world.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    serde_json::from_value(world).unwrap()
}

#[test]
fn requests_are_checked_as_the_service_does() {
    let validation = Some("ValidationException");
    let cases = [
        (json!({"flowName": "orders"}), None),
        (json!({"flowName": "orders", "maxResults": null, "nextToken": null}), None),
        (json!({"flowName": "orders", "maxResults": 1}), None),
        (json!({"flowName": "orders", "maxResults": 100}), None),
        (json!({"flowName": "orders", "maxResults": 0}), validation),
        (json!({"flowName": "orders", "maxResults": -1}), validation),
        (json!({"flowName": "orders", "maxResults": 101}), validation),
        (json!({"flowName": "orders", "maxResults": "20"}), Some("SerializationException")),
        (json!({"flowName": "orders", "maxResults": 1.5}), Some("SerializationException")),
        (json!({"flowName": "orders", "nextToken": ""}), validation),
        (json!({"flowName": "orders", "nextToken": "a b"}), validation),
        (json!({"flowName": "orders", "nextToken": "x".repeat(2049)}), validation),
        (json!({"flowName": "orders", "nextToken": "never-given"}), validation),
        (json!({"flowName": "orders", "nextToken": 7}), Some("SerializationException")),
        (json!({"flowName": "!!"}), validation),
        (json!({"maxResults": 20}), validation),
        (json!({"flowName": "nothing"}), Some("ResourceNotFoundException")),
        (json!([]), Some("SerializationException")),
    ];
    for (body, expected) in cases {
        let failure = ask(&mut State::new(World::seeded()), &body).err();
        assert_eq!(failure.map(|failure| failure.code).as_deref(), expected, "{body}");
    }
}

#[test]
fn a_record_tells_how_a_run_stands_and_what_came_of_it() {
    let mut state = State::new(World::seeded());
    let reply = ask(&mut state, &json!({"flowName": "orders"})).unwrap();
    let records = reply["flowExecutions"].as_array().unwrap();
    let expected = json!({
        "executionId": "run-2",
        "executionStatus": "InProgress",
        "startedAt": 1_763_600_100.127,
        "lastUpdatedAt": 1_763_600_100.127,
    });
    assert_eq!(records[0], expected);
    assert_eq!(
        (&records[2]["executionId"], &records[2]["executionStatus"]),
        (&json!("run-3"), &json!("Successful"))
    );
    assert_eq!(records[2]["lastUpdatedAt"], 1_763_596_011.84);
    assert!(records[2]["executionResult"]["recordsProcessed"].is_u64());
    let failed = json!({"appflow": {"orders": {"runs": [{"executionId": "a", "status": "Error"}]}}});
    let reply = ask(&mut State::new(world(&failed)), &json!({"flowName": "orders"})).unwrap();
    let message = &reply["flowExecutions"][0]["executionResult"]["errorInfo"]["executionMessage"];
    assert!(message.as_str().unwrap().contains("confidential"), "{message}");
}

#[test]
fn the_order_is_the_one_that_the_world_sets() {
    let cases = [
        (json!({}), ["run-2", "run-1", "run-3", "run-4"]),
        (json!({"appflowRecordsOrder": "newestFirst"}), ["run-2", "run-1", "run-3", "run-4"]),
        (json!({"appflowRecordsOrder": "oldestFirst"}), ["run-4", "run-3", "run-1", "run-2"]),
        (json!({"appflowRecordsOrder": "shuffled"}), ["run-3", "run-4", "run-1", "run-2"]),
    ];
    for (settings, expected) in cases {
        let mut state = State::new(world(&settings));
        let all = pages(&mut state, &json!({"flowName": "orders"}));
        assert_eq!(all, [expected], "{settings}");
        // The pages cut the same list.
        let one_by_one = pages(&mut state, &json!({"flowName": "orders", "maxResults": 1}));
        assert_eq!(one_by_one, expected.map(|id| vec![id.to_owned()]), "{settings}");
    }
}

#[test]
fn pages_are_as_long_as_asked_and_never_longer_than_the_world_allows() {
    let runs: Vec<_> = (0..45)
        .map(|number| json!({"executionId": format!("id-{number}"), "status": "InProgress"}))
        .collect();
    let flow = json!({"appflow": {"big": {"runs": runs}}});
    let mut capped = flow.clone();
    capped["mostPerPage"] = json!(7);
    let cases = [
        (&flow, json!({"flowName": "big"}), vec![20, 20, 5]),
        (&flow, json!({"flowName": "big", "maxResults": 100}), vec![45]),
        (&flow, json!({"flowName": "big", "maxResults": 15}), vec![15, 15, 15]),
        (&capped, json!({"flowName": "big", "maxResults": 100}), vec![7, 7, 7, 7, 7, 7, 3]),
        (&capped, json!({"flowName": "big", "maxResults": 5}), vec![5; 9]),
    ];
    for (settings, body, expected) in cases {
        let pages = pages(&mut State::new(world(settings)), &body);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), expected, "{body}");
        let newest_first: Vec<_> = (0..45).rev().map(|number| format!("id-{number}")).collect();
        assert_eq!(pages.concat(), newest_first, "{body}");
    }
}

#[test]
fn a_token_of_another_flow_is_refused() {
    let mut state = State::new(World::seeded());
    let token =
        ask(&mut state, &json!({"flowName": "orders", "maxResults": 1})).unwrap()["nextToken"].clone();
    let other = json!({"flowName": "stock", "nextToken": token});
    assert_eq!(ask(&mut state, &other).unwrap_err().code, "ValidationException");
    // The page may have another size than the one before.
    let rest = ask(&mut state, &json!({"flowName": "orders", "nextToken": token})).unwrap();
    assert_eq!(ids(&rest), ["run-1", "run-3", "run-4"]);
}
