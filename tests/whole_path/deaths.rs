//! Where the process can die, or an answer be lost, and what the next delivery then does.
//!
//! A file of `tests/deaths/` is a table: a request, its world, and a row for each step at which its
//! first delivery ends. A row may set any part of the case anew, and is a test for each signal that it
//! names. What is expected counts all deliveries together, but for the response, which is the last
//! one's. What names no run is delivered in envelopes too, whose times must change nothing. The steps in prose
//! stand in ARCHITECTURE.md.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use countermand::timestamp::Timestamp;
use countermand_simulator::{Fault, FaultKind, Operation, Reply, Simulator};
use libtest_mimic::Trial;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::case::{Case, in_real_time};
use crate::function::Function;
use crate::services;

/// A step that does not come in this time does not come.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// So long a delivery is held up where another one overtakes it.
const HELD_UP_MS: u64 = 1_500;

/// What a row says beside the case.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Death {
    step: String,
    #[serde(default)]
    ends: End,
    /// The signals, one test for each.
    #[serde(default = "kill")]
    by: Vec<String>,
    #[serde(default)]
    meanwhile: Meanwhile,
}

fn kill() -> Vec<String> {
    vec!["KILL".into()]
}

/// How the first delivery ends.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum End {
    /// It does not: all is done, and Lambda never hears of it.
    #[default]
    Unheard,
    /// The process dies as a call has reached its service, which has done nothing yet.
    Asked(Call),
    /// The process dies as the service has done the work, and not answered yet.
    Served(Call),
    /// The message is delivered again while this call, of which nothing was done yet, is held up.
    Overtaken(Call),
}

/// An operation, and which of its calls.
#[derive(Clone, Deserialize)]
struct Call(Operation, usize);

/// What happens between the deliveries.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Meanwhile {
    /// What is being canceled ends.
    settles: bool,
    /// What begins at that moment, by the list in the world that it joins.
    begins: Map<String, Value>,
}

/// Every row of every table, once for each of its signals.
pub fn trials() -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deaths");
    let files = std::fs::read_dir(folder).expect("tests/deaths can be listed");
    files.flat_map(|file| rows(file.expect("tests/deaths can be read").path())).collect()
}

fn rows(path: PathBuf) -> Vec<Trial> {
    let text = std::fs::read_to_string(&path).expect("a table can be read");
    let mut table: Value = serde_json::from_str(&text).expect("a table is JSON");
    let table = table.as_object_mut().expect("a table is an object");
    let Some(Value::Array(rows)) = table.remove("deaths") else { panic!("{}: no deaths", path.display()) };
    let file = path.file_stem().expect("a table has a name").to_string_lossy();
    let means_any = table["sqs"].as_array().is_some_and(|bodies| bodies.iter().all(services::means_any));
    let ways = if means_any { vec![false, true] } else { vec![false] };
    let tests = rows.into_iter().flat_map(|row| {
        let (death, case) = row_of(table, row);
        let signals = death.by.iter().flat_map(|signal| ways.iter().map(move |wrapped| (signal, *wrapped)));
        let tests = signals.map(|(signal, wrapped)| (death.clone(), case.clone(), signal.clone(), wrapped));
        tests.collect::<Vec<_>>()
    });
    let trials = tests.map(|(death, case, signal, wrapped)| {
        let by = if signal == "KILL" { "" } else { "-by-sigterm" };
        let way = if wrapped { "-in-events" } else { "" };
        let name = format!("death-{file}-{}{by}{way}", death.step);
        let case = move || if wrapped { in_events(case) } else { case };
        Trial::test(name, move || in_real_time(run(Case::read(case())?, death, signal)).map_err(Into::into))
    });
    trials.collect()
}

/// The same request, sent now: in an event whose clock runs a minute ahead, in another that knows the second.
fn in_events(mut case: Value) -> Value {
    let now = Timestamp::from(SystemTime::now());
    let event = |time: Timestamp, detail: &Value| json!({"detail-type": "Cancel Request", "id": "e", "time": time.to_seconds(), "detail": detail});
    for body in case["sqs"].as_array_mut().into_iter().flatten() {
        *body = event(now, &event(now.plus(Duration::from_secs(60)), body));
    }
    case["sentAt"] = json!(now.millis());
    case
}

/// A row's own part, and its case: the table's, with what the row sets anew.
fn row_of(table: &Map<String, Value>, row: Value) -> (Death, Value) {
    let Value::Object(row) = row else { panic!("expected a row, got {row}") };
    let of_death = |name: &str| ["step", "ends", "by", "meanwhile"].contains(&name);
    let (death, own): (Map<_, _>, Map<_, _>) = row.into_iter().partition(|(name, _)| of_death(name));
    let mut case = table.clone();
    for (name, value) in own {
        match (case.get_mut(&name), value) {
            (Some(Value::Object(common)), Value::Object(value)) => common.extend(value),
            (_, value) => drop(case.insert(name, value)),
        }
    }
    let death = Value::Object(death);
    let read = serde_json::from_value(death.clone());
    (read.unwrap_or_else(|error| panic!("{death}: {error}")), Value::Object(case))
}

