//! What all clients share, whatever service they call: one connector, the credentials, and what errors
//! and replies mean before anyone knows the operation.
//!
//! Region, credentials and endpoints are as the SDK finds them. Its retries and time limits are off:
//! attempts are made in `retry.rs`.

mod chain;
mod connections;
pub mod credentials;
pub mod error;
pub mod reply;
pub mod told;
mod trace;
pub mod trust;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector, http_client_fn};
use lambda_runtime::tracing::subscriber::filter::LevelFilter;

use chain::Chain;
pub use connections::{Connections, Opening};
pub use credentials::Credentials;
pub use error::call_error;
pub use reply::{Bounded, ReadableReply};
pub use trace::Trace;

/// Whose log lines are not wanted, and up to which level they are.
pub const QUIET: [(&str, LevelFilter); 2] = [
    // It tells of the keys that it found.
    ("aws_config", LevelFilter::WARN),
    // It warns of each connection that is opened with nothing sent over it, which is on purpose.
    ("hyper_util::client::legacy::client", LevelFilter::ERROR),
];

/// What all clients call through.
pub fn connector(connections: impl HttpConnector + 'static) -> SharedHttpConnector {
    SharedHttpConnector::new(Bounded(SharedHttpConnector::new(connections)))
}

/// The same clients, calling through something else.
pub fn through(aws: &SdkConfig, connector: SharedHttpConnector) -> SdkConfig {
    aws.to_builder().http_client(http_client_fn(move |_, _| connector.clone())).build()
}

/// What the clients of AWS services are built from; they call the endpoint, where there is one, and no other.
pub async fn sdk_config(
    connector: SharedHttpConnector,
    credentials: Credentials,
    endpoint: Option<&str>,
) -> SdkConfig {
    let mut loader = loader(connector.clone());
    if let Some(url) = endpoint {
        loader = loader.endpoint_url(url);
    }
    loader
        .credentials_provider(Chain::new(connector))
        .identity_cache(credentials)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        // Each attempt has an end, however slowly a reply comes.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await
}

/// The SDK's own way to a configuration.
fn loader(connector: SharedHttpConnector) -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client_fn(move |_, _| connector.clone()))
}
