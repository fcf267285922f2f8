//! What an event costs the function, in instructions: `cargo bench --bench instructions -- NAME`.
//!
//! It runs the real handler on one fixed input, at a fixed time, without a socket: once to warm up, and
//! once inside `counted`, the only function that valgrind's callgrind is told to count. It counts nothing
//! itself; `benches/guard` does, and holds the counts against `benches/budgets`. `-- list` prints the
//! names; without a name every input is run, and each must still be answered, and make the calls, that its
//! line in the table says.

#[path = "../../src/main.rs"]
#[expect(dead_code, reason = "the composition root is a program of its own")]
mod bootstrap;

#[path = "../../tests/simulated/mod.rs"]
#[expect(dead_code, reason = "its process waits as long as a call does, and is not needed here")]
mod simulated;

mod input;
mod replay;

use std::time::{Duration, UNIX_EPOCH};

use countermand::event_source::Failure;
use countermand::handler::Handler;
use countermand_simulator::{Simulator, World};
use input::{Expected, INPUTS, Input};
use lambda_runtime::{Context, LambdaEvent};
use replay::Replay;
use serde_json::value::RawValue;
use tokio::runtime::{Builder, Runtime};

/// Where outcomes go, and quotas that no input comes near: what is counted is the way of a record, and not
/// what becomes of one that has to wait.
const VARIABLES: [(&str, &str); 2] = [
    ("COUNTERMAND_OUTCOME_DESTINATION", "arn:aws:events:us-east-1:111122223333:event-bus/outcomes"),
    (
        "COUNTERMAND_RATES",
        "appflow.CancelFlowExecutions=100000/100000,appflow.DescribeFlowExecutionRecords=100000/100000,\
         swf.RequestCancelWorkflowExecution=100000/100000,swf.ListOpenWorkflowExecutions=100000/100000,\
         cloudflow.StopExecution=100000/100000",
    ),
];

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("list") => INPUTS.iter().for_each(|input| println!("{}", input.name)),
        Some(name) => {
            let input = INPUTS.iter().find(|input| input.name == name);
            run(input.ok_or_else(|| format!("expected a name that `list` prints, got {name}"))?)?;
        }
        None => INPUTS.iter().try_for_each(run)?,
    }
    Ok(())
}

/// Runs an input twice, the second time to be counted.
fn run(input: &Input) -> Result<(), String> {
    let process = Process::start(input);
    for answer in [Process::answer, counted] {
        let reply = answer(&process, process.event(input));
        let got = Expected { calls: process.wire.calls(), go_back: go_back(&reply) };
        process.wire.wind_back();
        if got != input.expected {
            return Err(format!("{}: expected {:?}, got {got:?}: {reply:?}", input.name, input.expected));
        }
    }
    println!("{}: {:?}", input.name, input.expected);
    Ok(())
}

/// The function whose instructions are counted, with all that it calls.
#[inline(never)]
fn counted(process: &Process, event: LambdaEvent<Box<RawValue>>) -> Reply {
    process.answer(event)
}

type Reply = Result<Box<RawValue>, Failure>;

/// A process of the function, and its invocation.
struct Process {
    runtime: Runtime,
    handler: Handler,
    wire: Replay,
    now: Duration,
}

impl Process {
    fn start(input: &Input) -> Self {
        fastrand::seed(7);
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime can be built");
        let (handler, wire) = runtime.block_on(async {
            let simulator = Simulator::in_process(World::seeded()).expect("the world can be");
            let wire = Replay::of(&simulator);
            let variables = VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let handler = simulated::handler(&simulator, &variables, wire.connector());
            (handler.expect("the variables are right"), wire)
        });
        Self { runtime, handler, wire, now: Duration::from_secs(input.now) }
    }

    fn event(&self, input: &Input) -> LambdaEvent<Box<RawValue>> {
        let payload = RawValue::from_string(input.event()).expect("an event is JSON");
        let mut context = Context::default();
        context.request_id = "6bc28136-xmpl-4365-b021-0ce6b2e64ab0".into();
        let deadline = self.now + input.given;
        context.deadline = u64::try_from(deadline.as_millis()).unwrap_or_default();
        LambdaEvent::new(payload, context)
    }

    fn answer(&self, event: LambdaEvent<Box<RawValue>>) -> Reply {
        self.runtime.block_on(self.handler.handle_at(UNIX_EPOCH + self.now, event))
    }
}

/// How many of its records the source is told to send again.
fn go_back(reply: &Reply) -> usize {
    match reply {
        Ok(response) => response.get().matches("itemIdentifier").count(),
        Err(_) => 1,
    }
}
