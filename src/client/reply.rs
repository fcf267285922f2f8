//! Which replies can be replies at all, before anyone reads what they say.
//!
//! A reply is read up to a length, whoever sends it: what comes behind is somebody's mistake, and the
//! function has little memory. A success must be one that its operation can have.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;
use http_body_util::Limited;
use serde::de::DeserializeOwned;

use super::error::{connector_error, refusal};
use super::told::{Told, members};
use crate::call_error::{CallError, Class};

/// The longest reply, a page of a hundred runs with an error message of some KiB each, is far below
/// this. In bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// Cuts the connection to whoever sends a longer reply. It then breaks off, as on any other fault.
#[derive(Clone, Debug)]
pub struct Bounded(pub SharedHttpConnector);

impl HttpConnector for Bounded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.0.clone();
        HttpConnectorFuture::new(async move {
            let response = connector.call(request).await?;
            Ok(response.map(|body| SdkBody::from_body_1_x(Limited::new(body, LONGEST))))
        })
    }
}

/// The least that the body of an operation's success holds. Where its model says that one member is always there,
/// only that one counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Body {
    /// It may be empty.
    Empty,
    /// An object, which may be empty or has one of these members.
    Object(&'static [&'static str]),
    /// One of these members.
    Member(&'static [&'static str]),
    /// An XML document, whose root the SDK looks for.
    Xml,
}

/// What the successes of a service's operations say. One of an operation that is not here cannot be read.
pub type Successes = &'static [(&'static str, Body)];

/// Whether a success of an operation can be one: it says what such a one says, and tells no error.
///
/// The SDK reads an empty body as `{}`, passes over members that it does not know, and does not look at a
/// body where the model has no output.
pub fn is_readable(successes: Successes, operation: &str, headers: &Headers, body: &[u8]) -> bool {
    let Some((_, says)) = successes.iter().find(|(name, _)| *name == operation) else { return false };
    if *says == Body::Xml {
        return true;
    }
    if body.trim_ascii().is_empty() {
        return *says == Body::Empty;
    }
    let members = members(body);
    let told = Told::in_members(headers, members.as_ref());
    let Some(members) = members.filter(|_| told.code.is_none()) else { return false };
    let has = |name: &&str| members.get(*name).is_some_and(|value| value.get() != "null");
    match says {
        // A request id is in errors too.
        Body::Member(known) => told.message.is_none() && known.iter().any(has),
        Body::Object(known) => members.is_empty() || known.iter().any(|name| members.contains_key(*name)),
        Body::Empty | Body::Xml => members.is_empty(),
    }
}

/// Makes a call without an SDK, and reads its reply. `classify` knows the codes of the service.
///
/// # Errors
/// Why there is no reply, what it says went wrong, or that it cannot be read.
pub async fn of<Reply: DeserializeOwned>(
    connector: &SharedHttpConnector,
    request: HttpRequest,
    successes: Successes,
    operation: &str,
    classify: fn(&str) -> Option<Class>,
) -> Result<Reply, CallError> {
    let response = connector.call(request).await.map_err(|error| connector_error(&error))?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    // A reply that breaks off says as much as none: its status is left.
    let body = ByteStream::new(response.into_body()).collect().await;
    let body = body.map(|body| body.to_vec()).unwrap_or_default();
    let succeeded = (200..300).contains(&status) && is_readable(successes, operation, &headers, &body);
    let reply = succeeded.then(|| serde_json::from_slice(&body).ok()).flatten();
    reply.ok_or_else(|| refusal(status, &headers, Told::by(&headers, &body), classify, Class::Config))
}

/// Refuses a success that cannot be read.
#[derive(Debug)]
pub struct ReadableReply(pub Successes);

