//! Simulated AppFlow, SWF, CloudFlow, Step Functions, EventBridge, SNS, SQS, Secrets Manager, STS of both clouds and
//! Lambda Runtime API, in one process and on one port, in the real wire protocols. It keeps state, refuses what the
//! real services refuse, and goes wrong on demand: throttling, errors, connections that drop or hang, replies that
//! nobody can read. It is for tests and the local run only, and is never part of the function.
//!
//! ```no_run
//! use countermand_simulator::{Invocation, Simulator, World};
//!
//! # async fn example() -> std::io::Result<()> {
//! let simulator = Simulator::start(World::seeded(), ([127, 0, 0, 1], 0).into()).await?;
//! // Start the function with `simulator.environment()`, then:
//! let reply = simulator.invoke(r#"{"service": "appflow"}"#.into(), Invocation::default()).await;
//! println!("{reply:?}, after {} calls", simulator.ledger().len());
//! # Ok(())
//! # }
//! ```

mod call;
mod refusal;
mod wire;

mod server;
mod service;
mod sigv4;
mod work;

mod acs;
mod jwt;
mod ram;
mod sts;
mod appflow;
mod batch;
mod cloudflow;
mod eventbridge;
mod queues;
mod secrets;
mod sns;
mod sqs;
mod stepfunctions;
mod swf;

mod control;
mod in_process;
mod mapping;
mod role;
mod runtime_api;
mod secure;

mod changes;
mod clock;
mod faults;
mod fields;
mod ledger;
mod pages;
mod timestamp;
mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub use crate::appflow::{AppflowRecordsOrder, Flow, FlowStatus, Run, RunStatus, Trigger};
pub use crate::cloudflow::{CloudflowExecution, CloudflowFlow, CloudflowStatus};
pub use crate::faults::{Fault, FaultKind, Limit};
pub use crate::in_process::Queued;
pub use crate::ledger::{Call, Counts, Published};
pub use crate::mapping::{Batch, Mapping};
pub use crate::ram::RamRole;
pub use crate::runtime_api::{Invocation, Reply};
pub use crate::secure::{Flaw, Secure};
pub use crate::service::Operation;
use crate::service::Service;
pub use crate::stepfunctions::{ExecutionStatus, StateMachine, StateMachineExecution};
pub use crate::swf::{CloseStatus, Domain, WorkflowExecution, WorkflowStatus, WorkflowType};
pub use crate::timestamp::Timestamp;
pub use crate::world::{AnyRun, Redrive, World};

/// The account that every ARN and queue URL must name.
pub const ACCOUNT_ID: &str = "111122223333";
/// The AWS region that every signature must be scoped to.
pub const REGION: &str = "us-east-1";
/// The key that signs for CloudFlow; no other is known to the simulator.
pub const ALIBABA_ACCESS_KEY_ID: &str = "LTAI5tSimulatorExample01";
pub const ALIBABA_ACCESS_KEY_SECRET: &str = "SimulatorSecretKeyExample01234";
/// The function's role, which tokens are about.
pub const FUNCTION_ROLE_ARN: &str = "arn:aws:iam::111122223333:role/countermand";
/// The function's name, as the Runtime API tells it.
pub const FUNCTION_NAME: &str = "countermand";

/// A running simulator. Cheap to clone; its tasks end with the last handle.
#[derive(Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
    /// One for each address.
    servers: Vec<Arc<Server>>,
}

/// Stops the server when the last handle is gone.
struct Server(AbortHandle);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the connections and the handles share.
pub(crate) struct Shared {
    address: SocketAddr,
    base_url: String,
    state: Mutex<work::State>,
    /// Something in the state changed.
    changed: Arc<Notify>,
    /// Something was noted of a call.
    noted: Notify,
    invocations: Mutex<runtime_api::Invocations>,
    /// An invocation waits for the function.
    invoked: Notify,
    /// The function waits for an invocation.
    polled: Notify,
}

impl Shared {
    fn checked(world: &World) -> std::io::Result<()> {
        world.check().map_err(|wrong| std::io::Error::new(std::io::ErrorKind::InvalidInput, wrong))
    }

    fn new(world: World, address: SocketAddr, base_url: String) -> Shared {
        let state = work::State::new(world);
        let changed = state.queues.changed();
        Shared {
            address,
            base_url,
            state: Mutex::new(state),
            changed,
            noted: Notify::new(),
            invocations: Mutex::default(),
            invoked: Notify::new(),
            polled: Notify::new(),
        }
    }

