//! Keys that a secret of Secrets Manager holds.
//!
//! API: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use aws_config::{Region, SdkConfig};
use serde_json::Value;

use super::{KeySource, Keys};
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

impl Keys {
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

/// A secret that holds the keys.
pub struct Secret {
    client: aws_sdk_secretsmanager::Client,
    arn: String,
}

impl Secret {
    /// Builds the client in the secret's region.
    pub fn connect(aws: &SdkConfig, arn: String, region: String) -> Self {
        let config = aws_sdk_secretsmanager::config::Builder::from(aws).region(Region::new(region));
        let client =
            aws_sdk_secretsmanager::Client::from_conf(config.interceptor(ReadableReply(SUCCESSES)).build());
        Self { client, arn }
    }

    /// Reads them.
    ///
    /// # Errors
    /// Why the secret says none.
    pub async fn keys(&self) -> Result<Keys, CallError> {
        prepare(self.read()).await.map_err(unavailable)
    }

    async fn read(&self) -> Result<Keys, CallError> {
        let reply = self.client.get_secret_value().secret_id(&self.arn).send().await;
        let reply = reply.map_err(|error| client::call_error(error, classify))?;
        let text = reply.secret_string().ok_or_else(|| format!("expected {FORM}, got no text"));
        // Whatever it is, it was meant to be secret.
        text.inspect(|text| hold(text)).and_then(Keys::of_secret).map_err(CallError::not_configured)
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
    CallError { class, code, message, from_service: false, ..error }
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
