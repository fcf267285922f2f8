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
use aws_sdk_sqs::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector, http_client_fn};
use futures_util::FutureExt;
use lambda_runtime::tracing::subscriber::filter::LevelFilter;

use chain::Chain;
pub use connections::{Connections, Opening};
pub use credentials::Credentials;
pub use error::call_error;
pub use reply::{Body, Bounded, ReadableReply, Successes};
pub use trace::Trace;

use crate::arn::Arn;

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

/// The URL by which SQS knows a queue, at the host that the SDK calls in its region.
pub fn queue_url(queue: &Arn) -> String {
    let params = Params::builder().region(queue.region).build().ok();
    let resolver = DefaultResolver::new();
    let endpoint = params.and_then(|params| resolver.resolve_endpoint(&params).now_or_never()?.ok());
    let endpoint =
        endpoint.map_or_else(|| format!("https://sqs.{}.amazonaws.com", queue.region), |it| it.url().into());
    format!("{endpoint}/{}/{}", queue.account, queue.name)
}

/// The SDK's own way to a configuration.
fn loader(connector: SharedHttpConnector) -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client_fn(move |_, _| connector.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_at_the_host_of_its_region_in_every_partition() {
        for (arn, url) in [
            ("arn:aws:sqs:us-east-1:111122223333:q", "https://sqs.us-east-1.amazonaws.com/111122223333/q"),
            (
                "arn:aws-us-gov:sqs:us-gov-west-1:111122223333:q",
                "https://sqs.us-gov-west-1.amazonaws.com/111122223333/q",
            ),
            (
                "arn:aws-cn:sqs:cn-north-1:111122223333:q",
                "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q",
            ),
            (
                "arn:aws-eusc:sqs:eusc-de-east-1:111122223333:q",
                "https://sqs.eusc-de-east-1.amazonaws.eu/111122223333/q",
            ),
            (
                "arn:aws-iso-b:sqs:us-isob-east-1:111122223333:q",
                "https://sqs.us-isob-east-1.sc2s.sgov.gov/111122223333/q",
            ),
            (
                "arn:aws-iso-e:sqs:eu-isoe-west-1:111122223333:q",
                "https://sqs.eu-isoe-west-1.cloud.adc-e.uk/111122223333/q",
            ),
            (
                "arn:aws-iso-f:sqs:us-isof-south-1:111122223333:q",
                "https://sqs.us-isof-south-1.csp.hci.ic.gov/111122223333/q",
            ),
            ("arn:aws-later:sqs:moon-1:111122223333:q", "https://sqs.moon-1.amazonaws.com/111122223333/q"),
        ] {
            let arn = Arn::parse(arn).expect("an ARN of a partition");
            assert_eq!(queue_url(&arn), url);
        }
    }
}
