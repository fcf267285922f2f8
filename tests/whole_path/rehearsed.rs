//! What a start prepares for the first request: connections to the AWS services that requests may reach,
//! opened over TLS with nothing asked on them, and used by the first request.
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

/// The services, by the variables that lead to them.
const ENDPOINTS: [&str; 5] = [
    "AWS_ENDPOINT_URL_APPFLOW",
    "AWS_ENDPOINT_URL_SWF",
    "AWS_ENDPOINT_URL_EVENTBRIDGE",
    "AWS_ENDPOINT_URL_SQS",
    "COUNTERMAND_CLOUDFLOW_ENDPOINT_URL",
];

/// What a start logs that ran out of time.
const UNFINISHED: &str = "not all first calls could be prepared";
const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:follow-ups";

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, variables, opened) in [
        ("which-are-aws-services-that-requests-may-reach-and-the-bus", json!({}), [1, 1, 1, 0, 0]),
        (
            "which-are-not-what-no-request-may-reach",
            json!({"COUNTERMAND_ALLOWED_TARGETS": "appflow:orders*"}),
            [1, 0, 1, 0, 0],
        ),
        (
            "which-are-never-across-a-border",
            json!({"COUNTERMAND_ALLOWED_TARGETS": "cloudflow:*"}),
            [0, 0, 1, 0, 0],
        ),
        (
            "which-include-the-queue-of-follow-ups",
            json!({"COUNTERMAND_FOLLOW_UP_QUEUE_ARN": QUEUE}),
            [1, 1, 1, 1, 0],
        ),
    ] {
        let test = move || in_real_time(opens(variables.clone(), opened)).map_err(Into::into);
        trials.push(Trial::test(format!("a-start-opens-connections-and-asks-nothing-{name}"), test));
    }
    let test = || in_real_time(first_request()).map_err(Into::into);
    trials.push(Trial::test("the-first-request-goes-over-the-connections-that-the-start-opened", test));
    let test = || in_real_time(untrusted()).map_err(Into::into);
    trials.push(Trial::test("what-cannot-be-prepared-is-only-logged", test));
    let test = || in_real_time(hanging()).map_err(Into::into);
    trials.push(Trial::test("a-service-that-accepts-no-connection-keeps-no-start-from-its-events", test));
    trials
}

/// The function and the services that it was started with.
struct Stage {
    case: Case,
    simulator: Simulator,
    services: Vec<Secure>,
    variables: BTreeMap<String, String>,
    authorities: PathBuf,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.authorities);
    }
}

impl Stage {
    async fn set(variables: Value) -> Result<Self, String> {
        let case = Case::read(json!({
            "sqs": [
                {"service": "appflow", "flowName": "orders", "executionIds": ["run-1"]},
                {"service": "swf", "domain": "billing", "workflowId": "invoice-2041"},
            ],
            "destination": "bus",
            "env": variables,
            "expect": {},
        }))?;
        let simulator = case.simulator().await?;
        simulator.change(|world| *world = World::seeded());
        let mut variables = case.variables(&simulator, None);
        let mut services = Vec::new();
        for endpoint in ENDPOINTS {
            let service = simulator.secure().await.map_err(|error| error.to_string())?;
            variables.insert(endpoint.into(), service.base_url());
            services.push(service);
        }
        let authorities: String = services.iter().map(Secure::authority_pem).collect();
        let name = format!("authorities-{}.pem", simulator.address().port());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, authorities).map_err(|error| error.to_string())?;
        variables.insert("SSL_CERT_FILE".into(), path.display().to_string());
        Ok(Self { case, simulator, services, variables, authorities: path })
    }

    fn start(&self) -> Result<Function, String> {
        Function::start(&self.variables).map_err(|error| error.to_string())
    }

    async fn invoke(&self) -> Result<Reply, String> {
        Ok(self.simulator.invoke(self.case.event(1)?, self.case.invocation("first")).await)
    }

    /// The connections to each service, and the requests.
    fn counts(&self) -> (Vec<usize>, Vec<usize>) {
        let each = |count: fn(&Secure) -> usize| self.services.iter().map(count).collect();
        (each(Secure::connections), each(Secure::requests))
    }

    /// A service may learn a little later than the function that a handshake is over.
    async fn expect(&self, connections: [usize; 5], requests: [usize; 5]) -> Result<(), String> {
        let expected = (connections.to_vec(), requests.to_vec());
        let reached =
            timeout(Duration::from_secs(10), self.simulator.until(|_| self.counts() == expected)).await;
        reached.map_err(|_| {
            format!(
                "connections and requests of {ENDPOINTS:?}: expected {expected:?}, got {:?}",
                self.counts()
            )
        })
    }
}

async fn opens(variables: Value, opened: [usize; 5]) -> Result<(), String> {
    in_time(variables, async |stage| stage.expect(opened, [0; 5]).await).await
}

async fn first_request() -> Result<(), String> {
    in_time(json!({}), async |stage| {
        let reply = stage.invoke().await?;
        if reply != Reply::Response(r#"{"batchItemFailures":[]}"#.into()) {
            return Err(format!("expected every record done, got {reply:?}"));
        }
        stage.expect([1, 1, 1, 0, 0], [1, 1, 1, 0, 0]).await
    })
    .await
}

/// Checks a function that has started. A start on a machine that is too busy to finish the preparations
/// says so, and shows nothing; it is made again.
async fn in_time(variables: Value, check: impl AsyncFn(&Stage) -> Result<(), String>) -> Result<(), String> {
    for _ in 0..20 {
        let stage = Stage::set(variables.clone()).await?;
        let function = stage.start()?;
        stage.simulator.polled().await;
        let checked = check(&stage).await;
        let log = function.end().map_err(|error| error.to_string())?;
        if log.contains(UNFINISHED) {
            continue;
        }
        return match log.lines().find(|line| line.contains("WARN")) {
            Some(line) => Err(format!("expected a start that warns of nothing, got {line}")),
            None => checked,
        };
    }
    Err("expected a start that finishes its preparations, got none among 20".into())
}

/// The log says why, and the first request finds out by itself.
async fn untrusted() -> Result<(), String> {
    let mut stage = Stage::set(json!({})).await?;
    stage.variables.insert("SSL_CERT_FILE".into(), "/dev/null".into());
    let function = stage.start()?;
    stage.simulator.polled().await;
    stage.expect([0; 5], [0; 5]).await?;
    let log = function.end().map_err(|error| error.to_string())?;
    let told = log.lines().filter(|line| line.contains("a first call could not be prepared")).count();
    (told == 3).then_some(()).ok_or_else(|| format!("expected three lines about first calls, got\n{log}"))
}

/// Connections that the kernel takes and nobody answers.
async fn hanging() -> Result<(), String> {
    let mut stage = Stage::set(json!({})).await?;
    let deaf = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| error.to_string())?;
    let port = deaf.local_addr().map_err(|error| error.to_string())?.port();
    stage.variables.insert("AWS_ENDPOINT_URL_SWF".into(), format!("https://localhost:{port}"));
    let function = stage.start()?;
    stage.simulator.polled().await;
    let log = function.end().map_err(|error| error.to_string())?;
    log.contains(UNFINISHED).then_some(()).ok_or(log)
}
