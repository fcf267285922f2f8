//! One case: starts the simulator and the binary, hands over the event, compares what followed.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countermand_simulator::{Fault, Invocation, Limit, Reply, Simulator, World};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::expand::{expand, sqs_event};
use crate::matching::{difference, difference_in_any_order};

/// A case file. The event is one of `event` (a file of `events/` or the event itself), `sqs` (the
/// bodies of a batch) and `raw` (the bytes).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    #[serde(default)]
    event: Option<Value>,
    #[serde(default)]
    sqs: Option<Vec<Value>>,
    #[serde(default)]
    raw: Option<String>,
    #[serde(default = "one")]
    receive_count: u64,
    /// When the batch was sent, in milliseconds since the epoch; a second ago where it is not said.
    #[serde(default = "a_second_ago")]
    sent_at: u64,
    /// Variables beside those of the simulator, whose address `{simulator}` stands for; `{deaf}` is
    /// one on which connecting never ends; `null` takes a variable away.
    #[serde(default)]
    env: BTreeMap<String, Option<String>>,
    #[serde(default)]
    destination: Option<DestinationKind>,
    #[serde(default = "World::seeded")]
    world: World,
    #[serde(default)]
    faults: Vec<Fault>,
    #[serde(default)]
    limits: Vec<Limit>,
    #[serde(default = "ten_seconds")]
    timeout_ms: u64,
    expect: Expectation,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DestinationKind {
    Bus,
    Topic,
    Queue,
}

/// What must have happened. What is not named is not looked at, but for `response` and `error`: the
/// one that is not named must not have come.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Expectation {
    #[serde(deserialize_with = "even_null")]
    response: Option<Value>,
    /// A function error: its type, and its message as JSON where it is JSON.
    error: Option<Value>,
    /// A part of the message of an init error.
    init_error: Option<String>,
    /// Every call to a service that cancels, in any order.
    calls: Option<Vec<Value>>,
    /// The operations of those calls, in the order in which they arrived.
    order: Option<Vec<String>>,
    /// Every call that publishes, in order.
    publish_calls: Option<Vec<Value>>,
    /// Every record that was given back to its queue: its receipt handle, and for how many seconds.
    given_back: Option<Vec<Value>>,
    /// Every message that arrived, its body as JSON.
    published: Option<Vec<Value>>,
    /// Parts of the log.
    log: Vec<String>,
    /// What the log says once and not again.
    log_once: Vec<String>,
    /// What the log must not hold.
    not_in_log: Vec<String>,
    /// The state afterwards.
    world: Option<Value>,
}

/// `null` is a response like any other.
fn even_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn a_second_ago() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or_default() - 1_000
}

fn one() -> u64 {
    1
}

fn ten_seconds() -> u64 {
    10_000
}

/// Runs a case file.
pub fn run(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let value = expand(serde_json::from_str(&text).map_err(|error| error.to_string())?);
    let case: Case = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(case.run())
}

/// Starts the function without a destination, and with nothing to say unless it goes wrong.
pub fn start_quietly(simulator: &Simulator) -> std::io::Result<Function> {
    let case = json!({"raw": "", "env": {"AWS_LAMBDA_LOG_LEVEL": "ERROR"}, "expect": {}});
    let case: Case = serde_json::from_value(case)?;
    case.start(simulator, None)
}

/// The function's process, ended with the case.
pub struct Function(Child);

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself, which the reply has told.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port on which connecting never ends: nobody accepts, and the backlog is full.
struct Deaf {
    url: String,
    _listener: TcpListener,
    _backlog: Vec<TcpStream>,
}

impl Deaf {
    async fn listen() -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let listener = socket.listen(1)?;
        let address = listener.local_addr()?;
        let mut backlog = Vec::new();
        // A connection that is not made at once on this machine is one too many for the backlog.
        while let Ok(connected) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
            backlog.push(connected?);
        }
        Ok(Self { url: format!("http://{address}"), _listener: listener, _backlog: backlog })
    }
}

impl Case {
    async fn run(&self) -> Result<(), String> {
        let address = ([127, 0, 0, 1], 0).into();
        let simulator =
            Simulator::start(self.world.clone(), address).await.map_err(|error| error.to_string())?;
        self.faults.iter().for_each(|fault| simulator.script(fault.clone()));
        self.limits.iter().for_each(|limit| simulator.limit(limit.clone()));
        let asked = self.env.values().flatten().any(|value| value.contains("{deaf}"));
        let deaf = if asked { Some(Deaf::listen().await.map_err(|error| error.to_string())?) } else { None };
        let mut function = self.start(&simulator, deaf.as_ref()).map_err(|error| error.to_string())?;
        let invocation = Invocation {
            request_id: Some("lambda-1".into()),
            timeout: Duration::from_millis(self.timeout_ms),
        };
        let reply = simulator.invoke(self.event()?, invocation).await;
        let _ = function.0.kill();
        let mut log = String::new();
        if let Some(mut stdout) = function.0.stdout.take() {
            stdout.read_to_string(&mut log).map_err(|error| error.to_string())?;
        }
        self.check(&simulator, reply, &log).map_or(Ok(()), |difference| {
            Err(format!("{difference}\n--- calls\n{:#?}\n--- log\n{log}", simulator.ledger()))
        })
    }

