//! Where AWS credentials come from: the SDK's own chain of providers.
//!
//! The variables come first in it, and Lambda sets them. Whoever comes after them, profiles, containers, the
//! metadata of an instance, is put together only where the variables are missing: that is a good part of
//! what a start would do otherwise. How long credentials are kept is not known here.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use tokio::sync::OnceCell;

use super::loader;

/// The chain.
#[derive(Debug)]
pub struct Chain {
    connector: SharedHttpConnector,
    whole: OnceCell<Option<SharedCredentialsProvider>>,
}

impl Chain {
    /// Whoever has to be called is called through the connector.
    pub fn new(connector: SharedHttpConnector) -> Self {
        Self { connector, whole: OnceCell::new() }
    }

    async fn credentials(&self) -> Result {
        match EnvironmentVariableCredentialsProvider::new().provide_credentials().await {
            Err(CredentialsError::CredentialsNotLoaded(_)) => {}
            found => return found,
        }
        let whole = async || loader(self.connector.clone()).load().await.credentials_provider();
        match self.whole.get_or_init(whole).await {
            Some(chain) => chain.provide_credentials().await,
            None => Err(CredentialsError::not_loaded("no provider of credentials")),
        }
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}
