//! A temporary key that no one has to keep: AWS's STS signs who the function is, and Alibaba Cloud's STS lends
//! whoever that is a role.
//!
//! The token is for one exchange and travels in a body, since an address ends up in logs. The exchange is not
//! signed: there is nothing yet to sign with.
//! APIs: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html>,
//! <https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerolewithoidc>

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;

use super::super::{acs3, protocol};
use super::{Fresh, Keys};
use crate::call_error::{CallError, Class, cut};
use crate::client::{self, Body, ReadableReply, Successes, reply};
use crate::retry::prepare;
use crate::secrets::hold;
use crate::targets::ClientConfig;
use crate::timestamp::{Moment, Timestamp};
use crate::variables::can_be_in_a_header;

pub const TOKEN: Successes = &[("GetWebIdentityToken", Body::Xml)];
pub const ASSUMED: Successes = &[(ASSUME, Body::Member(&["Credentials"]))];

const ASSUME: &str = "AssumeRoleWithOIDC";
const VERSION: &str = "2015-04-01";
/// Whether Alibaba Cloud takes the other algorithm that AWS has, is not documented.
const ALGORITHM: &str = "RS256";
/// The exchange follows at once.
const TOKEN_SECONDS: i32 = 300;
/// The longest name of a session.
const LONGEST_SESSION: usize = 64;

/// A role of Alibaba Cloud that trusts AWS's word for who the function is.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    pub arn: String,
    /// Who Alibaba Cloud knows AWS's issuer as.
    pub provider: String,
    /// Whom the token is for.
    pub audience: String,
    /// Where Alibaba Cloud's STS is: scheme, host and port, without a slash at the end.
    pub url: String,
}

/// The way from the function's AWS role to the other.
pub struct Federation {
    sts: aws_sdk_sts::Client,
    connector: SharedHttpConnector,
    role: Role,
    now: fn() -> SystemTime,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Assumed {
    credentials: Lent,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lent {
    access_key_id: String,
    access_key_secret: String,
    security_token: String,
    expiration: String,
}

impl Federation {
    pub fn connect(config: &ClientConfig<'_>, role: Role, now: fn() -> SystemTime) -> Self {
        let sts = aws_sdk_sts::config::Builder::from(config.aws).interceptor(ReadableReply(TOKEN));
        let sts = aws_sdk_sts::Client::from_conf(sts.build());
        Self { sts, connector: config.connector.clone(), role, now }
    }

    /// Fetches a key for a session of this name.
    ///
    /// # Errors
    /// Which of the two did not give what was asked of it, and why.
    pub async fn keys(&self, session: &str) -> Result<Fresh, CallError> {
        let refused = |by, error| not_lent(&self.role, by, error);
        let token = prepare(self.token()).await;
        let token = token.map_err(|error| refused("AWS (sts:GetWebIdentityToken)", error))?;
        let lent = prepare(self.assume(&token, session)).await;
        lent.map_err(|error| refused("Alibaba Cloud (sts:AssumeRoleWithOIDC)", error))
    }

    /// What AWS's STS signs.
    async fn token(&self) -> Result<String, CallError> {
        let asked = self.sts.get_web_identity_token().audience(&self.role.audience);
        let asked = asked.signing_algorithm(ALGORITHM).duration_seconds(TOKEN_SECONDS);
        let reply = asked.send().await.map_err(|error| client::call_error(error, classify_token))?;
        let token = reply.web_identity_token.filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| CallError::unreadable("a WebIdentityToken"))?;
        // Somebody may repeat it whole, or without what says how it is signed.
        hold(&token);
        token.split_once('.').into_iter().for_each(|(_, claims)| hold(claims));
        Ok(token)
    }

    /// What Alibaba Cloud's STS lends for it.
    async fn assume(&self, token: &str, session: &str) -> Result<Fresh, CallError> {
        let request = self.request(token, session);
        let request =
            request.map_err(|error| CallError::not_configured(format!("not a request: {error}")))?;
        let reply: Assumed = reply::of(&self.connector, request, ASSUMED, ASSUME, classify).await?;
        reply.credentials.fresh().ok_or_else(|| CallError::unreadable("Credentials with their Expiration"))
    }

    fn request(
        &self,
        token: &str,
        session: &str,
    ) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
        let date = Timestamp::from((self.now)()).to_seconds();
        let query = [("Action", ASSUME), ("Format", "JSON"), ("Timestamp", &date), ("Version", VERSION)];
        let form = [
            ("OIDCProviderArn", self.role.provider.as_str()),
            ("OIDCToken", token),
            ("RoleArn", &self.role.arn),
            ("RoleSessionName", &session_name(session)),
        ];
        let request = http::Request::post(format!("{}/?{}", self.role.url, acs3::form(&query)))
            .header("accept", "application/json")
            .header("content-type", protocol::CONTENT_TYPE)
            .body(SdkBody::from(acs3::form(&form)))?;
        Ok(request.try_into()?)
    }
}

impl Lent {
    /// Nothing where a part of it is none.
    fn fresh(self) -> Option<Fresh> {
        let parts = [&self.access_key_id, &self.access_key_secret, &self.security_token];
        let usable = parts.iter().all(|part| !part.is_empty() && can_be_in_a_header(part));
        let end = u64::try_from(Moment::parse(&self.expiration)?.begins().millis()).ok()?;
        let keys =
            Keys { id: self.access_key_id, secret: self.access_key_secret, token: Some(self.security_token) };
        usable.then(|| (keys, Some(UNIX_EPOCH + Duration::from_millis(end))))
    }
}

/// The name by which Alibaba Cloud's audit tells whose request a session served: what the name allows of its id.
fn session_name(request_id: &str) -> String {
    let allowed = |it: &char| it.is_ascii_alphanumeric() || ".@-_".contains(*it);
    "countermand-".chars().chain(request_id.chars().filter(allowed)).take(LONGEST_SESSION).collect()
}

/// A role that is not lent refuses nobody's request: what may pass is tried again, and the rest needs a person.
/// The code is of the one that said no.
fn not_lent(role: &Role, by: &str, error: CallError) -> CallError {
    let class = match error.class {
        Class::Terminal | Class::NotFound | Class::NotRunning | Class::Unknown => Class::Config,
        class => class,
    };
    let message =
        cut(&format!("{by} gave no key for CloudFlow's role {}: {}", role.arn, error.message), 1_024);
    CallError { class, message, ..error }
}

/// The codes of AWS's STS beside the common ones.
fn classify_token(code: &str) -> Option<Class> {
    Some(match code {
        "OutboundWebIdentityFederationDisabledException"
        | "SessionDurationEscalationException"
        | "RegionDisabledException" => Class::Config,
        "JWTPayloadSizeExceededException" => Class::Terminal,
        _ => return None,
    })
}

/// The codes of Alibaba Cloud's STS beside those of its gateway. Whatever nobody knows is a refusal too.
fn classify(code: &str) -> Option<Class> {
    match code {
        // Another token may be taken.
        "AuthenticationFail.OIDCToken.Expired" => Some(Class::RetryOnce),
        code if ["AuthenticationFail", "EntityNotExist", "InvalidParameter"]
            .iter()
            .any(|it| code.starts_with(it)) =>
        {
            Some(Class::Config)
        }
        code => super::super::classify(code),
    }
}

#[cfg(test)]
mod tests;
