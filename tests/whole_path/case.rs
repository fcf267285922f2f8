//! One case: starts the simulator and the binary, hands over the event, compares what followed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countermand::targets::{SERVICES, Service};
use countermand_simulator::{Fault, Invocation, Limit, Reply, Simulator, World};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::expand::{QUEUE, expand, sqs_event};
use crate::expectation::Expectation;
pub use crate::function::Function;
use crate::matching::difference;

/// A case file. The event is one of `event` (a file of `events/` or the event itself), `sqs` (the
/// bodies of a batch) and `raw` (the bytes).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    #[serde(default)]
    event: Option<Value>,
    #[serde(default)]
    sqs: Option<Vec<Value>>,
    #[serde(default)]
    raw: Option<String>,
    #[serde(default = "one")]
    pub receive_count: u64,
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
    /// What Lambda says of the invocation beside its usual words; an empty value leaves one of those out.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Where such a case was seen; in `tests/field/` each case says so.
    #[serde(default)]
    field: Option<Field>,
    expect: Expectation,
}

/// The origin of a case in `tests/field/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    /// What else is like it: the kind that the case stands for.
    kind: String,
    /// What was the matter, in a sentence.
    situation: String,
    /// The fault of the list that it was found as.
    #[serde(default, rename = "row")]
    _row: Option<u32>,
    /// Where such reports can be read: `<owner>/<repository>#<number>`.
    #[serde(default)]
    reports: Vec<String>,
}

impl Field {
    /// What its reader needs, and where to read more.
    fn check(&self) -> Result<(), String> {
        if self.kind.is_empty() || !self.situation.ends_with('.') {
            return Err("field: expected a kind, and a situation that is a sentence".into());
        }
        let is_report = |report: &&String| {
            let (repository, number) = report.split_once('#').unwrap_or_default();
            repository.matches('/').count() == 1 && number.parse::<u32>().is_ok()
        };
        match self.reports.iter().find(|report| !is_report(report)) {
            Some(report) => Err(format!("field: expected <owner>/<repository>#<number>, got {report}")),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DestinationKind {
    Bus,
    Topic,
    Queue,
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
    run_value(expand(read(path)?))
}

/// Runs a case of `tests/field/`, which says where it comes from.
pub fn run_field(path: &Path) -> Result<(), String> {
    let case = Case::read(read(path)?)?;
    case.field.as_ref().ok_or("expected a member `field`, got none")?.check()?;
    in_real_time(case.run())
}

/// Reads a case file. Messages list every service; in a case the three that there were first stand for all.
fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let all = |of: fn(&&Service) -> &'static str| SERVICES.iter().map(of).collect::<Vec<_>>().join(", ");
    let text = text.replace("appflow, swf, cloudflow", &all(|service| service.name));
    let forms = "appflow:<flow>, swf:<domain>/<workflow id>, cloudflow:<flow>";
    let text = text.replace(forms, &all(|service| service.key_form));
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// Runs a case that abbreviates nothing.
pub fn run_value(case: Value) -> Result<(), String> {
    let case: Case = serde_json::from_value(case).map_err(|error| error.to_string())?;
    in_real_time(case.run())
}

/// Runs a test whose clock is the machine's, as that of the function is.
pub fn in_real_time(test: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(test)
}

/// Starts the function without a destination, and with nothing to say unless it goes wrong.
pub fn start_quietly(simulator: &Simulator) -> std::io::Result<Function> {
    start_with(simulator, [])
}

/// The same with further variables.
pub fn start_with<const N: usize>(
    simulator: &Simulator,
    variables: [(&str, &str); N],
) -> std::io::Result<Function> {
    let mut case = json!({"raw": "", "env": {"AWS_LAMBDA_LOG_LEVEL": "ERROR"}, "expect": {}});
    variables.iter().for_each(|(name, value)| case["env"][name] = json!(value));
    let case: Case = serde_json::from_value(case)?;
    Function::start_unheard(&case.variables(simulator, None))
}

/// A port on which connecting never ends: nobody accepts, and the backlog is full.
pub struct Deaf {
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
    /// A case out of a file, its abbreviations spelled out.
    pub fn read(value: Value) -> Result<Self, String> {
        serde_json::from_value(expand(value)).map_err(|error| error.to_string())
    }

    async fn run(&self) -> Result<(), String> {
        let simulator = self.simulator().await?;
        let asked = self.env.values().flatten().any(|value| value.contains("{deaf}"));
        let deaf = if asked { Some(Deaf::listen().await.map_err(|error| error.to_string())?) } else { None };
        let variables = self.variables(&simulator, deaf.as_ref());
        let function = Function::start(&variables).map_err(|error| error.to_string())?;
        let began = Instant::now();
        let reply = simulator.invoke(self.event(self.receive_count)?, self.invocation("lambda-1")).await;
        let took = json!(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let log = function.end().map_err(|error| error.to_string())?;
        self.check(&simulator, reply, &log)?;
        let wrong = self.expect.took_ms.as_ref().and_then(|expected| difference(expected, &took, "tookMs"));
        wrong.map_or(Ok(()), Err)
    }

    /// A simulator with the case's world, faults and limits.
    pub async fn simulator(&self) -> Result<Simulator, String> {
        let address = ([127, 0, 0, 1], 0).into();
        let simulator =
            Simulator::start(self.world.clone(), address).await.map_err(|error| error.to_string())?;
        self.faults.iter().for_each(|fault| simulator.script(fault.clone()));
        self.limits.iter().for_each(|limit| simulator.limit(limit.clone()));
        Ok(simulator)
    }

    pub fn invocation(&self, request_id: &str) -> Invocation {
        let timeout = Duration::from_millis(self.timeout_ms);
        Invocation { request_id: Some(request_id.into()), timeout, headers: self.headers.clone() }
    }

    /// Compares what happened with what was expected; where they differ, all of it is told.
    pub fn check(&self, simulator: &Simulator, reply: Reply, log: &str) -> Result<(), String> {
        self.expect.difference(simulator, reply, log).map_or(Ok(()), |difference| {
            Err(format!("{difference}\n--- calls\n{:#?}\n--- log\n{log}", simulator.ledger()))
        })
    }

    /// The event as it is delivered for the so manieth time, where it comes from a queue.
    pub fn event(&self, receive_count: u64) -> Result<String, String> {
        match (&self.event, &self.sqs, &self.raw) {
            (Some(Value::String(file)), None, None) => {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(file);
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
            }
            (Some(event), None, None) => Ok(event.to_string()),
            (None, Some(bodies), None) => {
                // Follow-ups go to the queue that the function is fed from.
                let queue = self.env.get("COUNTERMAND_FOLLOW_UP_QUEUE_ARN").and_then(Option::as_deref);
                let queue = queue.unwrap_or(QUEUE);
                Ok(sqs_event(queue, bodies, receive_count, self.sent_at).to_string())
            }
            (None, None, Some(raw)) => Ok(raw.clone()),
            _ => Err("a case has one of event, sqs and raw".into()),
        }
    }

    /// What the function is to be started with.
    pub fn variables(&self, simulator: &Simulator, deaf: Option<&Deaf>) -> BTreeMap<String, String> {
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
        variables
    }
}
