//! What all clients share, whatever service they call: one connector, the credentials, and what errors
//! and replies mean before anyone knows the operation.
//!
//! Region, credentials and endpoints are as the SDK finds them. Its retries and time limits are off:
//! attempts are made in `retry.rs`.

pub mod credentials;
pub mod error;
mod reply;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector, http_client_fn};

pub use credentials::Credentials;
pub use error::call_error;
pub use reply::{Bounded, ReadableReply};

use crate::retry::CONNECT_LIMIT;

/// One connector for all services: one TLS stack, one pool of connections.
pub fn connector() -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_LIMIT).build();
    let connector = Connector::builder()
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build();
    SharedHttpConnector::new(Bounded(SharedHttpConnector::new(connector)))
}

/// What the clients of AWS services are built from.
pub async fn sdk_config(connector: SharedHttpConnector, credentials: Credentials) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .identity_cache(credentials)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .load()
        .await
}
