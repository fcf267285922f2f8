//! The wire between a process and the simulator, which takes time, can be cut at any call, and looks
//! at the world after every step.

use std::collections::HashSet;
use std::future::{pending, poll_fn};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use countermand::handler::Handler;
use countermand_simulator::Simulator;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::draw::Death;
use super::history::{By, History};
use crate::simulated;

/// What is noted as it happens.
#[derive(Debug, Default)]
pub struct Notes {
    pub history: History,
    /// Of each call, in the order of their arrival, the delivery that it belongs to.
    pub made_by: Vec<usize>,
    /// Those calls whose answer arrived.
    pub heard: HashSet<usize>,
    /// The deliveries in which a call panicked, and what it was to send.
    pub panicked: Vec<(usize, String)>,
}

/// The simulator, and the notes.
#[derive(Clone, Debug)]
pub struct Scene {
    pub simulator: Simulator,
    pub notes: Arc<Mutex<Notes>>,
    pub start: Instant,
}

impl Scene {
    pub fn now(&self) -> i64 {
        i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    pub fn note<T>(&self, note: impl FnOnce(&mut Notes) -> T) -> T {
        note(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn look(&self, by: By) {
        let world = self.simulator.world();
        self.note(|notes| notes.history.look(&world, self.now(), by));
    }
}

/// A process, from its start to its end.
#[derive(Debug, Default)]
pub struct Life {
    pub death: Option<Death>,
    pub ended: Notify,
    /// The delivery under way.
    pub delivery: AtomicUsize,
    calls: AtomicU64,
}

impl Life {
    pub fn new(death: Option<Death>) -> Self {
        Self { death, ..Self::default() }
    }

    /// The process is no more: whoever waits here waits for ever.
    async fn end(&self) {
        self.ended.notify_one();
        pending::<()>().await;
    }
}

#[derive(Clone, Debug)]
pub struct Wire {
    pub scene: Scene,
    pub life: Arc<Life>,
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.clone();
        HttpConnectorFuture::new(async move { wire.carry(request).await })
    }
}

impl Wire {
    /// The function at this end of the wire.
    pub fn handler(self, variables: &[(&'static str, String)]) -> Handler {
        let simulator = self.scene.simulator.clone();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let handler = simulated::handler(&simulator, &variables, SharedHttpConnector::new(self));
        handler.expect("the variables are right")
    }

    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let Self { scene, life } = self;
        let number = life.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let request = request.map(|body| body.bytes().unwrap_or_default().to_vec());
        if life.death == Some(Death::Panic(number)) {
            let text = format!("{} {}", request.uri(), String::from_utf8_lossy(request.body()));
            scene.note(|notes| notes.panicked.push((life.delivery.load(Ordering::Relaxed), text)));
            // Without a word on the terminal, where it would look like a fault of the test.
            resume_unwind(Box::new("a call panics"));
        }
        sleep(latency()).await;
        if life.death == Some(Death::Unsent(number)) {
            life.end().await;
        }
        let delivery = life.delivery.load(Ordering::Relaxed);
        let place = scene.note(|notes| {
            notes.made_by.push(delivery);
            notes.made_by.len() - 1
        });
        let mut answer = pin!(scene.simulator.answer(request));
        let answer = poll_fn(|context| {
            let polled = answer.as_mut().poll(context);
            scene.look(By::Call(Some(delivery)));
            polled
        });
        let answer = answer.await;
        if life.death == Some(Death::Unheard(number)) {
            life.end().await;
        }
        sleep(latency()).await;
        scene.note(|notes| notes.heard.insert(place));
        if life.death == Some(Death::Heard(number)) {
            life.ended.notify_one();
        }
        let other = |error: &str| ConnectorError::other(error.into(), None);
        let answer = answer.ok_or_else(|| ConnectorError::io("the connection was closed".into()))?;
        answer.map(SdkBody::from).try_into().map_err(|_| other("the response cannot be read"))
    }
}

/// Half of what a call takes.
fn latency() -> Duration {
    Duration::from_millis(fastrand::u64(1..30))
}