    fn event(&self) -> Result<String, String> {
        match (&self.event, &self.sqs, &self.raw) {
            (Some(Value::String(file)), None, None) => {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(file);
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
            }
            (Some(event), None, None) => Ok(event.to_string()),
            (None, Some(bodies), None) => Ok(sqs_event(bodies, self.receive_count, self.sent_at).to_string()),
            (None, None, Some(raw)) => Ok(raw.clone()),
            _ => Err("a case has one of event, sqs and raw".into()),
        }
    }

    fn start(&self, simulator: &Simulator, deaf: Option<&Deaf>) -> std::io::Result<Function> {
        let mut variables: BTreeMap<String, String> =
            simulator.environment().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let Some(kind) = self.destination {
            let arn = match kind {
                DestinationKind::Bus => "arn:aws:events:us-east-1:111122223333:event-bus/outcomes",
                DestinationKind::Topic => "arn:aws:sns:us-east-1:111122223333:outcomes",
                DestinationKind::Queue => "arn:aws:sqs:us-east-1:111122223333:outcomes",
            };
            variables.insert("COUNTERMAND_OUTCOME_DESTINATION".into(), arn.into());
        }
        variables.insert("AWS_LAMBDA_LOG_FORMAT".into(), "JSON".into());
        variables.insert("AWS_EC2_METADATA_DISABLED".into(), "true".into());
        for (name, value) in &self.env {
            match value {
                Some(value) => {
                    let value = value.replace("{simulator}", &simulator.base_url());
                    let deaf = deaf.map_or("", |deaf| &deaf.url);
                    variables.insert(name.clone(), value.replace("{deaf}", deaf))
                }
                None => variables.remove(name),
            };
        }
        let child = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Function(child))
    }

    fn check(&self, simulator: &Simulator, reply: Reply, log: &str) -> Option<String> {
        let expect = &self.expect;
        let calls: Vec<Value> = simulator.ledger().iter().map(|call| json!(call)).collect();
        let (giving_back, calls): (Vec<Value>, Vec<Value>) =
            calls.into_iter().partition(|call| call["operation"] == "sqs.ChangeMessageVisibility");
        let given_back: Vec<Value> = giving_back
            .iter()
            .map(|call| json!([call["request"]["ReceiptHandle"], call["request"]["VisibilityTimeout"]]))
            .collect();
        let (publishing, canceling): (Vec<Value>, Vec<Value>) = calls.into_iter().partition(|call| {
            let operation = call["operation"].as_str().unwrap_or_default();
            ["eventbridge.", "sns.", "sqs."].iter().any(|service| operation.starts_with(service))
        });
        let published: Vec<Value> = simulator
            .published()
            .iter()
            .map(|message| {
                let mut value = json!(message);
                value["body"] = serde_json::from_str(&message.body).unwrap_or_default();
                value
            })
            .collect();
        let world = json!(simulator.world());
        self.check_reply(reply)
            .or_else(|| difference_in_any_order(expect.calls.as_ref()?, &canceling, "calls"))
            .or_else(|| {
                let arrived: Vec<&Value> = canceling.iter().map(|call| &call["operation"]).collect();
                difference(&json!(expect.order.as_ref()?), &json!(arrived), "order")
            })
            .or_else(|| {
                difference(&json!(expect.publish_calls.as_ref()?), &json!(publishing), "publishCalls")
            })
            .or_else(|| difference_in_any_order(expect.given_back.as_ref()?, &given_back, "givenBack"))
            .or_else(|| difference(&json!(expect.published.as_ref()?), &json!(published), "published"))
            .or_else(|| difference(expect.world.as_ref()?, &world, "world"))
            .or_else(|| {
                expect
                    .log
                    .iter()
                    .find(|part| !log.contains(*part))
                    .map(|part| format!("log: expected {part}"))
            })
            .or_else(|| {
                let wrong = expect.log_once.iter().find(|part| log.matches(part.as_str()).count() != 1);
                wrong.map(|part| format!("log: expected {part} once"))
            })
            .or_else(|| {
                let found = expect.not_in_log.iter().find(|part| log.contains(*part));
                found.map(|part| format!("log: expected no {part}"))
            })
    }

    fn check_reply(&self, reply: Reply) -> Option<String> {
        let expect = &self.expect;
        let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
        match (reply, &expect.response, &expect.error, &expect.init_error) {
            (Reply::Response(text), Some(expected), None, None) => {
                difference(expected, &json(text), "response")
            }
            (Reply::FunctionError { error_type, error_message }, None, Some(expected), None) => {
                let actual = json!({"errorType": error_type, "errorMessage": json(error_message)});
                difference(expected, &actual, "error")
            }
            (Reply::InitError { error_message, .. }, None, None, Some(part)) => (!error_message
                .contains(part))
            .then(|| format!("initError: expected {part}, got {error_message}")),
            (reply, ..) => Some(format!("expected a reply of another kind, got {reply:?}")),
        }
    }
}
