//! CloudFlow's keys: those of the environment, those that a secret of Secrets Manager holds, or temporary ones for
//! a role.
//!
//! Keys that can be fetched are fetched when the first call needs them, once for calls side by side, and kept as
//! long as they are good. Keys that the service refuses are forgotten, so that the next attempt fetches others: a
//! secret may have been rotated. A key leaves this folder in signed requests only.
//! This module knows no operation of CloudFlow; `retry.rs` decides what is worth another attempt.

mod role;
mod secret;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use self::role::Federation;
pub use self::role::Role;
use self::secret::Secret;
use crate::call_error::CallError;
use crate::secrets::hold;
use crate::targets::ClientConfig;

/// What the fetches say at the least.
#[cfg(test)]
pub const SUCCESSES: crate::client::Successes = &[secret::SUCCESSES[0], role::TOKEN[0], role::ASSUMED[0]];

/// So long before its end a temporary key is not used any more.
const SPARE: Duration = Duration::from_secs(5 * 60);

/// An access key of Alibaba Cloud.
#[derive(Clone, PartialEq)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    /// For a temporary key.
    pub token: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keys(withheld)")
    }
}

impl Keys {
    fn hold(&self) {
        [&self.id, &self.secret].into_iter().chain(&self.token).for_each(|part| hold(part));
    }
}

/// Where a deployment has its keys.
#[derive(Clone, Debug, PartialEq)]
pub enum KeySource {
    /// In the environment.
    Given(Keys),
    /// In a secret.
    Secret { arn: String, region: String },
    /// Nowhere: they are lent to whoever the function proves to be.
    Role(Role),
}

/// The keys of this process.
pub enum KeyRing {
    Given(Arc<Keys>),
    Fetched(Box<Fetched>),
}

impl KeyRing {
    pub fn connect(config: &ClientConfig<'_>, source: KeySource, now: fn() -> SystemTime) -> Self {
        let fetch = match source {
            KeySource::Given(keys) => return Self::Given(Arc::new(keys)),
            KeySource::Secret { arn, region } => Fetch::Secret(Secret::connect(config.aws, arn, region)),
            KeySource::Role(role) => Fetch::Role(Federation::connect(config, role, now)),
        };
        Self::Fetched(Box::new(Fetched { fetch, fetching: Default::default(), kept: Mutex::default(), now }))
    }

    /// The keys to sign with, for a call on behalf of this session.
    ///
    /// # Errors
    /// Why they could not be fetched. The call that needed them was not made.
    pub async fn keys(&self, session: &str) -> Result<Arc<Keys>, CallError> {
        match self {
            Self::Given(keys) => Ok(Arc::clone(keys)),
            Self::Fetched(fetched) => fetched.keys(session).await,
        }
    }

    /// Forgets keys that the service refused; whether others may be had.
    pub fn forget(&self, refused: &Arc<Keys>) -> bool {
        match self {
            Self::Given(_) => false,
            Self::Fetched(fetched) => {
                fetched.kept().forget(refused);
                true
            }
        }
    }
}

/// How keys are fetched.
enum Fetch {
    Secret(Secret),
    Role(Federation),
}

/// Keys, and when they end, where they do.
type Fresh = (Keys, Option<SystemTime>);

/// Keys that are fetched, and kept.
pub struct Fetched {
    fetch: Fetch,
    /// Held by the one that fetches.
    fetching: tokio::sync::Mutex<()>,
    kept: Mutex<Kept>,
    now: fn() -> SystemTime,
}

#[derive(Default)]
struct Kept {
    keys: Option<Arc<Keys>>,
    /// Until then they are good; without it, until they are refused.
    until: Option<SystemTime>,
    /// So many fetches have ended.
    fetches: u64,
    /// Why the last one failed, where it did.
    failed: Option<CallError>,
}

impl Kept {
    /// Calls side by side are refused together, and what was fetched for one of them serves the others.
    fn forget(&mut self, refused: &Arc<Keys>) {
        self.keys.take_if(|keys| Arc::ptr_eq(keys, refused));
    }

    /// Keys that are good now, or what came of a fetch that was waited for: keys that end soon, or a failure.
    fn known(&self, fetches_before: u64, now: SystemTime) -> Option<Result<Arc<Keys>, CallError>> {
        let waited = self.fetches > fetches_before;
        let good = waited || self.until.is_none_or(|until| now < until);
        let failed = self.failed.clone().filter(|_| waited);
        self.keys.clone().filter(|_| good).map(Ok).or(failed.map(Err))
    }
}

impl Fetched {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keys(&self, session: &str) -> Result<Arc<Keys>, CallError> {
        let fetches_before = self.kept().fetches;
        let _one_at_a_time = self.fetching.lock().await;
        if let Some(known) = self.kept().known(fetches_before, (self.now)()) {
            return known;
        }
        let fresh = match &self.fetch {
            Fetch::Secret(secret) => secret.keys().await.map(|keys| (keys, None)),
            Fetch::Role(federation) => federation.keys(session).await,
        };
        let fresh = fresh.inspect(|(keys, _)| keys.hold()).map(|(keys, end)| (Arc::new(keys), end));
        let mut kept = self.kept();
        kept.fetches += 1;
        kept.failed = fresh.as_ref().err().cloned();
        kept.until = fresh.as_ref().ok().and_then(|(_, end)| end.map(|end| end - SPARE));
        kept.keys = fresh.as_ref().ok().map(|(keys, _)| Arc::clone(keys));
        fresh.map(|(keys, _)| keys)
    }
}

#[cfg(test)]
mod tests;