/// Delivers the message, ends that as the row says, and delivers it once more.
async fn run(case: Case, death: Death, signal: String) -> Result<(), String> {
    let simulator = case.simulator().await?;
    let first = Delivery::begin(&case, &simulator, case.receive_count, &death.ends)?;
    let (reply, log) = match &death.ends {
        End::Unheard => {
            // The process lives on, and the same one gets the message again.
            first.reply.await.map_err(|error| error.to_string())?;
            death.meanwhile.pass(&simulator)?;
            let again = simulator.invoke(case.event(case.receive_count + 1)?, case.invocation("lambda-2"));
            (again.await, text(first.function.end())?)
        }
        End::Asked(call) | End::Served(call) => {
            first.reach(&simulator, call).await?;
            let log = first.die(&signal)?;
            death.meanwhile.pass(&simulator)?;
            let (reply, next) = Delivery::again(&case, &simulator)?.end().await?;
            (reply, log + &next)
        }
        End::Overtaken(call) => {
            first.reach(&simulator, call).await?;
            death.meanwhile.pass(&simulator)?;
            let (overtaking, log) = Delivery::again(&case, &simulator)?.end().await?;
            let (overtaken, next) = first.end().await?;
            if overtaken != overtaking {
                return Err(format!("expected the same reply twice, got {overtaken:?} and {overtaking:?}"));
            }
            (overtaken, log + &next)
        }
    };
    case.check(&simulator, reply, &log)
}

/// A delivery under way, in a process of its own.
struct Delivery {
    function: Function,
    reply: tokio::task::JoinHandle<Reply>,
}

impl Delivery {
    fn begin(case: &Case, simulator: &Simulator, receives: u64, end: &End) -> Result<Self, String> {
        end.script(simulator);
        let function = text(Function::start(&case.variables(simulator, None)))?;
        let (event, invocation) = (case.event(receives)?, case.invocation(&format!("lambda-{receives}")));
        let simulator = simulator.clone();
        let reply = tokio::spawn(async move { simulator.invoke(event, invocation).await });
        Ok(Self { function, reply })
    }

    /// The next one, which nothing ends.
    fn again(case: &Case, simulator: &Simulator) -> Result<Self, String> {
        Self::begin(case, simulator, case.receive_count + 1, &End::Unheard)
    }

    /// Waits until the call is where its fault holds it.
    async fn reach(&self, simulator: &Simulator, Call(operation, number): &Call) -> Result<(), String> {
        let operation = operation.to_string();
        let held = simulator.until(|calls| {
            let mut own = calls.iter().filter(|call| call.operation == operation);
            own.nth(number - 1).is_some_and(|call| match call.fault.as_deref() {
                Some("withholdReply") => call.duration_ms.is_some(),
                fault => fault.is_some(),
            })
        });
        let missing = || format!("expected call {number} of {operation}, got {:#?}", simulator.ledger());
        timeout(FIRST_WAIT, held).await.map_err(|_| missing())
    }

    /// Ends the process, and with it the delivery; left is what it logged.
    fn die(mut self, signal: &str) -> Result<String, String> {
        text(self.function.signal(signal))?;
        let status = text(self.function.wait())?;
        self.reply.abort();
        match std::os::unix::process::ExitStatusExt::signal(&status) {
            Some(_) => text(self.function.end()),
            None => Err(format!("expected an end by SIG{signal}, got {status}")),
        }
    }

    /// Its reply and its log.
    async fn end(self) -> Result<(Reply, String), String> {
        let reply = self.reply.await.map_err(|error| error.to_string())?;
        Ok((reply, text(self.function.end())?))
    }
}

impl End {
    /// Holds the call at its moment.
    fn script(&self, simulator: &Simulator) {
        let (Call(operation, number), kind) = match self {
            End::Unheard => return,
            End::Asked(call) => (call, FaultKind::Hang {}),
            End::Served(call) => (call, FaultKind::WithholdReply {}),
            End::Overtaken(call) => (call, FaultKind::Delay { ms: HELD_UP_MS }),
        };
        if let Some(before) = u32::try_from(number - 1).ok().filter(|before| *before > 0) {
            simulator.script(Fault::new(*operation, FaultKind::Delay { ms: 0 }).times(before));
        }
        simulator.script(Fault::new(*operation, kind));
    }
}

impl Meanwhile {
    fn pass(&self, simulator: &Simulator) -> Result<(), String> {
        if self.settles {
            simulator.settle();
        }
        let mut world = json!(simulator.world());
        for (list, value) in &self.begins {
            let mut value = value.clone();
            value["startedAt"] = json!(simulator.now());
            let list = world.pointer_mut(list).and_then(Value::as_array_mut);
            list.ok_or("begins: expected a list of the world")?.push(value);
        }
        let world = serde_json::from_value(world).map_err(|error| error.to_string())?;
        simulator.change(|now| *now = world);
        Ok(())
    }
}

fn text<T>(result: std::io::Result<T>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}
