//! Which replies can be replies at all, before anyone reads what they say.
//!
//! A reply is read up to a length, whoever sends it: what comes behind is somebody's mistake, and the
//! function has little memory. A success must be one that says something.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use http_body_util::Limited;

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

/// Refuses a success whose body says nothing, which the SDK would take for a success: it reads an
/// empty body as `{}` and does not look at a body where the model has no output.
#[derive(Debug)]
pub struct ReadableReply {
    empty: bool,
}

impl ReadableReply {
    /// The body is a JSON object, and not one that describes an error.
    pub fn object() -> Self {
        Self { empty: false }
    }

    /// The body is empty or a JSON object.
    pub fn nothing() -> Self {
        Self { empty: true }
    }

    fn reads(&self, body: &[u8]) -> bool {
        type Object = std::collections::HashMap<String, serde::de::IgnoredAny>;
        let reads = |object: Object| !object.contains_key("__type");
        (self.empty && body.is_empty()) || serde_json::from_slice(body).is_ok_and(reads)
    }
}

impl Intercept for ReadableReply {
    fn name(&self) -> &'static str {
        "ReadableReply"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // What could not be read at all is an error already.
        if context.output_or_error().is_err() {
            return Ok(());
        }
        let response = context.response();
        let readable = response.body().bytes().is_some_and(|body| self.reads(body));
        if response.status().is_success() && !readable {
            return Err("the body of a success is no JSON object".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_must_say_something_readable() {
        for (reply, body, readable) in [
            (ReadableReply::object(), "{}", true),
            (ReadableReply::object(), " {\"invalidExecutions\": []} ", true),
            (ReadableReply::object(), "", false),
            (ReadableReply::object(), "[]", false),
            (ReadableReply::object(), "<html></html>", false),
            (ReadableReply::object(), "{} {}", false),
            (ReadableReply::nothing(), "", true),
            (ReadableReply::nothing(), "{}", true),
            (ReadableReply::nothing(), "<html></html>", false),
            (ReadableReply::nothing(), "{\"__type\": \"ThrottlingException\"}", false),
        ] {
            assert_eq!(reply.reads(body.as_bytes()), readable, "{reply:?} {body}");
        }
    }
}
