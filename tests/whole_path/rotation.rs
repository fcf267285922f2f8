//! A secret with CloudFlow's keys, over several invocations of one process: read for the first call that
//! needs it, kept from then on, and read again when its keys are refused.
//!
//! What one invocation does with a secret is in `tests/cases/`; this file knows the process that lives on.

use countermand_simulator::{Fault, Reply, Simulator, World};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::case::{Case, in_real_time};
use crate::function::Function;

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:cloudflow-a1B2c3";
const READ: &str = "secretsmanager.GetSecretValue";
const STOP: &str = "cloudflow.StopExecution";

pub fn trials() -> Vec<Trial> {
    let test = || in_real_time(check()).map_err(Into::into);
    vec![Trial::test("cloudflow-keys-of-a-secret-are-kept-until-they-are-refused", test)]
}

async fn check() -> Result<(), String> {
    let key = json!({
        "accessKeyId": countermand_simulator::ALIBABA_ACCESS_KEY_ID,
        "accessKeySecret": countermand_simulator::ALIBABA_ACCESS_KEY_SECRET,
    });
    let case = Case::read(json!({
        "sqs": [{"service": "cloudflow", "flowName": "etl", "executionName": "hourly-7"}],
        "destination": "bus",
        "env": {"COUNTERMAND_CLOUDFLOW_SECRET_ARN": SECRET, "AWS_LAMBDA_LOG_LEVEL": "ERROR"},
        "expect": {},
    }))?;
    let simulator = case.simulator().await?;
    let world = || World { secrets: [(SECRET.into(), vec![key.to_string()])].into(), ..World::seeded() };
    let function = Function::start(&case.variables(&simulator, None)).map_err(|error| error.to_string())?;
    let inactive =
        json!({"operation": STOP, "kind": "error", "status": 403, "code": "InvalidAccessKeyId.Inactive"});
    for (name, faults, attempts, calls) in [
        ("first", vec![], 1, &[READ, STOP][..]),
        ("second", vec![], 1, &[STOP]),
        ("after-a-rotation", vec![inactive], 2, &[STOP, READ, STOP]),
        ("next", vec![], 1, &[STOP]),
    ] {
        simulator.change(|now| *now = world());
        simulator.forget();
        for fault in faults {
            simulator.script(serde_json::from_value::<Fault>(fault).map_err(|error| error.to_string())?);
        }
        let reply = simulator.invoke(case.event(1)?, case.invocation(name)).await;
        compare(&simulator, &reply, attempts, calls).map_err(|difference| format!("{name}: {difference}"))?;
    }
    drop(function);
    Ok(())
}

/// Accepted in so many attempts, by these calls and one that publishes.
fn compare(simulator: &Simulator, reply: &Reply, attempts: u32, calls: &[&str]) -> Result<(), String> {
    let outcomes = simulator.published();
    let outcomes: Vec<Value> =
        outcomes.iter().map(|message| serde_json::from_str(&message.body).unwrap_or_default()).collect();
    let told: Vec<_> =
        outcomes.iter().map(|outcome| json!([outcome["status"], outcome["attempts"]])).collect();
    let made: Vec<String> = simulator.ledger().iter().map(|call| call.operation.clone()).collect();
    let expected = (vec![json!(["ACCEPTED", attempts])], [calls, &["eventbridge.PutEvents"]].concat());
    if *reply != Reply::Response(r#"{"batchItemFailures":[]}"#.into())
        || told != expected.0
        || made != expected.1
    {
        return Err(format!("expected {expected:?}, got {told:?} by {made:?} and {reply:?}\n{outcomes:#?}"));
    }
    Ok(())
}
