//! Where a story plays: a simulated world, a queue that takes requests and follow-ups alike, and one
//! process of the function, which may die and be started anew. It knows what was delivered, called and
//! told, and when; what should have been is the tests' to say.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::time::{Duration, SystemTime};

use countermand_simulator::{AnyRun, Batch, Call, Mapping, Operation, Simulator, Timestamp, World};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::services::{self, Service};
use crate::simulated::{Process, in_simulated_time};

pub const QUEUE: &str = "cancel-requests";
pub const DEAD: &str = "dead-letters";
/// As the template has it.
pub const MOST_RECEIVES: u32 = 5;
const TIMEOUT: Duration = Duration::from_secs(30);

/// The seeded world, where what is asked to end takes so many seconds.
pub fn world(settles: u64) -> Value {
    let mut world = json!(World::seeded());
    world["settleAfterMs"] = json!(settles * 1_000);
    world
}

/// More than anybody waits for.
pub const NEVER: u64 = 1_000_000;

/// A request for the end of one run, followed for so long.
pub fn followed(service: &Service, within: u64) -> Value {
    let mut request = service.request();
    request["confirm"] = json!(true);
    request["confirmWithinSeconds"] = json!(within);
    request
}

pub struct Stage {
    pub simulator: Simulator,
    mapping: Mapping,
    variables: Vec<(String, String)>,
    /// Absent where it was killed.
    process: RefCell<Option<Process>>,
    began: Instant,
    began_at: SystemTime,
    deliveries: RefCell<Vec<Delivery>>,
    /// More will be sent.
    expects_more: Cell<bool>,
}

/// A batch that was handed to the function.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The ids of its messages, and what they say.
    pub records: Vec<(String, Value)>,
    /// Its calls, by their places in the ledger.
    pub calls: Range<usize>,
    /// The process ended before it answered.
    pub killed: bool,
}

/// When a process ends while it handles a batch.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    After(Duration),
    /// Once so many of the batch's calls are done.
    Calls(usize),
}

/// Plays a story in simulated time; the seed decides about jitter.
pub fn play<T>(seed: u64, story: impl AsyncFnOnce() -> T) -> T {
    in_simulated_time(async {
        fastrand::seed(seed);
        story().await
    })
}

impl Stage {
    /// The world is given without queues and buses, the variables beside those of the loop.
    pub fn new(world: Value, variables: &[(&str, &str)]) -> Self {
        let mut world: World = serde_json::from_value(world).expect("a story makes a world");
        world.buses = vec!["outcomes".into()];
        world.queues = vec![QUEUE.into(), DEAD.into()];
        let redrive = json!({"deadLetterQueue": DEAD, "maxReceiveCount": MOST_RECEIVES});
        world.redrive.insert(QUEUE.into(), serde_json::from_value(redrive).expect("a redrive"));
        let simulator = Simulator::in_process(world).expect("the world can be");
        let most_receives = MOST_RECEIVES.to_string();
        let loops = [
            ("COUNTERMAND_OUTCOME_DESTINATION", "arn:aws:events:us-east-1:111122223333:event-bus/outcomes"),
            ("COUNTERMAND_FOLLOW_UP_QUEUE_ARN", "arn:aws:sqs:us-east-1:111122223333:cancel-requests"),
            ("COUNTERMAND_MAX_RECEIVE_COUNT", &most_receives),
        ];
        let variables = loops.iter().chain(variables);
        let variables: Vec<_> =
            variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self {
            mapping: simulator.mapping(QUEUE).visibility(TIMEOUT * 6),
            process: RefCell::default(),
            began: Instant::now(),
            began_at: simulator.now().into(),
            deliveries: RefCell::default(),
            expects_more: Cell::new(false),
            simulator,
            variables,
        }
    }

    /// The run that such a request names.
    pub fn run_of(&self, service: &Service) -> AnyRun {
        let request = service.request();
        let (key, named) = (services::key_of(&request), services::named(&request).expect("a run"));
        let mut runs = self.simulator.world().runs().into_iter();
        runs.find(|run| Some(&run.key) == key.as_ref() && run.id == named[0]).expect("the run is there")
    }

    /// It ends by itself.
    pub fn end_run_of(&self, service: &Service, state: &str) {
        let (target, run) = (services::target_of(&service.request()), self.run_of(service));
        let now = self.simulator.now();
        self.simulator.change(|world| (service.set)(world, &target, &run.id, state, now));
    }

