//! CloudFlow's protocol: how a call is signed and sent, and how its reply is read.
//!
//! A call that changes something is a `POST /` with its parameters as a form, a read a `GET` with them in
//! the query. The reply is JSON from the service or, where
//! the gateway or a proxy answered, anything. This module knows no operation's meaning.

use std::sync::Arc;
use std::time::SystemTime;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::keys::{KeyRing, KeySource, Keys};
use super::{SERVICE, acs3, classify, rpc_v1};
use crate::call_error::{CallError, Class, cut};
use crate::client::error::is_about_keys;
use crate::client::reply;
use crate::targets::ClientConfig;
use crate::timestamp::Timestamp;

const VERSION: &str = "2019-03-15";
pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// Which signature a call carries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Signature {
    Acs3,
    RpcV1,
}

/// Where calls go and what signs them.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Scheme, host and port, without a slash at the end.
    pub url: String,
    pub keys: KeySource,
    pub signature: Signature,
}

/// CloudFlow behind its port.
pub struct CloudFlow {
    /// `Err` says which configuration is missing.
    pub(super) endpoint: Result<Connected, String>,
    connector: SharedHttpConnector,
    /// The wall clock that signatures are dated with.
    now: fn() -> SystemTime,
}

/// An endpoint and the keys that open it.
pub(super) struct Connected {
    url: String,
    keys: KeyRing,
    signature: Signature,
}

/// Calls that are signed with these keys.
struct Signed<'a> {
    endpoint: &'a Connected,
    keys: Arc<Keys>,
}

/// The part of a reply that may be seen outside.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub struct Reply {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_time: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_time: Option<Word>,
    /// Of any type: it decides nothing.
    #[serde(skip_serializing, default, deserialize_with = "any_id")]
    pub request_id: Option<Word>,
}

/// A short text of a reply, cut where it is not short: an outcome carries it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(from = "String")]
pub struct Word(pub String);

fn any_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Word>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(id) => Some(id.into()),
        serde_json::Value::Number(id) => Some(id.to_string().into()),
        _ => None,
    })
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self(cut(&text, 128))
    }
}

impl CloudFlow {
    /// Builds what calls go through.
    pub fn connect(
        config: &ClientConfig<'_>,
        endpoint: Result<Endpoint, String>,
        now: fn() -> SystemTime,
    ) -> Self {
        let endpoint = endpoint.map(|Endpoint { url, keys, signature }| Connected {
            url,
            keys: KeyRing::connect(config, keys, now),
            signature,
        });
        Self { endpoint, connector: config.connector.clone(), now }
    }

    /// Makes one call on behalf of a request and reads its reply.
    pub async fn call<R: DeserializeOwned>(
        &self,
        method: Method,
        action: &str,
        parameters: &[(&str, &str)],
        request_id: &str,
    ) -> Result<R, CallError> {
        let endpoint = self.endpoint.as_ref().map_err(CallError::not_configured)?;
        let signed = Signed { endpoint, keys: endpoint.keys.keys(request_id).await? };
        let request = signed
            .request(&method, action, parameters, (self.now)())
            .map_err(|error| CallError::not_configured(format!("the call could not be built: {error}")))?;
        let mut reply = reply::of(&self.connector, request, SERVICE.successes, action, classify).await;
        let refused = reply.as_mut().err().filter(|it| it.class == Class::Config && is_about_keys(&it.code));
        if let Some(error) = refused.filter(|_| endpoint.keys.forget(&signed.keys)) {
            error.class = Class::KeysRefused;
        }
        reply
    }
}

impl Signed<'_> {
    /// A freshly signed request.
    fn request(
        &self,
        method: &Method,
        action: &str,
        parameters: &[(&str, &str)],
        now: SystemTime,
    ) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let date = Timestamp::from(now).to_seconds();
        // Those of a `GET` travel in the query, those of a `POST` as a form.
        let (in_query, in_body) = match *method {
            Method::GET => (parameters, &[][..]),
            _ => (&[][..], parameters),
        };
        let (query, body) = (acs3::form(in_query), acs3::form(in_body));
        let mut builder = http::Request::builder().method(method).header("accept", "application/json");
        if *method == Method::POST {
            builder = builder.header("content-type", CONTENT_TYPE);
        }
        let builder = match self.endpoint.signature {
            Signature::Acs3 => {
                let url = if query.is_empty() { String::new() } else { format!("?{query}") };
                let builder = builder.uri(format!("{}/{url}", self.endpoint.url));
                self.acs3_headers(method, action, &query, &body, &date, &nonce, builder)
            }
            Signature::RpcV1 => {
                let common = rpc_v1::Common { action, version: VERSION, timestamp: &date, nonce: &nonce };
                let query = rpc_v1::signed_query(&self.keys, method.as_str(), &common, in_query, in_body);
                builder.uri(format!("{}/?{query}", self.endpoint.url))
            }
        };
        Ok(builder.body(SdkBody::from(body))?.try_into()?)
    }

    /// Signs what the signature's method asks for: the host, the content type of a body and every
    /// header of its own.
    #[expect(clippy::too_many_arguments, reason = "a signature covers all parts of a request")]
    fn acs3_headers(
        &self,
        method: &Method,
        action: &str,
        query: &str,
        body: &str,
        date: &str,
        nonce: &str,
        builder: http::request::Builder,
    ) -> http::request::Builder {
        let body_hash = acs3::hash(body.as_bytes());
        let mut headers = Vec::new();
        if *method == Method::POST {
            headers.push(("content-type", CONTENT_TYPE));
        }
        headers.extend([
            ("host", self.host()),
            ("x-acs-action", action),
            ("x-acs-content-sha256", &body_hash),
            ("x-acs-date", date),
        ]);
        headers.extend(self.keys.token.as_deref().map(|token| ("x-acs-security-token", token)));
        headers.extend([("x-acs-signature-nonce", nonce), ("x-acs-version", VERSION)]);
        let authorization = acs3::authorization(
            &self.keys,
            &acs3::Request { method: method.as_str(), query, headers: &headers, body_hash: &body_hash },
        );
        headers
            .into_iter()
            .filter(|(name, _)| name.starts_with("x-acs-"))
            .fold(builder, |builder, (name, value)| builder.header(name, value))
            .header("authorization", authorization)
    }

    /// The host as the HTTP client sends it: without the port that its scheme implies.
    fn host(&self) -> &str {
        match self.endpoint.url.split_once("://") {
            Some(("https", host)) => host.strip_suffix(":443").unwrap_or(host),
            Some((_, host)) => host.strip_suffix(":80").unwrap_or(host),
            None => &self.endpoint.url,
        }
    }
}
