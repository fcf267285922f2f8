//! What a start prepares for the first request: connections to the AWS services that requests may reach and to
//! the destinations, opened over TLS with nothing asked on them, and used by the first request.
//!
//! Each service listens on a port of its own, so that its connections and requests can be counted. How long
//! a start prepares at most is a unit test of `start_up.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use countermand_simulator::{Reply, Secure, Simulator, World};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::case::{Case, in_real_time};
use crate::function::Function;
use crate::services::{SERVICES, Service};

/// Leads to a role's credentials, which count where the environment has none.
const ROLE: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const BUS: &str = "AWS_ENDPOINT_URL_EVENTBRIDGE";
/// Services that are asked for no cancel, by the variables that lead to them.
const OTHERS: [&str; 4] = [BUS, "AWS_ENDPOINT_URL_SNS", "AWS_ENDPOINT_URL_SQS", ROLE];

/// How often each service is met, by the variable that leads to it.
type Counts = BTreeMap<&'static str, usize>;

/// Those whose connections can be opened before anything is asked.
fn of_aws() -> impl DoubleEndedIterator<Item = &'static Service> {
    SERVICES.into_iter().filter(|service| service.is_of_aws())
}

/// The one that something is made to go wrong with.
fn first() -> &'static Service {
    of_aws().next().expect("a service of AWS's")
}

/// Each of [`of_aws`] and these.
fn once_all(others: &[&'static str]) -> Counts {
    of_aws()
        .map(|service| service.endpoint)
        .chain(others.iter().copied())
        .map(|endpoint| (endpoint, 1))
        .collect()
}

/// What a start logs of each service that it could not wait for.
const UNFINISHED: &str = "not ready within 300ms";
const UNPREPARED: &str = "a first call could not be prepared";
const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:outcomes";
const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:follow-ups";
/// Far longer than anything here takes.
const FIRST_WAIT: Duration = Duration::from_secs(30);

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    let only = |service: &Service| json!({"COUNTERMAND_ALLOWED_TARGETS": format!("{}:*", service.name())});
    let foreign =
        SERVICES.into_iter().find(|service| !service.is_of_aws()).expect("one that is not of AWS's");
    let topic = json!({"COUNTERMAND_OUTCOME_DESTINATION": TOPIC, "COUNTERMAND_MAX_IN_FLIGHT_CALLS": "1"});
    let follow_ups = json!({"COUNTERMAND_FOLLOW_UP_QUEUE_ARN": QUEUE});
    let one = Counts::from([(first().endpoint, 1), (BUS, 1)]);
    for (name, variables, asked, idle) in [
        ("to-services-that-requests-may-reach-and-the-bus", json!({}), once_all(&[BUS]), None),
        ("to-no-service-that-no-request-may-reach", only(first()), one, None),
        ("to-none-across-a-border", only(foreign), Counts::from([(BUS, 1)]), None),
        ("to-a-topic", topic, once_all(&[OTHERS[1]]), None),
        ("to-the-queue-of-follow-ups", follow_ups, once_all(&[BUS]), Some(OTHERS[2])),
    ] {
        let mut opened = asked.clone();
        opened.extend(idle.map(|endpoint| (endpoint, 1)));
        let (ready, done) = ((opened.clone(), Counts::new()), (opened, asked));
        let test = move || in_real_time(goes(variables, ready, None, done)).map_err(Into::into);
        trials.push(Trial::test(format!("a-start-opens-connections-and-asks-nothing-{name}"), test));
    }
    let test = || {
        let keyless = json!({"AWS_ACCESS_KEY_ID": null, "AWS_SECRET_ACCESS_KEY": null});
        let (opened, role) = (once_all(&[BUS, ROLE]), Counts::from([(ROLE, 1)]));
        in_real_time(goes(keyless, (opened.clone(), role), None, (opened.clone(), opened)))
            .map_err(Into::into)
    };
    trials.push(Trial::test("a-start-fetches-the-credentials-that-the-first-request-needs", test));
    for (name, fault, connections) in [
        ("a-connection-that-a-fault-came-over-is-given-up", "ServiceUnavailable", 2),
        ("a-connection-that-a-throttle-came-over-is-kept", "ThrottlingException", 1),
    ] {
        let test = move || {
            let (opened, mut in_all, mut asked) = (once_all(&[BUS]), once_all(&[BUS]), once_all(&[BUS]));
            in_all.insert(first().endpoint, connections);
            asked.insert(first().endpoint, 2);
            in_real_time(goes(json!({}), (opened, Counts::new()), Some(fault), (in_all, asked)))
                .map_err(Into::into)
        };
        trials.push(Trial::test(name, test));
    }
    let test = || in_real_time(untrusted()).map_err(Into::into);
    trials.push(Trial::test("what-cannot-be-prepared-is-only-logged", test));
    let test = || in_real_time(hanging()).map_err(Into::into);
    trials.push(Trial::test("a-service-that-accepts-no-connection-is-named-and-events-are-waited-for", test));
    trials
}

/// The function's surroundings.
struct Stage {
    case: Case,
    simulator: Simulator,
    services: Vec<(&'static str, Secure)>,
    variables: BTreeMap<String, String>,
    authorities: PathBuf,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.authorities);
    }
}

