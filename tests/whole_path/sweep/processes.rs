//! A sweep of three thousand executions by the real binary, over real sockets, whose process is killed in the
//! middle of a step.

use std::time::Duration;

use countermand_simulator::{Domain, Invocation, Operation, Reply, Simulator, WorkflowExecution, World};
use serde_json::{Value, json};

use crate::case::start_with;
use crate::function::Function;

const COUNT: usize = 3_000;
const QUEUE: &str = "cancel-requests";
const TIMEOUT: Duration = Duration::from_secs(10);
/// So many calls are under way at once.
const IN_FLIGHT: usize = 10;

pub fn sweeps_three_thousand() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let open = |number: usize| WorkflowExecution::open(format!("w-{number}"), format!("r-{number}"));
        let executions = (0..COUNT).map(open).collect();
        let mut world =
            World { queues: vec![QUEUE.into()], buses: vec!["outcomes".into()], ..World::default() };
        world.swf.insert("billing".into(), Domain { executions });
        let simulator = Simulator::start(world, ([127, 0, 0, 1], 0).into()).await;
        let simulator = simulator.map_err(|error| error.to_string())?;
        let request =
            json!({"service": "swf", "domain": "billing", "select": {"all": true}, "maxExecutions": COUNT});
        simulator.send(QUEUE, &request.to_string());
        feed(&simulator).await?;
        check(&simulator)
    })
}

fn start(simulator: &Simulator) -> Result<Function, String> {
    let variables = [
        ("COUNTERMAND_OUTCOME_DESTINATION", "arn:aws:events:us-east-1:111122223333:event-bus/outcomes"),
        ("COUNTERMAND_FOLLOW_UP_QUEUE_ARN", "arn:aws:sqs:us-east-1:111122223333:cancel-requests"),
        ("COUNTERMAND_RATES", "swf.RequestCancelWorkflowExecution=3000/3000"),
    ];
    start_with(simulator, variables).map_err(|error| error.to_string())
}

/// Hands out what is in the queue until it is empty. One process dies in the middle.
async fn feed(simulator: &Simulator) -> Result<(), String> {
    let mapping = simulator.mapping(QUEUE).visibility(TIMEOUT);
    let (mut function, mut lives) = (start(simulator)?, true);
    while let Some(batch) = mapping.next().await {
        let invocation = Invocation { timeout: TIMEOUT, ..Invocation::default() };
        let dies = async {
            match lives {
                true => simulator.until(|calls| calls.len() > COUNT / 10).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            reply = simulator.invoke(batch.event.clone(), invocation) => match reply {
                Reply::Response(_) => mapping.settle(batch.clone(), &reply),
                other => return Err(format!("expected a response, got {other:?}")),
            },
            () = dies => {
                lives = false;
                drop(function);
                function = start(simulator)?;
            }
        }
    }
    drop(function);
    Ok(())
}

fn check(simulator: &Simulator) -> Result<(), String> {
    let world = simulator.world();
    let left = world.swf["billing"].executions.iter().filter(|one| !one.cancel_requested).count();
    let calls = simulator.counts()[Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION.name()].calls;
    let told: Vec<Value> = simulator.published().iter().filter_map(|it| it.body.parse().ok()).collect();
    let summaries: Vec<&Value> = told.iter().filter(|told| told["type"] == "CancellationSummary").collect();
    let [summary] = summaries[..] else { return Err(format!("expected one summary, got {summaries:#?}")) };
    let count = |name: &str| summary["counts"][name].as_u64().unwrap_or_default();
    let sum = count("accepted") + count("alreadyCanceled");
    let most = (COUNT + IN_FLIGHT) as u64;
    if left > 0
        || !(COUNT as u64..=most).contains(&calls)
        || sum != COUNT as u64
        || count("alreadyCanceled") == 0
    {
        return Err(format!("{left} are left after {calls} calls, and it is told {summary}"));
    }
    (summary["status"] == "COMPLETED").then_some(()).ok_or_else(|| summary.to_string())
}
