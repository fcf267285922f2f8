//! Keys of CloudFlow that are fetched, over several invocations of one process: for the first call that needs them,
//! kept from then on, and fetched anew when they are refused.
//!
//! What one invocation does with a secret or a role is in `tests/cases/`; this file knows the process that lives on.

use countermand_simulator::{Fault, Reply, Simulator, World};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::case::{Case, in_real_time};
use crate::function::Function;

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:cloudflow-a1B2c3";
const READ: &str = "secretsmanager.GetSecretValue";
const SIGN: &str = "sts.GetWebIdentityToken";
const LEND: &str = "ram.AssumeRoleWithOIDC";
const STOP: &str = "cloudflow.StopExecution";

pub fn trials() -> Vec<Trial> {
    let secret = || check(json!({"COUNTERMAND_CLOUDFLOW_SECRET_ARN": SECRET}), &[READ]);
    let role = || {
        let role = json!({
            "COUNTERMAND_CLOUDFLOW_ROLE_ARN": "acs:ram::1111222233334444:role/countermand",
            "COUNTERMAND_CLOUDFLOW_OIDC_PROVIDER_ARN": "acs:ram::1111222233334444:oidc-provider/aws",
        });
        check(role, &[SIGN, LEND])
    };
    vec![
        Trial::test("cloudflow-keys-of-a-secret-are-kept-until-they-are-refused", move || {
            Ok(in_real_time(secret())?)
        }),
        Trial::test("cloudflow-keys-of-a-role-are-kept-until-they-are-refused", move || {
            Ok(in_real_time(role())?)
        }),
    ]
}

/// Keys that are set up so, and fetched by these calls.
async fn check(mut env: Value, fetch: &[&str]) -> Result<(), String> {
    let key = json!({
        "accessKeyId": countermand_simulator::ALIBABA_ACCESS_KEY_ID,
        "accessKeySecret": countermand_simulator::ALIBABA_ACCESS_KEY_SECRET,
    });
    env["ALIBABA_CLOUD_ACCESS_KEY_ID"] = Value::Null;
    env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = Value::Null;
    env["AWS_LAMBDA_LOG_LEVEL"] = json!("ERROR");
    let case = Case::read(json!({
        "sqs": [{"service": "cloudflow", "flowName": "etl", "executionName": "hourly-7"}],
        "destination": "bus",
        "env": env,
        "expect": {},
    }))?;
    let simulator = case.simulator().await?;
    let world = || World { secrets: [(SECRET.into(), vec![key.to_string()])].into(), ..World::seeded() };
    let function = Function::start(&case.variables(&simulator, None)).map_err(|error| error.to_string())?;
    let inactive =
        json!({"operation": STOP, "kind": "error", "status": 403, "code": "InvalidAccessKeyId.Inactive"});
    for (name, faults, attempts, calls) in [
        ("first", vec![], 1, [fetch, &[STOP]].concat()),
        ("second", vec![], 1, vec![STOP]),
        ("after-a-rotation", vec![inactive], 2, [&[STOP], fetch, &[STOP]].concat()),
        ("next", vec![], 1, vec![STOP]),
    ] {
        simulator.change(|now| *now = world());
        simulator.forget();
        for fault in faults {
            simulator.script(serde_json::from_value::<Fault>(fault).map_err(|error| error.to_string())?);
        }
        let reply = simulator.invoke(case.event(1)?, case.invocation(name)).await;
        compare(&simulator, &reply, attempts, &calls)
            .map_err(|difference| format!("{name}: {difference}"))?;
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
