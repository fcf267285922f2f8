//! Runs a round in this process: the real handler in processes that come and go, the simulator without
//! sockets, on tokio's paused clock.

use std::cell::RefCell;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use countermand::handler::Handler;
use countermand_simulator::{Batch, Mapping, Reply, Simulator, World};
use futures_util::FutureExt;
use futures_util::future::join_all;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::draw::{DEAD, Death, Round};
use super::history::{By, epoch_millis};
use super::observed::{Delivery, End, Made, Observed, Sent};
use super::wire::{Life, Notes, Scene, Wire};

/// No queue takes longer to get empty.
const PATIENCE: Duration = Duration::from_secs(6 * 3_600);

/// A round under way.
pub struct Running<'a> {
    round: &'a Round,
    pub scene: Scene,
    mapping: Mapping,
    /// The beginning, in milliseconds since 1970.
    base: i64,
    sent: RefCell<Vec<Sent>>,
    deliveries: RefCell<Vec<Delivery>>,
    deaths: RefCell<Vec<Death>>,
}

/// Draws and runs a round.
pub fn run(seed: u64, destination: &str) -> (Round, Observed) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime can be built").block_on(async {
        // The same number means another round for each destination.
        let seed =
            destination.bytes().fold(seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        fastrand::seed(seed);
        let simulator = Simulator::in_process(World::default()).expect("a world without anything can be");
        let round = Round::draw(seed, simulator.now(), destination);
        let running = Running::begin(&round, simulator);
        let processes = join_all((0..round.processes).map(|_| running.process()));
        let stuck = tokio::select! {
            biased;
            _ = processes => false,
            () = running.befall() => false,
            () = sleep(PATIENCE) => true,
        };
        let observed = running.finish(stuck);
        (round, observed)
    })
}

impl<'a> Running<'a> {
    pub fn begin(round: &'a Round, simulator: Simulator) -> Self {
        let base = epoch_millis(&simulator.now().to_string());
        simulator.change(|world| *world = round.world.clone());
        round.faults.iter().for_each(|fault| simulator.script(fault.clone()));
        round.limits.iter().for_each(|limit| simulator.limit(limit.clone()));
        let mapping = simulator.mapping(round.queue());
        let scene = Scene { simulator, notes: Arc::default(), start: Instant::now() };
        scene.look(By::World);
        Self {
            round,
            scene,
            mapping: mapping.batch_size(round.batch_size).visibility(round.visibility),
            base,
            sent: RefCell::default(),
            deliveries: RefCell::default(),
            deaths: RefCell::new(round.deaths.clone()),
        }
    }

    /// What is sent, and what befalls the world.
    pub async fn befall(&self) {
        let until = |at: i64| self.scene.start + Duration::from_millis(at.unsigned_abs());
        let send = async {
            for message in &self.round.messages {
                sleep_until(until(message.at)).await;
                let id = self.scene.simulator.send(self.round.queue(), &message.body);
                let now = self.scene.now();
                let since = message.times.iter().map(|time| *time.start()).fold(now, i64::min);
                let by = message.times.iter().map(|time| *time.end()).fold(now, i64::min);
                self.sent.borrow_mut().push(Sent { id, message: message.clone(), since, by });
            }
        };
        let happen = async {
            for (at, event) in &self.round.events {
                sleep_until(until(*at)).await;
                self.scene.look(By::Call(None));
                let now = self.scene.simulator.now();
                self.scene.simulator.change(|world| event.happen(world, now));
                self.scene.look(By::World);
            }
        };
        tokio::join!(send, happen);
        pending::<()>().await;
    }

    /// One process after the other, until nothing is left to do.
    async fn process(&self) {
        loop {
            let life = Arc::new(Life::new(self.deaths.borrow_mut().pop()));
            let wire = Wire { scene: self.scene.clone(), life: Arc::clone(&life) };
            let handler = wire.handler(&self.round.variables);
            let end = async {
                match life.death {
                    Some(Death::After(time)) => sleep(Duration::from_millis(time)).await,
                    _ => life.ended.notified().await,
                }
            };
            let open = RefCell::new(None);
            tokio::select! {
                biased;
                () = end => {}
                () = self.live(&handler, &life, &open) => return,
            }
            if let Some(number) = open.take() {
                self.end(number, End::Died);
            }
            sleep(Duration::from_millis(fastrand::u64(..2_000))).await;
        }
    }

