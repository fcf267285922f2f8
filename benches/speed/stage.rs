//! What one process runs against: a Runtime API in plain HTTP, as Lambda's, services behind TLS, with enough
//! in them to cancel, and the events that ask for it. Whoever has it can tell whether the work was done.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use countermand_simulator::{Flow, Invocation, Operation, Reply, Run, RunStatus, Secure, Simulator, World};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::contestant::Contestant;
use crate::process::Process;
use crate::quota::Quota;

/// As many as a batch has records, so that no request can share the call of another.
pub const FLOWS: usize = 10;
const EVENT: &str = include_str!("../../events/sqs-appflow-one-run.json");
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// Where Debian and Amazon Linux keep the certificates of the authorities that everybody trusts.
const ROOTS: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

pub struct Stage {
    simulator: Simulator,
    secure: Secure,
    asked: Cell<usize>,
}

impl Stage {
    /// A stage with so many runs to cancel.
    pub async fn build(runs: usize) -> io::Result<Self> {
        let run = |run| Run::new(format!("run-{run}"), RunStatus::InProgress);
        let appflow = (0..FLOWS).map(|flow| {
            // Which flow a run is asked of is left to the event.
            (format!("flow-{flow}"), Flow { runs: (0..runs).map(run).collect(), ..Flow::default() })
        });
        let appflow = appflow.collect();
        let world = World { appflow, buses: vec!["outcomes".into()], ..World::default() };
        let simulator = Simulator::start(world, ([127, 0, 0, 1], 0).into()).await?;
        let secure = simulator.secure().await?;
        Ok(Self { simulator, secure, asked: Cell::new(0) })
    }

    /// Starts a process of the contestant and waits until it asks for an event.
    pub async fn start(&self, contestant: &Contestant, quota: Option<&Quota>) -> io::Result<Process> {
        let environment = self.environment()?;
        let mut process = Process::spawn(&contestant.start, &environment, quota)?;
        while timeout(Duration::from_millis(100), self.simulator.polled()).await.is_err() {
            process.still_runs()?;
            if process.age() > FIRST_WAIT {
                return Err(io::Error::other(format!("expected a start within {FIRST_WAIT:?}")));
            }
        }
        Ok(process)
    }

    fn environment(&self) -> io::Result<Vec<(&'static str, String)>> {
        let trusted =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("speed-{}.pem", std::process::id()));
        // Loading the roots of the world is a part of every start.
        let roots = ROOTS.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        std::fs::write(&trusted, format!("{roots}\n{}", self.secure.authority_pem()))?;
        let trusted = trusted.display().to_string();
        let of_shell = |name| std::env::var(name).unwrap_or_default();
        Ok(vec![
            ("AWS_LAMBDA_RUNTIME_API", self.simulator.address().to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", countermand_simulator::FUNCTION_NAME.into()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".into()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
            ("AWS_REGION", countermand_simulator::REGION.into()),
            ("AWS_DEFAULT_REGION", countermand_simulator::REGION.into()),
            ("AWS_ACCESS_KEY_ID", "AKIASIMULATOREXAMPLE".into()),
            ("AWS_SECRET_ACCESS_KEY", "simulator/secret/access/key/EXAMPLE".into()),
            ("AWS_ENDPOINT_URL", self.secure.base_url()),
            ("SSL_CERT_FILE", trusted.clone()),
            ("AWS_CA_BUNDLE", trusted.clone()),
            ("NODE_EXTRA_CA_CERTS", trusted),
            (
                "COUNTERMAND_OUTCOME_DESTINATION",
                "arn:aws:events:us-east-1:111122223333:event-bus/outcomes".into(),
            ),
            // As whoever deploys it for this job would: a start opens no connection to SWF then.
            ("COUNTERMAND_ALLOWED_TARGETS", "appflow:*".into()),
            // Not to be held up by its own pace: what is measured is how fast it could be.
            ("COUNTERMAND_RATES", "appflow.CancelFlowExecutions=100000/100000".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("PATH", of_shell("PATH")),
            ("HOME", of_shell("HOME")),
        ])
    }

    /// The reply to each call that the job needs takes so long from now on.
    pub fn delay(&self, delay: Duration) {
        self.simulator.delay(Operation::CANCEL_FLOW_EXECUTIONS, delay);
        self.simulator.delay(Operation::PUT_EVENTS, delay);
    }

    /// Waits until the function asks for its next event.
    pub async fn polled(&self) -> io::Result<()> {
        let polled = timeout(FIRST_WAIT, self.simulator.polled()).await;
        polled.map_err(|_| io::Error::other("expected the function to ask for the next event"))
    }

    /// Hands the event over and waits for the response, which must give no record back. Returned is how long
    /// it took.
    pub async fn invoke(&self, event: String) -> io::Result<Duration> {
        let handed_over = Instant::now();
        let reply =
            self.simulator.invoke(event, Invocation { timeout: FIRST_WAIT, ..Invocation::default() }).await;
        let took = handed_over.elapsed();
        let response = match &reply {
            Reply::Response(response) => serde_json::from_str::<Value>(response).ok(),
            _ => None,
        };
        match response.and_then(|mut response| Some(response.get_mut("batchItemFailures")?.take())) {
            Some(failures) if failures == json!([]) => Ok(took),
            _ => Err(io::Error::other(format!("expected a response without failures, got {reply:?}"))),
        }
    }

    /// A batch of records, each of which asks for a run of its own, of so many flows in turn.
    pub fn event(&self, records: usize, flows: usize) -> String {
        let mut event: Value = serde_json::from_str(EVENT).expect("the sample is JSON");
        let sample = event["Records"][0].take();
        let first = self.asked.replace(self.asked.get() + records);
        let record = |number: usize| {
            let mut record = sample.clone();
            record["messageId"] = format!("00000000-0000-4000-8000-{number:012}").into();
            let flow = format!("flow-{}", number % flows);
            let body =
                json!({"service": "appflow", "flowName": flow, "executionIds": [format!("run-{number}")]});
            record["body"] = body.to_string().into();
            record
        };
        event["Records"] = (first..first + records).map(record).collect();
        event.to_string()
    }

    /// Whether each run that was to be canceled was, once, and as many outcomes were published.
    pub fn check(&self, contestant: &Contestant) -> io::Result<()> {
        let asked = if contestant.kind.works() { self.asked.get() } else { 0 };
        let expected: BTreeSet<String> = (0..asked).map(|number| format!("run-{number}")).collect();
        let canceled = self.canceled();
        let published = self.simulator.published().len();
        if canceled.len() == asked && published == asked && expected == canceled.iter().cloned().collect() {
            return Ok(());
        }
        let canceled = canceled.len();
        Err(io::Error::other(format!(
            "expected {asked} runs canceled, each once, and as many outcomes, got {canceled} and {published}"
        )))
    }

    /// The runs that were named in calls that succeeded.
    fn canceled(&self) -> Vec<String> {
        let operation = Operation::CANCEL_FLOW_EXECUTIONS.to_string();
        let calls = self.simulator.ledger();
        let done = calls.iter().filter(|call| call.operation == operation && call.status == Some(200));
        let ids = done.filter_map(|call| call.request["executionIds"].as_array()).flatten();
        ids.filter_map(Value::as_str).map(String::from).collect()
    }
}
