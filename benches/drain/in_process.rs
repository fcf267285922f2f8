//! The function in simulated time: its real handler, the simulator without sockets, tokio's paused clock.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use countermand::client;
use countermand::config::Config;
use countermand::handler::Handler;
use countermand_simulator::{Reply, Simulator};
use futures_util::future::join_all;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::case::Case;
use crate::watch::{Drained, Watch};

/// What a call to a service in the same region takes.
const LATENCY: Duration = Duration::from_millis(20);

/// Calls the simulator as if over the network.
#[derive(Clone, Debug)]
struct Wire(Simulator);

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let simulator = self.0.clone();
        HttpConnectorFuture::new(async move {
            let other = |error: &str| ConnectorError::other(error.into(), None);
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            sleep(LATENCY).await;
            let request = request.map(|body| body.bytes().unwrap_or_default().to_vec());
            let response =
                simulator.answer(request).await.ok_or_else(|| other("the connection was closed"))?;
            response.map(SdkBody::from).try_into().map_err(|_| other("the response cannot be read"))
        })
    }
}

/// One process of the function.
fn process(case: &Case, simulator: &Simulator) -> Handler {
    let connector = SharedHttpConnector::new(Wire(simulator.clone()));
    let shared = connector.clone();
    let credentials = Credentials::new("AKIASIMULATOREXAMPLE", "secret", None, None, "simulated");
    let aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(countermand_simulator::REGION))
        .endpoint_url(simulator.base_url())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(move |_, _| shared.clone()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    let variables = simulator.environment().into_iter().chain(case.variables());
    let config = Config::read(variables.map(|(name, value)| (name.to_owned(), value)));
    let mut handler = crate::bootstrap::compose(
        config.expect("the variables are right"),
        &aws,
        connector,
        client::Credentials::default(),
    );
    handler.metrics.out = |_| {};
    handler
}

/// Drains a backlog.
pub fn drain(case: &Case) -> Drained {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime can be built").block_on(async {
        fastrand::seed(7);
        let simulator = Simulator::in_process(case.world()).expect("the world can be");
        let mapping = case.prepare(&simulator);
        let watch = RefCell::new(Watch::start());
        let start = Instant::now();
        let loops = (0..case.processes).map(async |number| {
            let number = u32::try_from(number).unwrap_or_default();
            sleep_until(start + case.each_starts_after * number).await;
            let handler = process(case, &simulator);
            while let Some(batch) = mapping.next().await {
                watch.borrow_mut().received(batch.ids());
                let size = batch.ids().count();
                let reply = timeout(case.timeout, invoke(&handler, &batch.event, case.timeout)).await;
                let reply = reply.unwrap_or(Reply::TimedOut);
                watch.borrow_mut().done(size - goes_back(&reply, size));
                if reply == Reply::TimedOut {
                    watch.borrow_mut().too_late();
                }
                mapping.settle(batch, &reply);
                simulator.forget();
            }
        });
        tokio::select! {
            _ = join_all(loops) => {}
            () = case.change_limits(&simulator, start) => {}
            () = sleep_until(start + Duration::from_secs(7_200)) => {}
        }
        watch.into_inner().finish(case, &simulator)
    })
}

async fn invoke(handler: &Handler, event: &str, time: Duration) -> Reply {
    let payload = RawValue::from_string(event.into()).expect("an event is JSON");
    let deadline = (SystemTime::now() + time).duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut context = Context::default();
    context.request_id = "lambda-1".into();
    context.deadline = u64::try_from(deadline.as_millis()).unwrap_or_default();
    match handler.handle(LambdaEvent::new(payload, context)).await {
        Ok(response) => Reply::Response(response.get().into()),
        Err(failure) => {
            Reply::FunctionError { error_type: failure.error_type.into(), error_message: failure.message }
        }
    }
}

/// How many of a batch come again.
pub fn goes_back(reply: &Reply, size: usize) -> usize {
    match reply {
        Reply::Response(response) => response.matches("itemIdentifier").count(),
        _ => size,
    }
}