    /// Takes batches as they come. The number of the delivery under way stands in `open`.
    async fn live(&self, handler: &Handler, life: &Life, open: &RefCell<Option<usize>>) {
        let mut loses_one = life.death == Some(Death::Response);
        loop {
            let Some(batch) = self.next().await else { return };
            let number = self.deliver(&batch);
            open.replace(Some(number));
            life.delivery.store(number, Ordering::Relaxed);
            let invoked = AssertUnwindSafe(self.invoke(handler, &batch.event)).catch_unwind();
            let end = match timeout(self.round.timeout, invoked).await {
                Err(_) => End::TooLate,
                Ok(Err(_)) => End::Panicked,
                Ok(Ok(reply)) if std::mem::take(&mut loses_one) => End::Unheard(reply),
                Ok(Ok(reply)) => End::Answered(reply),
            };
            open.replace(None);
            self.settle(number, batch, end);
        }
    }

    /// The next batch; none where no more will come.
    pub async fn next(&self) -> Option<Batch> {
        loop {
            match self.mapping.next().await {
                None if self.sent.borrow().len() < self.round.messages.len() => {
                    sleep(Duration::from_millis(100)).await;
                }
                batch => return batch,
            }
        }
    }

    /// Tells the queue what it hears of a delivery.
    pub fn settle(&self, number: usize, batch: Batch, end: End) {
        if let End::Answered(reply) = &end {
            self.mapping.settle(batch, reply);
        }
        self.end(number, end);
    }

    /// Notes that a batch goes out; returned is the number of the delivery.
    pub fn deliver(&self, batch: &Batch) -> usize {
        let event: Value = serde_json::from_str(&batch.event).expect("an event is JSON");
        let count = |record: &Value| record["attributes"]["ApproximateReceiveCount"].as_str()?.parse().ok();
        let records = event["Records"].as_array().into_iter().flatten().zip(batch.ids());
        let records = records.map(|(record, id)| (id.to_owned(), count(record).unwrap_or(0)));
        let now = self.scene.now();
        let mut deliveries = self.deliveries.borrow_mut();
        let delivery = Delivery {
            records: records.collect(),
            began: now,
            ended: i64::MAX,
            end: End::None,
            told: 0,
            panicked: None,
        };
        deliveries.push(delivery);
        deliveries.len() - 1
    }

    /// Notes how a delivery ended.
    fn end(&self, number: usize, end: End) {
        let delivery = &mut self.deliveries.borrow_mut()[number];
        (delivery.ended, delivery.end) = (self.scene.now(), end);
        delivery.told = self.scene.simulator.published().len();
    }

    async fn invoke(&self, handler: &Handler, event: &str) -> Reply {
        let payload = RawValue::from_string(event.into()).expect("an event is JSON");
        let now = UNIX_EPOCH + Duration::from_millis((self.base + self.scene.now()).unsigned_abs());
        let deadline = (now + self.round.timeout).duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut context = Context::default();
        context.request_id = "lambda-1".into();
        context.deadline = u64::try_from(deadline.as_millis()).unwrap_or_default();
        match handler.handle_at(now, LambdaEvent::new(payload, context)).await {
            Ok(response) => Reply::Response(response.get().into()),
            Err(failure) => {
                Reply::FunctionError { error_type: failure.error_type.into(), error_message: failure.message }
            }
        }
    }

    pub fn finish(self, stuck: bool) -> Observed {
        let Self { scene, base, sent, deliveries, .. } = self;
        let Notes { mut history, made_by, heard, panicked } = scene.note(std::mem::take);
        let mut deliveries = deliveries.into_inner();
        panicked.into_iter().for_each(|(number, text)| deliveries[number].panicked = Some(text));
        history.finish(&scene.simulator.world(), base);
        let calls = scene.simulator.ledger().into_iter().enumerate().map(|(place, call)| Made {
            call,
            by: By::Call(made_by.get(place).copied()),
            heard: made_by.get(place).map(|_| heard.contains(&place)),
        });
        let told = scene.simulator.published().into_iter();
        let dead = scene.simulator.messages(DEAD).into_iter();
        Observed {
            sent: sent.into_inner(),
            deliveries,
            calls: calls.collect(),
            history,
            told: told.map(|told| serde_json::from_str(&told.body).expect("an outcome is JSON")).collect(),
            dead: dead.map(|message| (message.id, message.receive_count)).collect(),
            stuck,
            blur: 0,
        }
    }
}