    pub fn send(&self, message: &Value) {
        self.simulator.send(QUEUE, &message.to_string());
    }

    /// Hands out batches until the queue is empty.
    pub async fn run(&self) {
        self.run_killing(|_| None).await;
    }

    /// The same, while `sending` sends more, and changes the world.
    pub async fn run_while(
        &self,
        sending: impl Future<Output = ()>,
        kill: impl FnMut(&[Value]) -> Option<Kill>,
    ) {
        self.expects_more.set(true);
        let sending = async {
            sending.await;
            self.expects_more.set(false);
        };
        tokio::join!(sending, self.run_killing(kill));
    }

    /// The same, and ends the process in the middle of a batch where it is told to.
    pub async fn run_killing(&self, mut kill: impl FnMut(&[Value]) -> Option<Kill>) {
        loop {
            match self.mapping.next().await {
                Some(batch) => self.deliver(batch, &mut kill).await,
                None if self.expects_more.get() => sleep(Duration::from_millis(100)).await,
                None => return,
            }
        }
    }

    async fn deliver(&self, batch: Batch, kill: &mut impl FnMut(&[Value]) -> Option<Kill>) {
        let event: Value = serde_json::from_str(&batch.event).expect("an event is JSON");
        let bodies = event["Records"].as_array().into_iter().flatten().map(|record| json(&record["body"]));
        let bodies: Vec<Value> = bodies.collect();
        let calls = self.simulator.ledger().len();
        let end = self.ends(kill(&bodies), calls);
        let process = self.process.take().unwrap_or_else(|| self.start());
        let killed = tokio::select! {
            biased;
            () = end => true,
            reply = process.invoke(&batch.event, TIMEOUT) => {
                self.process.replace(Some(process));
                self.mapping.settle(batch.clone(), &reply);
                false
            }
        };
        let records = batch.ids().map(str::to_owned).zip(bodies).collect();
        let calls = calls..self.simulator.ledger().len();
        self.deliveries.borrow_mut().push(Delivery { records, calls, killed });
    }

    fn start(&self) -> Process {
        Process::start(&self.simulator, &self.variables).expect("the variables are right")
    }

    /// Waits until the process is to end.
    async fn ends(&self, kill: Option<Kill>, before: usize) {
        match kill {
            None => std::future::pending().await,
            Some(Kill::After(time)) => sleep(time).await,
            Some(Kill::Calls(count)) => {
                let done =
                    |calls: &[Call]| calls.iter().skip(before).filter(|it| it.duration_ms.is_some()).count();
                self.simulator.until(|calls| done(calls) >= count).await;
            }
        }
    }

    pub fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries.borrow().clone()
    }

    /// The calls of an operation, in seconds since the beginning.
    pub fn moments(&self, operation: Operation) -> Vec<f64> {
        let calls = self.simulator.ledger().into_iter().filter(|call| call.operation == operation.name());
        #[expect(clippy::cast_precision_loss, reason = "a story lasts hours")]
        calls.map(|call| call.at as f64 / 1_000.0).collect()
    }

    /// Seconds since the beginning of what a document or a message writes.
    pub fn seconds(&self, written: &Value) -> f64 {
        let time: Timestamp = written.as_str().and_then(|text| text.parse().ok()).expect("a time");
        let since = SystemTime::from(time).duration_since(self.began_at).unwrap_or_default();
        since.as_secs_f64()
    }

    pub fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// All that was published and sent, in its order: outcomes, confirmations, follow-ups.
    pub fn told(&self) -> Vec<Value> {
        self.simulator.published().iter().map(|it| serde_json::from_str(&it.body).expect("JSON")).collect()
    }

    pub fn of_type(&self, name: &str) -> Vec<Value> {
        self.told().into_iter().filter(|told| told["type"] == name).collect()
    }

    pub fn confirmations(&self) -> Vec<Value> {
        self.of_type("CancellationConfirmation")
    }

    /// The one confirmation that there is to be.
    pub fn confirmation(&self) -> Value {
        let mut all = self.confirmations();
        assert_eq!(all.len(), 1, "expected one confirmation, got {all:#?} after {:#?}", self.told());
        all.remove(0)
    }
}

fn json(text: &Value) -> Value {
    text.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
