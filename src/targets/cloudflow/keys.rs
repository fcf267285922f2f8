//! CloudFlow's keys: those of the environment, or those that a secret of Secrets Manager holds.
//!
//! A secret is read when the first call needs it, once for calls side by side, and its keys are kept for
//! the life of the process. Keys that the service refuses are forgotten, so that the next attempt reads
//! the secret again: it may have been rotated. A secret leaves
//! this folder in signed requests only.
//! This module knows no operation of CloudFlow; `retry.rs` decides what is worth another attempt.
//! API: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::{Region, SdkConfig};
use serde_json::Value;

use crate::arn::Arn;
use crate::call_error::{CallError, Class, cut};
use crate::client::{self, Body, ReadableReply, Successes};
use crate::retry::prepare;
use crate::secrets::hold;
use crate::variables::can_be_in_a_header;

pub const SUCCESSES: Successes =
    &[("GetSecretValue", Body::Member(&["ARN", "Name", "VersionId", "SecretString", "SecretBinary"]))];

const FORM: &str = "a JSON object with the texts accessKeyId, accessKeySecret and, where the key is \
                    temporary, securityToken";

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

    /// Reads the text of a secret. Members that mean nothing here may be beside the keys.
    ///
    /// # Errors
    /// What was expected and got, without any part of the text.
    fn of_secret(text: &str) -> Result<Self, String> {
        let got = |got: &str| format!("expected {FORM}, got {got}");
        let Ok(secret) = serde_json::from_str::<Value>(text) else {
            return Err(got("a text that is not JSON"));
        };
        let Value::Object(members) = secret else { return Err(got("JSON that is no object")) };
        let part = |name: &str| match members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(part)) if part.is_empty() => Ok(None),
            Some(Value::String(part)) if can_be_in_a_header(part) => Ok(Some(part.clone())),
            Some(Value::String(_)) => Err(got(&format!("blanks or other than printable ASCII in {name}"))),
            Some(_) => Err(got(&format!("another type of {name}"))),
        };
        let required = |name: &str| part(name)?.ok_or_else(|| got(&format!("no {name}")));
        Ok(Self {
            id: required("accessKeyId")?,
            secret: required("accessKeySecret")?,
            token: part("securityToken")?,
        })
    }
}

/// Where a deployment has its keys.
#[derive(Clone, Debug, PartialEq)]
pub enum KeySource {
    /// In the environment.
    Given(Keys),
    /// In a secret.
    Secret { arn: String, region: String },
}

impl KeySource {
    /// Reads the ARN of a secret.
    ///
    /// # Errors
    /// What was expected.
    pub fn secret(arn: &str) -> Result<Self, String> {
        let secret = Arn::parse(arn).filter(Arn::is_secret);
        let secret = secret.ok_or("the ARN of a secret of Secrets Manager")?;
        Ok(Self::Secret { arn: arn.into(), region: secret.region.into() })
    }
}

/// The keys of this process.
pub enum KeyRing {
    Given(Arc<Keys>),
    Secret(Secret),
}

impl KeyRing {
    pub fn connect(aws: &SdkConfig, source: KeySource) -> Self {
        match source {
            KeySource::Given(keys) => Self::Given(Arc::new(keys)),
            KeySource::Secret { arn, region } => Self::Secret(Secret::connect(aws, arn, region)),
        }
    }

    /// The keys to sign with.
    ///
    /// # Errors
    /// Why the secret says none. The call that needed them was not made.
    pub async fn keys(&self) -> Result<Arc<Keys>, CallError> {
        match self {
            Self::Given(keys) => Ok(Arc::clone(keys)),
            Self::Secret(secret) => secret.keys().await,
        }
    }

    /// Forgets keys that the service refused; whether others may be had.
    pub fn forget(&self, refused: &Arc<Keys>) -> bool {
        match self {
            Self::Given(_) => false,
            Self::Secret(secret) => {
                secret.kept().forget(refused);
                true
            }
        }
    }
}

/// A secret that holds the keys.
pub struct Secret {
    client: aws_sdk_secretsmanager::Client,
    arn: String,
    /// Held by the one that reads.
    reading: tokio::sync::Mutex<()>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    keys: Option<Arc<Keys>>,
    /// So many reads have ended.
    reads: u64,
    /// Why the last one failed, where it did.
    failed: Option<CallError>,
}

impl Kept {
    /// Calls side by side are refused together, and what was read for one of them serves the others.
    fn forget(&mut self, refused: &Arc<Keys>) {
        self.keys.take_if(|keys| Arc::ptr_eq(keys, refused));
    }
}

impl Secret {
    /// Builds the client in the secret's region.
    fn connect(aws: &SdkConfig, arn: String, region: String) -> Self {
        let config = aws_sdk_secretsmanager::config::Builder::from(aws).region(Region::new(region));
        let client =
            aws_sdk_secretsmanager::Client::from_conf(config.interceptor(ReadableReply(SUCCESSES)).build());
        Self { client, arn, reading: tokio::sync::Mutex::default(), kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keys(&self) -> Result<Arc<Keys>, CallError> {
        let reads_before = self.kept().reads;
        let _one_at_a_time = self.reading.lock().await;
        if let Some(known) = self.known_since(reads_before) {
            return known;
        }
        let read = prepare(self.read()).await.map(Arc::new).map_err(unavailable);
        let mut kept = self.kept();
        kept.reads += 1;
        kept.keys = read.as_ref().ok().cloned();
        kept.failed = read.as_ref().err().cloned();
        read
    }

    /// The keys, or the failure of a read that this one waited for.
    fn known_since(&self, reads_before: u64) -> Option<Result<Arc<Keys>, CallError>> {
        let kept = self.kept();
        let failed = kept.failed.clone().filter(|_| kept.reads > reads_before);
        kept.keys.clone().map(Ok).or(failed.map(Err))
    }

    async fn read(&self) -> Result<Keys, CallError> {
        let reply = self.client.get_secret_value().secret_id(&self.arn).send().await;
        let reply = reply.map_err(|error| client::call_error(error, classify))?;
        let text = reply.secret_string().ok_or_else(|| format!("expected {FORM}, got no text"));
        // Whatever it is, it was meant to be secret.
        let keys = text.inspect(|text| hold(text)).and_then(Keys::of_secret);
        keys.inspect(Keys::hold).map_err(CallError::not_configured)
    }
}

/// A secret that cannot be used refuses nobody's request: what may pass is tried again, and the rest
/// needs a person.
fn unavailable(error: CallError) -> CallError {
    let why = match error.code.as_str() {
        "NotConfigured" => error.message.clone(),
        _ => error.to_string(),
    };
    let (class, code) = match error.class {
        Class::Config | Class::Terminal | Class::NotFound => (Class::Config, "NotConfigured".into()),
        Class::Expired => (Class::Expired, "NotConfigured".into()),
        class => (class, error.code),
    };
    let message = cut(&format!("the secret with CloudFlow's keys cannot be used: {why}"), 1_024);
    CallError { class, code, message, ..error }
}

/// The codes of Secrets Manager beside the common ones.
fn classify(code: &str) -> Option<Class> {
    Some(match code {
        "InternalServiceError" | "InternalServiceErrorException" => Class::Retry,
        "ResourceNotFoundException"
        | "InvalidParameterException"
        | "InvalidRequestException"
        | "DecryptionFailure"
        | "DecryptionFailureException" => Class::Config,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
