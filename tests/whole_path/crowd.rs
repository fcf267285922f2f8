//! A batch in which everything hangs together: many requests for one flow, each with ids on most of the calls.
//! However much there is to work out, the response leaves before the deadline.

use std::time::Duration;

use countermand_simulator::{Invocation, Reply};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::case::{Case, in_real_time};
use crate::expand::{QUEUE, sqs_event};
use crate::function::Function;

pub fn trials() -> Vec<Trial> {
    let name = "field-400-records-with-interleaved-ids-are-answered-before-the-deadline";
    vec![Trial::test(name, || in_real_time(check()).map_err(Into::into))]
}

/// The first ten requests name two thousand ids between them, which take twenty calls; the others name some on
/// each of those.
fn requests() -> Vec<Value> {
    let request = |ids: Vec<String>| json!({"service": "appflow", "flowName": "orders", "executionIds": ids});
    let first = (0..10).map(|number| (0..200).map(|id| format!("r{}", number * 200 + id)).collect());
    let others = (0..390).map(|number| (0..200).map(|id| format!("r{}", id * 10 + number % 10)).collect());
    first.chain(others).map(request).collect()
}

async fn check() -> Result<(), String> {
    let case = Case::read(json!({"raw": "", "destination": "bus", "expect": {}, "env": {
        "AWS_LAMBDA_LOG_LEVEL": "ERROR",
        "COUNTERMAND_RATES": "appflow.CancelFlowExecutions=1000/1000",
        "COUNTERMAND_EXPLAIN_MAX_PAGES": "0",
    }}))?;
    let simulator = case.simulator().await?;
    let function =
        Function::start_unheard(&case.variables(&simulator, None)).map_err(|error| error.to_string())?;
    let event = sqs_event(QUEUE, &requests(), 1, 1_764_600_000_000).to_string();
    let invocation = Invocation { timeout: Duration::from_secs(30), ..Invocation::default() };
    let reply = simulator.invoke(event, invocation).await;
    drop(function);
    match reply {
        Reply::Response(_) => Ok(()),
        reply => Err(format!("expected a response in time, got {reply:?}")),
    }
}