impl Stage {
    async fn set(variables: &Value) -> Result<Self, String> {
        let case = Case::read(json!({
            "sqs": of_aws().map(Service::request).collect::<Vec<_>>(),
            "destination": "bus",
            "env": variables,
            "expect": {},
        }))?;
        let simulator = case.simulator().await?;
        simulator.change(|world| *world = World::seeded());
        let mut variables = case.variables(&simulator, None);
        let mut services = Vec::new();
        for endpoint in SERVICES.iter().map(|service| service.endpoint).chain(OTHERS) {
            let service = simulator.secure().await.map_err(|error| error.to_string())?;
            let path = if endpoint == ROLE { "/_role" } else { "" };
            variables.insert(endpoint.into(), service.base_url() + path);
            services.push((endpoint, service));
        }
        let name = format!("authorities-{}.pem", simulator.address().port());
        let authorities = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        variables.entry("SSL_CERT_FILE".into()).or_insert_with(|| authorities.display().to_string());
        let trusted: String = services.iter().map(|(_, service)| service.authority_pem()).collect();
        std::fs::write(&authorities, trusted).map_err(|error| error.to_string())?;
        Ok(Self { case, simulator, services, variables, authorities })
    }

    /// Starts the function, waits until it wants an event, and checks; returned is the log too.
    async fn run(&self, check: impl AsyncFn(&Self) -> Result<(), String>) -> Result<String, String> {
        let function = Function::start(&self.variables).map_err(|error| error.to_string())?;
        let polled = timeout(FIRST_WAIT, self.simulator.polled()).await;
        let checked = match polled {
            Ok(()) => check(self).await,
            Err(_) => Err("expected the function to wait for an event".into()),
        };
        let log = function.end().map_err(|error| error.to_string())?;
        // What a start had no time for shows nothing.
        if log.contains(UNFINISHED) { Ok(log) } else { checked.map(|()| log) }
    }

    /// A service may learn a little later than the function that a handshake is over.
    async fn expect(&self, expected: (Counts, Counts)) -> Result<(), String> {
        let each = |count: fn(&Secure) -> usize| {
            let counts = self.services.iter().map(|(endpoint, service)| (*endpoint, count(service)));
            counts.filter(|(_, count)| *count > 0).collect::<Counts>()
        };
        let counts = || (each(Secure::connections), each(Secure::requests));
        let reached = timeout(Duration::from_secs(5), self.simulator.until(|_| counts() == expected)).await;
        reached
            .map_err(|_| format!("connections and requests: expected {expected:?}, got {:?}", counts()))?;
        let services = self.services.iter().map(|(_, service)| service);
        let unasked = services.filter(|service| service.requests() == 0);
        match unasked.map(Secure::bytes).sum() {
            0 => Ok(()),
            bytes => Err(format!("expected not a byte on connections without a request, got {bytes}")),
        }
    }
}

/// A start on a machine that is too busy to finish what it prepares says so, and is made again.
async fn in_time(
    variables: Value,
    check: impl AsyncFn(&Stage) -> Result<(), String>,
) -> Result<String, String> {
    for _ in 0..20 {
        let log = Stage::set(&variables).await?.run(&check).await?;
        if !log.contains(UNFINISHED) {
            return match log.lines().find(|line| line.contains("WARN") || line.contains("ERROR")) {
                Some(line) => Err(format!("expected a start that warns of nothing, got {line}")),
                None => Ok(log),
            };
        }
    }
    Err("expected a start that finishes what it prepares, got none among 20".into())
}

/// The connections and requests when a start is done, and after a first event of which a service refuses the first
/// call with this code. A request that had been sent with a connection would be counted before those.
async fn goes(
    variables: Value,
    ready: (Counts, Counts),
    code: Option<&str>,
    done: (Counts, Counts),
) -> Result<(), String> {
    let check = async |stage: &Stage| {
        stage.expect(ready.clone()).await?;
        if let Some(code) = code {
            let operation = first().cancel;
            let status = if code == "ServiceUnavailable" { 503 } else { 400 };
            let fault = json!({"operation": operation, "kind": "error", "status": status, "code": code});
            stage.simulator.script(serde_json::from_value(fault).map_err(|error| error.to_string())?);
        }
        let reply = stage.simulator.invoke(stage.case.event(1)?, stage.case.invocation("first")).await;
        if reply != Reply::Response(r#"{"batchItemFailures":[]}"#.into()) {
            return Err(format!("expected every record done, got {reply:?}"));
        }
        stage.expect(done.clone()).await
    };
    in_time(variables, check).await.map(drop)
}

/// The log says why, and the first request finds out by itself.
async fn untrusted() -> Result<(), String> {
    let stranger = Simulator::start(World::default(), ([127, 0, 0, 1], 0).into()).await;
    let stranger = stranger.map_err(|error| error.to_string())?;
    let stranger = stranger.secure().await.map_err(|error| error.to_string())?;
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("a-stranger.pem");
    std::fs::write(&path, stranger.authority_pem()).map_err(|error| error.to_string())?;
    let variables = json!({"SSL_CERT_FILE": path.display().to_string()});
    let log = in_time(variables, async |stage| stage.expect(Default::default()).await).await?;
    let why = "no connection to localhost:";
    let told = |name: &str| {
        log.lines().any(|line| line.contains(UNPREPARED) && line.contains(name) && line.contains(why))
    };
    match of_aws().map(Service::name).chain(["the destination"]).find(|name| !told(name)) {
        Some(name) => Err(format!("expected a line that {name} is not prepared, got\n{log}")),
        None => Ok(()),
    }
}

/// Connections that the kernel takes and nobody answers.
async fn hanging() -> Result<(), String> {
    let deaf = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| error.to_string())?;
    let port = deaf.local_addr().map_err(|error| error.to_string())?.port();
    let mut stage = Stage::set(&json!({})).await?;
    stage.variables.insert(first().endpoint.into(), format!("https://localhost:{port}"));
    let log = stage.run(async |_| Ok(())).await?;
    let told = log.lines().any(|line| line.contains(UNFINISHED) && line.contains(first().name()));
    told.then_some(())
        .ok_or_else(|| format!("expected a line that {} is not prepared, got\n{log}", first().name()))
}
