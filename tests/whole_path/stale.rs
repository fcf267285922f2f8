//! Connections that ended while nothing used them, as happens to a sandbox that is frozen between two
//! invocations. Those that their peer closed cost no attempt and no delay; of those that ended in silence,
//! as behind a gateway that forgot them, one costs an attempt, however many there are.
//!
//! The function's calls go through a proxy that closes every connection that is open at a moment, and
//! the function may make one attempt only, so that an attempt spent on a stale connection would show
//! as a record that comes back. What Lambda's own Runtime API does is not looked at.

use std::io::Result;
use std::sync::Arc;
use std::time::Duration;

use countermand_simulator::{Operation, Reply, Simulator, World};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use crate::case::{Case, in_real_time};
use crate::function::Function;
use crate::services::{self, SERVICES};

/// A race would be lost once in so many rounds.
const ROUNDS: usize = 50;

/// How a peer ends a connection.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Closed,
    Reset,
    /// Nothing is handed on any more, and nobody is told.
    Silent,
}

/// What the function does as its connections end.
#[derive(Clone, Copy, PartialEq)]
enum Meanwhile {
    /// It waits for the next event.
    Waits,
    /// Its process is stopped, and goes on when the next event is there.
    Frozen,
}

pub fn trials() -> Vec<Trial> {
    let ways = [
        ("closed-while-the-function-waits", Ending::Closed, Meanwhile::Waits),
        ("closed-while-the-function-is-frozen", Ending::Closed, Meanwhile::Frozen),
        ("reset-while-the-function-waits", Ending::Reset, Meanwhile::Waits),
        ("reset-while-the-function-is-frozen", Ending::Reset, Meanwhile::Frozen),
    ];
    let trial = |(name, ending, meanwhile)| {
        let test = move || in_real_time(check(ending, meanwhile)).map_err(Into::into);
        Trial::test(format!("connections-that-were-{name}-cost-no-attempt"), test)
    };
    let mut trials = Vec::from(ways.map(trial));
    let test = || in_real_time(silence()).map_err(Into::into);
    trials.push(Trial::test("of-connections-that-died-in-silence-one-costs-an-attempt", test));
    trials
}

/// Ten connections are open, and die; new ones live.
async fn silence() -> std::result::Result<(), String> {
    let ten = (0..10)
        .map(|index| json!({"service": "swf", "domain": "billing", "workflowId": format!("w-{index}")}));
    let ten = Case::read(json!({"sqs": ten.collect::<Vec<_>>(), "timeoutMs": 30_000, "expect": {}}))?;
    let one = json!({"service": "appflow", "flowName": "orders", "executionIds": ["run-1"]});
    let one = json!({"sqs": [one], "destination": "bus", "timeoutMs": 30_000, "env": {"AWS_LAMBDA_LOG_LEVEL": "ERROR"}, "expect": {}});
    let one = Case::read(one)?;
    let simulator = one.simulator().await?;
    let proxy = text(Proxy::start(&simulator).await)?;
    let mut variables = one.variables(&simulator, None);
    variables.insert("AWS_ENDPOINT_URL".into(), proxy.url.clone());
    let _function = text(Function::start(&variables))?;
    simulator.delay(Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION, Duration::from_millis(300));
    simulator.invoke(ten.event(1)?, ten.invocation("lambda-1")).await;
    let ended = proxy.end_all(Ending::Silent).await;
    if ended < 10 {
        return Err(format!("expected ten idle connections, got {ended}"));
    }
    simulator.forget();
    let reply = simulator.invoke(one.event(1)?, one.invocation("lambda-2")).await;
    compare(&simulator, &reply, &[2], 2)
}

