//! The function in simulated time: its real handler, put together as `main` does it, on a wire to a
//! simulator without sockets, on tokio's paused clock.
//!
//! Tests, benchmark and local run share it by `#[path]`; each has the composition root as its module
//! `bootstrap`. What is delivered, when, and what is made of the reply, is theirs to know.

use std::future::Future;
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
use countermand::config::{Config, ConfigError};
use countermand::handler::Handler;
use countermand_simulator::{Reply, Simulator};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use tokio::time::{sleep, timeout};

/// What a call to a service in the same region takes.
const LATENCY: Duration = Duration::from_millis(20);

/// One process of the function.
pub struct Process {
    handler: Handler,
    simulator: Simulator,
}

/// Runs something in simulated time: where all wait, the clock leaps.
pub fn in_simulated_time<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime can be built").block_on(run)
}

impl Process {
    /// Starts the function with these variables beside the simulator's own.
    ///
    /// # Errors
    /// Variables that cannot be used.
    pub fn start(simulator: &Simulator, variables: &[(String, String)]) -> Result<Self, ConfigError> {
        let connector = SharedHttpConnector::new(Wire(simulator.clone()));
        let handler = handler(simulator, variables, connector)?;
        Ok(Self { handler, simulator: simulator.clone() })
    }

    /// Hands an event over, at the simulator's time, and waits for the reply as long as Lambda does.
    pub async fn invoke(&self, event: &str, time: Duration) -> Reply {
        timeout(time, self.handle(event, time)).await.unwrap_or(Reply::TimedOut)
    }

    async fn handle(&self, event: &str, time: Duration) -> Reply {
        let payload = RawValue::from_string(event.into()).expect("an event is JSON");
        let now = SystemTime::from(self.simulator.now());
        let deadline = (now + time).duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut context = Context::default();
        context.request_id = "lambda-1".into();
        context.deadline = u64::try_from(deadline.as_millis()).unwrap_or_default();
        match self.handler.handle_at(now, LambdaEvent::new(payload, context)).await {
            Ok(response) => Reply::Response(response.get().into()),
            Err(failure) => {
                Reply::FunctionError { error_type: failure.error_type.into(), error_message: failure.message }
            }
        }
    }
}

/// The function behind any wire to a simulator.
///
/// # Errors
/// Variables that cannot be used.
pub fn handler(
    simulator: &Simulator,
    variables: &[(String, String)],
    connector: SharedHttpConnector,
) -> Result<Handler, ConfigError> {
    let own = simulator.environment().into_iter().map(|(name, value)| (name.to_owned(), value));
    let config = Config::read(own.chain(variables.iter().cloned()))?;
    let aws = aws(simulator, connector.clone());
    let mut handler = crate::bootstrap::compose(config, &aws, connector, client::Credentials::default());
    handler.metrics.out = |_| {};
    Ok(handler)
}

fn aws(simulator: &Simulator, connector: SharedHttpConnector) -> SdkConfig {
    let credentials = Credentials::new("AKIASIMULATOREXAMPLE", "secret", None, None, "simulated");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(countermand_simulator::REGION))
        .endpoint_url(simulator.base_url())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

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
            let response = simulator.answer(request).await;
            let response = response.ok_or_else(|| ConnectorError::io("the connection was closed".into()))?;
            response.map(SdkBody::from).try_into().map_err(|_| other("the response cannot be read"))
        })
    }
}