impl Intercept for ReadableReply {
    fn name(&self) -> &'static str {
        "ReadableReply"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // What could not be read at all is an error already.
        if context.output_or_error().is_err() {
            return Ok(());
        }
        let (response, operation) = (context.response(), config.load::<Metadata>().map(Metadata::name));
        let body = response.body().bytes().unwrap_or_default();
        match is_readable(self.0, operation.unwrap_or_default(), response.headers(), body) {
            true => Ok(()),
            false => Err("the success cannot be read".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::SERVICES;
    use crate::targets::cloudflow::KEPT_KEYS;
    use crate::{publisher, visibility};

    fn all() -> Vec<(&'static str, Body)> {
        let queues = [visibility::SUCCESSES, publisher::EVENT_BUS, publisher::TOPIC, publisher::QUEUE];
        let others = queues.into_iter().chain([KEPT_KEYS]);
        SERVICES.iter().map(|service| service.successes).chain(others).flatten().copied().collect()
    }

    #[test]
    fn a_success_says_what_its_operation_says_and_no_error() {
        for (operation, readable, unreadable) in [
            (
                "CancelFlowExecutions",
                &["{}", r#" {"invalidExecutions": []} "#, r#"{"invalidExecutions":null,"new":1}"#][..],
                &["", "[]", "null", "<html></html>", "{} {}", r#"{"message":"m"}"#, r#"{"Version":"1.0"}"#][..],
            ),
            (
                "DescribeFlowExecutionRecords",
                &["{}", r#"{"flowExecutions":[]}"#, r#"{"nextToken":"t"}"#],
                &["", r#"{"executionInfos":[]}"#],
            ),
            (
                "RequestCancelWorkflowExecution",
                &["", "\n", "{}"],
                &["null", "<html></html>", r#"{"message":"m"}"#, r#"{"Output":{},"Version":"1.0"}"#],
            ),
            (
                "DescribeWorkflowExecution",
                &[r#"{"executionInfo":{}}"#],
                &["", "{}", r#"{"executionInfo":null}"#, r#"{"openCounts":{}}"#],
            ),
            (
                "ListOpenWorkflowExecutions",
                &[r#"{"executionInfos":[]}"#],
                &["{}", r#"{"nextPageToken":"t"}"#],
            ),
            (
                "StopExecution",
                &[r#"{"RequestId":"r"}"#, r#"{"Status":"Running"}"#],
                &[
                    "",
                    "{}",
                    r#"{"Status":null}"#,
                    r#"{"RequestId":"r","Message":"m"}"#,
                    r#"{"Status":"Running","Code":"Surprise"}"#,
                ],
            ),
            ("SendMessageBatch", &[r#"{"Failed":[]}"#], &["", "{}"]),
            ("PutEvents", &[r#"{"Entries":[]}"#], &["", "{}"]),
            ("ChangeMessageVisibility", &["", "{}"], &["<html></html>"]),
            ("GetSecretValue", &[r#"{"SecretString":"s"}"#], &["{}"]),
            ("NobodyKnows", &[], &["", "{}"]),
        ] {
            let reads = |body: &str| is_readable(all().leak(), operation, &Headers::new(), body.as_bytes());
            readable.iter().for_each(|body| assert!(reads(body), "{operation}: {body}"));
            unreadable.iter().for_each(|body| assert!(!reads(body), "{operation}: {body}"));
        }
    }

    #[test]
    fn no_success_of_any_operation_tells_an_error() {
        let mut throttled = Headers::new();
        throttled.insert("x-amzn-errortype", "ThrottlingException");
        for (operation, says) in all() {
            let member = match says {
                Body::Object(known) | Body::Member(known) => known[0],
                Body::Empty | Body::Xml => "Version",
            };
            for error in [r#""__type":"a#InternalFailure""#, r#""Output":{"__type":"a#InternalFailure"}"#] {
                let body = format!(r#"{{{error},"{member}":"1.0"}}"#);
                let reads = is_readable(all().leak(), operation, &Headers::new(), body.as_bytes());
                assert_eq!(reads, says == Body::Xml, "{operation}: {body}");
            }
            assert_eq!(
                is_readable(all().leak(), operation, &throttled, b"{}"),
                says == Body::Xml,
                "{operation}"
            );
        }
    }
}