async fn check(ending: Ending, meanwhile: Meanwhile) -> std::result::Result<(), String> {
    let case = Case::read(json!({
        "sqs": services::requests(),
        "destination": "bus",
        "env": {
            "COUNTERMAND_MAX_ATTEMPTS": "1",
            "COUNTERMAND_RATES": services::unbounded_rates(),
            "AWS_LAMBDA_LOG_LEVEL": "ERROR",
        },
        "expect": {},
    }))?;
    let simulator = case.simulator().await?;
    let proxy = text(Proxy::start(&simulator).await)?;
    let mut variables = case.variables(&simulator, None);
    let endpoints = SERVICES.iter().map(|service| service.endpoint).chain(["AWS_ENDPOINT_URL"]);
    variables.extend(endpoints.map(|endpoint| (endpoint.to_owned(), proxy.url.clone())));
    let function = text(Function::start(&variables))?;
    for round in 0..=ROUNDS {
        if round > 0 {
            if meanwhile == Meanwhile::Frozen {
                text(function.signal("STOP"))?;
            }
            let ended = proxy.end_all(ending).await;
            if ended == 0 {
                return Err(format!("round {round}: expected idle connections, got none"));
            }
        }
        simulator.change(|world| *world = World::seeded());
        simulator.forget();
        let invoked = simulator.invoke(case.event(1)?, case.invocation(&format!("lambda-{round}")));
        let thawed = async {
            // Polled after the event was handed over.
            if round > 0 && meanwhile == Meanwhile::Frozen { function.signal("CONT") } else { Ok(()) }
        };
        let (reply, thawed) = tokio::join!(invoked, thawed);
        text(thawed)?;
        compare(&simulator, &reply, &[1; SERVICES.len()], SERVICES.len() + 1)
            .map_err(|difference| format!("round {round}: {difference}"))?;
    }
    Ok(())
}

/// Every record done and told, each in so many attempts, all in so many calls that arrived.
fn compare(
    simulator: &Simulator,
    reply: &Reply,
    attempts: &[u32],
    calls: usize,
) -> std::result::Result<(), String> {
    if *reply != Reply::Response(r#"{"batchItemFailures":[]}"#.into()) {
        return Err(format!("expected no record back, got {reply:?}\n{:#?}", simulator.published()));
    }
    let outcomes = simulator.published();
    let outcomes: Vec<Value> =
        outcomes.iter().map(|message| serde_json::from_str(&message.body).unwrap_or_default()).collect();
    let told: Vec<_> =
        outcomes.iter().map(|outcome| json!([outcome["status"], outcome["attempts"]])).collect();
    let expected: Vec<_> = attempts.iter().map(|attempts| json!(["ACCEPTED", attempts])).collect();
    let arrived = simulator.ledger().len();
    if told != expected || arrived != calls {
        return Err(format!("expected {expected:?} in {calls} calls, got {told:?} in {arrived}"));
    }
    Ok(())
}

/// Stands before the simulator and hands on every byte.
struct Proxy {
    url: String,
    port: u16,
    open: Arc<Mutex<JoinSet<()>>>,
    end: watch::Sender<Ending>,
}

impl Proxy {
    async fn start(simulator: &Simulator) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (end, ending) = watch::channel(Ending::Closed);
        let (open, to) = (Arc::new(Mutex::new(JoinSet::new())), simulator.address());
        let connections = Arc::clone(&open);
        tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                let Ok(onward) = TcpStream::connect(to).await else { continue };
                // What is handed on in pieces must not wait for the piece before to be acknowledged.
                let _ = (from.set_nodelay(true), onward.set_nodelay(true));
                // Only an end that is told from now on is this connection's.
                let mut ending = ending.clone();
                ending.mark_unchanged();
                connections.lock().await.spawn(hand_on(from, onward, ending));
            }
        });
        Ok(Self { url: format!("http://127.0.0.1:{port}"), port, open, end })
    }

    /// Ends every connection that is open; returned is how many there were.
    async fn end_all(&self, how: Ending) -> usize {
        let mut open = self.open.lock().await;
        while open.try_join_next().is_some() {}
        let count = open.len();
        self.end.send_replace(how);
        if how == Ending::Silent {
            return count;
        }
        while open.join_next().await.is_some() {}
        // Even on one machine an end may be under way while what was sent later has arrived.
        while self.any_established() {
            tokio::task::yield_now().await;
        }
        count
    }

    /// Whether the kernel takes any connection to this proxy for open on the function's side.
    fn any_established(&self) -> bool {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        let remote = format!("0100007F:{:04X} 01 ", self.port);
        table.contains(&remote)
    }
}

async fn hand_on(mut from: TcpStream, mut onward: TcpStream, mut ending: watch::Receiver<Ending>) {
    tokio::select! {
        _ = copy_bidirectional(&mut from, &mut onward) => return,
        _ = ending.changed() => {}
    }
    let ended = *ending.borrow();
    match ended {
        // Dropped with nothing unread, it is closed in order.
        Ending::Closed => {}
        Ending::Reset => drop(from.set_zero_linger()),
        Ending::Silent => std::future::pending().await,
    }
}

fn text<T>(result: Result<T>) -> std::result::Result<T, String> {
    result.map_err(|error| error.to_string())
}
