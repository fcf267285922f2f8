//! The composition root: reads the configuration, builds every part once, and runs.
//!
//! Nothing is decided here. A configuration that cannot be used is told to Lambda as an init error,
//! to the log, and to whoever looks at the exit code.

use std::process::ExitCode;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector, http_client_fn};
use countermand::config::{self, Config};
use countermand::hand_back::HandBack;
use countermand::handler::Handler;
use countermand::outcome::Writer;
use countermand::pace::Pace;
use countermand::plan::Planner;
use countermand::publisher::Publisher;
use countermand::retry::{CONNECT_LIMIT, Retry};
use countermand::start_up;
use countermand::targets::Targets;
use lambda_runtime::{LambdaEvent, service_fn, tracing};

#[tokio::main(flavor = "current_thread")]
pub async fn main() -> ExitCode {
    tracing::init_default_subscriber();
    let config = match Config::read(config::environment()) {
        Ok(config) => config,
        Err(error) => return start_up::refuse(&error).await,
    };
    let connector = connector();
    let aws = aws_config(connector.clone()).await;
    let handler = compose(config, &aws, connector);
    let handle = |event: LambdaEvent<_>| handler.handle(event);
    match lambda_runtime::run(service_fn(handle)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => start_up::report("the runtime ended", &error),
    }
}

/// Every part, on one connector.
pub fn compose(config: Config, aws: &SdkConfig, connector: SharedHttpConnector) -> Handler {
    let retry = || Retry::new(config.max_attempts, config.max_in_flight_calls);
    Handler {
        hand_back: HandBack::connect(aws, retry()),
        retry: retry(),
        targets: Targets::connect(aws, config.cloudflow, connector),
        publisher: Publisher::connect(aws, config.destination, config.outcome_source),
        pace: Pace::new(&config.rates, config.function_concurrency),
        policy: config.policy,
        planner: Planner { pin_after: config.pin_after, dry_run: config.dry_run },
        writer: Writer { max_receive_count: config.max_receive_count },
        explain_max_pages: config.explain_max_pages,
        margin: config.deadline_margin,
    }
}

/// Region, credentials and endpoints as the SDK finds them; attempts and time limits are our own.
async fn aws_config(connector: SharedHttpConnector) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .load()
        .await
}

/// One connector for all services: one TLS stack, one pool of connections.
fn connector() -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_LIMIT).build();
    let connector = Connector::builder()
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build();
    SharedHttpConnector::new(connector)
}