    /// The state; what a task that panicked left behind is as good as any.
    fn state(&self) -> MutexGuard<'_, work::State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn invocations(&self) -> MutexGuard<'_, runtime_api::Invocations> {
        self.invocations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Simulator {
    /// Listens on the address; port 0 is the kernel's choice. A world that cannot be is an error.
    pub async fn start(world: World, address: SocketAddr) -> std::io::Result<Simulator> {
        Shared::checked(&world)?;
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(world, address, format!("http://{address}")));
        let mut simulator = Simulator { shared, servers: Vec::new() };
        simulator.serve(listener);
        Ok(simulator)
    }

    /// Listens on one more address.
    pub async fn listen(&mut self, address: SocketAddr) -> std::io::Result<()> {
        self.serve(TcpListener::bind(address).await?);
        Ok(())
    }

    fn serve(&mut self, listener: TcpListener) {
        let server = tokio::spawn(server::run(listener, Arc::clone(&self.shared)));
        self.servers.push(Arc::new(Server(server.abort_handle())));
    }

    /// Where it listens; without a socket, port 0 of the unspecified address.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    pub fn base_url(&self) -> String {
        self.shared.base_url.clone()
    }

    /// Everything the function needs to run against this simulator.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let aws = [
            ("AWS_LAMBDA_RUNTIME_API", self.base_url().trim_start_matches("http://").to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION_NAME.into()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".into()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
            ("AWS_REGION", REGION.into()),
            ("AWS_ACCESS_KEY_ID", "AKIASIMULATOREXAMPLE".into()),
            ("AWS_SECRET_ACCESS_KEY", "simulator/secret/access/key/EXAMPLE".into()),
            ("AWS_ENDPOINT_URL", self.base_url()),
        ];
        let services = Service::canceling().flat_map(|(_, runs)| (runs.environment)(&self.shared.base_url));
        aws.into_iter().chain(services).collect()
    }

    /// Scripts a fault. Panics where it means nothing, as failing entries of a call without any.
    pub fn script(&self, fault: Fault) {
        self.shared.state().faults.script(fault);
    }

    /// Puts a token bucket before an operation, in place of the one it had.
    pub fn limit(&self, limit: Limit) {
        self.shared.state().faults.limit(&limit, Instant::now());
    }

    /// From now on each call of the operation is served so much later; zero ends it.
    pub fn delay(&self, operation: Operation, delay: Duration) {
        self.shared.state().faults.delay(operation, delay);
    }

    /// Every call to a service, in order of arrival.
    pub fn ledger(&self) -> Vec<Call> {
        self.shared.state().ledger.calls().to_vec()
    }

    /// Waits until the ledger shows what is awaited; it is looked at whenever a call's fault or ending
    /// was noted.
    pub async fn until(&self, shows: impl Fn(&[Call]) -> bool) {
        loop {
            let noted = self.shared.noted.notified();
            if shows(self.shared.state().ledger.calls()) {
                return;
            }
            noted.await;
        }
    }

    /// How often each operation was called since the start, forgotten calls included.
    pub fn counts(&self) -> BTreeMap<String, Counts> {
        self.shared.state().ledger.counts().clone()
    }

    /// Empties the ledger and what was published, for those who make more calls than are to be kept.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.ledger.forget();
        state.published.clear();
    }

    /// The messages that reached a bus, a topic or a queue.
    pub fn published(&self) -> Vec<Published> {
        self.shared.state().published.clone()
    }

    /// The simulator's time, which runs with tokio's clock.
    pub fn now(&self) -> Timestamp {
        self.shared.state().clock.now()
    }

    /// The state now.
    pub fn world(&self) -> World {
        control::world(&self.shared)
    }

    /// Changes the state behind the services' back, as time and other people do. Panics where what
    /// comes of it could not be.
    pub fn change(&self, change: impl FnOnce(&mut World)) {
        if let Err(wrong) = control::change(&self.shared, change) {
            panic!("expected a world that can be, got {wrong}");
        }
    }

    /// The same just before the call of that number from now is served, 1 being the operation's next; the
    /// change is told what time it is.
    pub fn before(
        &self,
        operation: Operation,
        number: u32,
        change: impl FnOnce(&mut World, Timestamp) + Send + 'static,
    ) {
        self.shared.state().changes.before(operation, number, Box::new(change));
    }

    /// Ends what is being canceled: AppFlow runs, and SWF executions whose decider complies.
    pub fn settle(&self) {
        control::settle(&self.shared);
    }

    /// Waits until the function has started, and is done with what it was given: until it waits for an event.
    pub async fn polled(&self) {
        runtime_api::polled(&self.shared).await;
    }

    /// Hands the event to the function and waits for its response.
    pub async fn invoke(&self, event: String, invocation: Invocation) -> Reply {
        runtime_api::invoke(&self.shared, event, invocation).await
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Simulator").field("address", &self.address()).finish_non_exhaustive()
    }
}
