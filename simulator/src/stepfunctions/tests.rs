use super::*;
use crate::wire::tests::request;
use crate::work::State;
use crate::world::World;

fn arn(name: &str) -> String {
    format!("arn:aws:states:us-east-1:111122223333:execution:fulfillment:{name}")
}

fn ask<W: Work>(
    state: &mut State,
    read: impl Fn(&Request) -> Result<W, Failure>,
    body: &Value,
) -> Result<Value, Failure> {
    let mut turn = Turn { state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
    let answer = read(&request("POST", "/", &[], &body.to_string()))?.run(&mut turn)?;
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

fn described(state: &mut State, name: &str) -> Value {
    let body = json!({"executionArn": arn(name), "includedData": "METADATA_ONLY"});
    ask(state, DescribeExecution::read, &body).unwrap()
}

#[test]
fn a_stopped_execution_keeps_the_date_of_its_end() {
    let mut state = State::new(World::seeded());
    assert_eq!(described(&mut state, "order-2041")["status"], "RUNNING");
    let body = json!({"executionArn": arn("order-2041"), "cause": "c", "error": "e"});
    let first = ask(&mut state, StopExecution::read, &body).unwrap();
    assert_eq!(ask(&mut state, StopExecution::read, &body).unwrap(), first);
    let description = described(&mut state, "order-2041");
    assert_eq!((&description["status"], &description["stopDate"]), (&json!("ABORTED"), &first["stopDate"]));
}

#[test]
fn an_execution_that_has_ended_is_stopped_in_name_or_refused() {
    let mut state = State::new(World::seeded());
    let body = json!({"executionArn": arn("order-1999")});
    let stopped = ask(&mut state, StopExecution::read, &body).unwrap();
    assert_eq!(stopped["stopDate"], 1_763_482_809.112);
    assert_eq!(described(&mut state, "order-1999")["status"], "SUCCEEDED");
    state.world.stepfunctions.get_mut("fulfillment").unwrap().refuses_ended = true;
    let refused = ask(&mut state, StopExecution::read, &body).unwrap_err();
    assert_eq!(refused.code, "ValidationException");
}

#[test]
fn what_needs_a_key_that_cannot_be_had_is_refused_and_nothing_else() {
    let mut state = State::new(World::seeded());
    state.world.stepfunctions.get_mut("fulfillment").unwrap().key_refused =
        Some("KmsAccessDeniedException".into());
    let mut body = json!({"executionArn": arn("order-2041"), "cause": "c"});
    let refused = ask(&mut state, StopExecution::read, &body).unwrap_err();
    assert_eq!(refused.code, "KmsAccessDeniedException");
    assert_eq!(described(&mut state, "order-2041")["status"], "RUNNING");
    body["cause"] = Value::Null;
    assert!(ask(&mut state, DescribeExecution::read, &body).is_err());
    assert!(ask(&mut state, StopExecution::read, &body).is_ok());
}

#[test]
fn requests_are_checked_as_the_service_does() {
    let cases = [
        (json!({}), "ValidationException"),
        (json!({"executionArn": "order-2041"}), "InvalidArn"),
        (json!({"executionArn": arn("order-2041").replace(":execution:", ":express:")}), "InvalidArn"),
        (json!({"executionArn": arn("nothing")}), "ExecutionDoesNotExist"),
        (json!({"executionArn": arn("order-2041"), "error": "e".repeat(257)}), "ValidationException"),
        (json!({"executionArn": arn("order-2041"), "cause": 1}), "SerializationException"),
    ];
    for (body, code) in cases {
        let failure = ask(&mut State::new(World::seeded()), StopExecution::read, &body).unwrap_err();
        assert_eq!((failure.status, failure.code.as_str()), (400, code), "{body}");
    }
    let body = json!({"executionArn": arn("order-2041"), "includedData": "SOME"});
    let failure = ask(&mut State::new(World::seeded()), DescribeExecution::read, &body).unwrap_err();
    assert_eq!(failure.code, "ValidationException");
}
