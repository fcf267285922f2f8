//! What every AWS service checks of a request before it looks at the operation: method, content
//! type, and the Signature Version 4 header, whose scope must name the right service and region and
//! whose signed headers must cover what the service relies on. The signature itself is not
//! calculated again: the SDK makes it, and any key may be used.

use crate::refusal::Failure;
use crate::wire::Request;
use crate::work::State;
use crate::{ACCOUNT_ID, REGION, role};

/// What a service expects at its door.
pub(crate) struct Door {
    /// The service's name in a credential scope.
    pub(crate) scope: &'static str,
    pub(crate) content_type: &'static str,
    /// The names of its errors that are not those of today's protocols.
    pub(crate) names: &'static [(&'static str, &'static str)],
}

/// The query protocol has older names for the same errors.
pub(crate) const QUERY_NAMES: &[(&str, &str)] = &[
    ("MissingAuthenticationTokenException", "MissingAuthenticationToken"),
    ("IncompleteSignatureException", "IncompleteSignature"),
    ("InvalidSignatureException", "SignatureDoesNotMatch"),
    ("UnknownOperationException", "InvalidAction"),
    ("SerializationException", "MalformedQueryString"),
    ("ExpiredTokenException", "ExpiredToken"),
];

impl Door {
    /// Refuses what the service would refuse.
    pub(crate) fn admit(&self, request: &Request, state: &State) -> Result<(), Failure> {
        if request.method != "POST" {
            let message = format!("expected POST, got {}", request.method);
            return Err(self.failure(405, "UnknownOperationException", message));
        }
        authorization(request, self.scope)
            .map_err(|(status, name, message)| self.failure(status, name, message))?;
        if request.content_type() != self.content_type {
            let got = request.content_type();
            let message = format!("expected content type {}, got `{got}`", self.content_type);
            return Err(self.failure(400, "SerializationException", message));
        }
        match role::has_expired(request, state) {
            false => Ok(()),
            true => {
                let message = "The security token included in the request is expired".into();
                Err(self.failure(403, "ExpiredTokenException", message))
            }
        }
    }

    fn failure(&self, status: u16, name: &str, message: String) -> Failure {
        let older = self.names.iter().find(|(newer, _)| *newer == name);
        Failure::new(status, older.map_or(name, |(_, older)| older), message)
    }
}

fn authorization(request: &Request, scope: &str) -> Result<(), (u16, &'static str, String)> {
    let incomplete = |message: String| (400, "IncompleteSignatureException", message);
    let invalid = |message: String| (403, "InvalidSignatureException", message);
    let Some(authorization) = request.header("authorization") else {
        return Err((403, "MissingAuthenticationTokenException", "Missing Authentication Token".into()));
    };
    let Some(parameters) = authorization.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return Err(incomplete(format!("expected AWS4-HMAC-SHA256, got `{authorization}`")));
    };
    let parameter = |name: &str| {
        parameters
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            .ok_or_else(|| incomplete(format!("Authorization header requires '{name}' parameter.")))
    };
    let credential = parameter("Credential")?;
    let signed_headers: Vec<_> = parameter("SignedHeaders")?.split(';').collect();
    let signature = parameter("Signature")?;

    let Some(date) = request.header("x-amz-date") else {
        return Err(incomplete("Authorization header requires existence of 'X-Amz-Date'.".into()));
    };
    let [key, day, region, service, terminator] = credential.split('/').collect::<Vec<_>>()[..] else {
        return Err(incomplete(format!("Credential must have 5 parts, got `{credential}`")));
    };
    if key.is_empty() || terminator != "aws4_request" {
        return Err(invalid(format!("Credential should end in aws4_request, got `{credential}`")));
    }
    if !date.starts_with(day) || day.len() != 8 {
        return Err(invalid(format!("Date in Credential scope does not match {date}: '{day}'")));
    }
    if region != REGION {
        return Err(invalid(format!(
            "Credential should be scoped to a valid region, expected '{REGION}', got '{region}'."
        )));
    }
    if service != scope {
        return Err(invalid(format!(
            "Credential should be scoped to correct service: '{scope}', got '{service}'."
        )));
    }
    if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(invalid(format!("expected 64 hexadecimal digits as signature, got `{signature}`")));
    }
    let unsigned = std::iter::once("host")
        .chain(request.headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("x-amz-")))
        .find(|name| !signed_headers.contains(name));
    match unsigned {
        Some(name) => Err(invalid(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."))),
        None => Ok(()),
    }
}

/// The name at the end of an ARN of this account and region, in any partition, or of a bare name.
pub(crate) fn resource_name<'a>(value: &'a str, service: &str, resource: &str) -> Option<&'a str> {
    let Some(arn) = value.strip_prefix("arn:") else { return Some(value) };
    let (_partition, arn) = arn.split_once(':')?;
    arn.strip_prefix(&format!("{service}:{REGION}:{ACCOUNT_ID}:{resource}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::request;
    use crate::world::World;

    fn authorization_for(scope: &str, signed: &str) -> String {
        let signature = "0".repeat(64);
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={signed}, Signature={signature}"
        )
    }

    #[test]
    fn the_scope_and_the_signed_headers_are_checked() {
        let all = "content-type;host;x-amz-date;x-amz-target";
        let cases = [
            ("20261120/us-east-1/swf/aws4_request", all, None),
            ("20261120/us-east-1/appflow/aws4_request", all, Some("InvalidSignatureException")),
            ("20261120/eu-west-1/swf/aws4_request", all, Some("InvalidSignatureException")),
            ("20261119/us-east-1/swf/aws4_request", all, Some("InvalidSignatureException")),
            ("us-east-1/swf/aws4_request", all, Some("IncompleteSignatureException")),
            ("20261120/us-east-1/swf/aws4_request", "host;x-amz-date", Some("InvalidSignatureException")),
            (
                "20261120/us-east-1/swf/aws4_request",
                "x-amz-date;x-amz-target",
                Some("InvalidSignatureException"),
            ),
        ];
        for (scope, signed, expected) in cases {
            let authorization = authorization_for(scope, signed);
            let request = request(
                "POST",
                "/",
                &[
                    ("authorization", &authorization),
                    ("content-type", "application/x-amz-json-1.0"),
                    ("x-amz-date", "20261120T010203Z"),
                    ("x-amz-target", "SimpleWorkflowService.RequestCancelWorkflowExecution"),
                ],
                "{}",
            );
            let state = State::new(World::default());
            let failure = crate::swf::DOOR.admit(&request, &state).err();
            assert_eq!(failure.map(|failure| failure.code).as_deref(), expected, "{scope} {signed}");
        }
    }

    #[test]
    fn a_request_without_signature_or_with_another_type_is_refused() {
        let authorization = authorization_for("20261120/us-east-1/sns/aws4_request", "host;x-amz-date");
        let signed = [("authorization", authorization.as_str()), ("x-amz-date", "20261120T010203Z")];
        let cases: [(&[(&str, &str)], &str); 2] =
            [(&[], "MissingAuthenticationToken"), (&signed, "MalformedQueryString")];
        for (headers, expected) in cases {
            let state = State::new(World::default());
            let failure = crate::sns::DOOR.admit(&request("POST", "/", headers, ""), &state).unwrap_err();
            assert_eq!(failure.code, expected);
        }
    }
}
