//! AWS credentials that can be fetched anew.
//!
//! The SDK keeps credentials until they are said to expire; a service may call them expired before that,
//! when its clock or its mind has changed. Those that a role gives are then forgotten, so that the next
//! call fetches others. Those from the environment cannot be fetched anew: the process has no others.
//! This module knows no service and makes no calls; `retry.rs` decides what is worth another attempt.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::identity::IdentityCache;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::identity::{
    IdentityFuture, ResolveCachedIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use tokio::time::Instant;

use crate::retry::prepared;
use crate::secrets::hold;

/// The credentials of all clients of AWS services. Clones share them.
#[derive(Clone, Debug)]
pub struct Credentials(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    cache: SharedIdentityCache,
    forgotten_at: Option<Instant>,
    /// Whoever gave them said when they expire, so others can be had.
    renewable: bool,
}

impl Default for Credentials {
    fn default() -> Self {
        let state = State { cache: IdentityCache::lazy().build(), forgotten_at: None, renewable: false };
        Self(Arc::new(Mutex::new(state)))
    }
}

impl Credentials {
    /// Forgets the credentials that a call of this time used; whether others can be had.
    pub fn renew(&self, used_at: Instant) -> bool {
        let mut state = self.state();
        // Calls side by side are refused together, and one fetch serves them all.
        if state.renewable && state.forgotten_at.is_none_or(|at| at <= used_at) {
            state.cache = IdentityCache::lazy().build();
            state.forgotten_at = Some(Instant::now());
        }
        state.renewable
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolveCachedIdentity for Credentials {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        components: &'a RuntimeComponents,
        config: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        let cache = self.state().cache.clone();
        IdentityFuture::new(async move {
            let identity = prepared(cache.resolve_cached_identity(resolver, components, config)).await;
            let identity = identity.map_err(CredentialsError::provider_timed_out)??;
            self.state().renewable = identity.expiration().is_some();
            if let Some(credentials) = identity.data::<aws_credential_types::Credentials>() {
                hold(credentials.secret_access_key());
                credentials.session_token().into_iter().for_each(hold);
            }
            Ok(identity)
        })
    }
}
