//! A wire that repeats itself: each request is answered as the simulator answered it the first time.
//!
//! So the simulator works while the handler warms up, and none of its work is counted later: from then on
//! a request that was not made before is an error. The wire knows a request by its operation and body; ids
//! and signatures differ from one time to the next.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use countermand_simulator::Simulator;

/// A path, the header that names the operation, and a body.
type Key = (String, String, Vec<u8>);
type Response = http::Response<Vec<u8>>;

/// Calls the simulator once for each request.
#[derive(Clone)]
pub struct Replay {
    simulator: Simulator,
    tape: Arc<Mutex<Tape>>,
}

#[derive(Default)]
struct Tape {
    responses: BTreeMap<Key, Response>,
    /// Nothing new is taken any more.
    full: bool,
    /// Since it was wound back.
    calls: usize,
}

impl Replay {
    pub fn of(simulator: &Simulator) -> Self {
        Self { simulator: simulator.clone(), tape: Arc::default() }
    }

    pub fn connector(&self) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }

    /// The calls since it was wound back.
    pub fn calls(&self) -> usize {
        self.tape().calls
    }

    /// From now on it only repeats.
    pub fn wind_back(&self) {
        let mut tape = self.tape();
        tape.full = true;
        tape.calls = 0;
    }

    async fn answer(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let request = request.map(|body| body.bytes().unwrap_or_default().to_vec());
        let key = key(&request);
        if let Some(kept) = self.kept(&key) {
            return kept;
        }
        let response = self.simulator.answer(request).await;
        let response = response.ok_or_else(|| ConnectorError::io("the connection was closed".into()))?;
        sent(self.tape().responses.entry(key).or_insert(response))
    }

    /// The answer that is known; none where there is to be one.
    fn kept(&self, key: &Key) -> Option<Result<HttpResponse, ConnectorError>> {
        let mut tape = self.tape();
        tape.calls += 1;
        match tape.responses.get(key) {
            Some(response) => Some(sent(response)),
            None => tape.full.then(|| Err(ConnectorError::user("a request that was not made before".into()))),
        }
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(request: &http::Request<Vec<u8>>) -> Key {
    let operation = ["x-amz-target", "x-acs-action"].iter().find_map(|name| request.headers().get(*name));
    let operation = operation.and_then(|name| name.to_str().ok()).unwrap_or_default();
    (request.uri().path().into(), operation.into(), request.body().clone())
}

fn sent(response: &Response) -> Result<HttpResponse, ConnectorError> {
    let response = response.clone().map(SdkBody::from).try_into();
    response.map_err(|_| ConnectorError::other("the response cannot be read".into(), None))
}

impl fmt::Debug for Replay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Replay")
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().answer(request))
    }
}
