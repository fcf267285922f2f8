//! AWS's `GetWebIdentityToken`, query protocol: form fields in, XML out. A token says that the function's role asked
//! for it, and whom it is for. That the first ones are too old is written down in the world.

use uuid::Uuid;

use crate::FUNCTION_ROLE_ARN;
use crate::jwt::{self, Claims};
use crate::refusal::{Failure, xml_error};
use crate::service::{
    AWS_HEADERS, Operation, Service, Spec, aws_request_id, query_action, query_unknown_action,
};
use crate::sigv4::{Door, QUERY_NAMES};
use crate::wire::{Answer, Form, Request};
use crate::work::{Turn, Work};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// Who signs the tokens of the account.
pub(crate) const ISSUER: &str = "https://01234567-89ab-cdef-0123-456789abcdef.tokens.sts.global.api.aws";
const TOO_OLD_SECONDS: i64 = 2 * 60 * 60;

const DOOR: Door =
    Door { scope: "sts", content_type: "application/x-www-form-urlencoded", names: QUERY_NAMES };

impl Operation {
    pub const GET_WEB_IDENTITY_TOKEN: Operation = Operation(&Spec {
        name: "sts.GetWebIdentityToken",
        read: |request| Ok(Box::new(GetWebIdentityToken::read(request)?)),
        takes_entries: false,
        about: |request| request["Audience.member.1"].as_str().unwrap_or_default().into(),
    });
}

/// The service.
pub(crate) static SERVICE: Service = Service {
    name: "sts",
    operations: &[Operation::GET_WEB_IDENTITY_TOKEN],
    runs: None,
    action: |request| query_action(request, "2011-06-15"),
    admit: |request, state| DOOR.admit(request, state),
    throttled: (400, "Throttling", "Rate exceeded"),
    unknown_action: query_unknown_action,
    internal_error: "InternalFailure",
    refuse: |failure, request_id| xml_error(NAMESPACE, failure, request_id),
    request_id: aws_request_id,
    headers: AWS_HEADERS,
};

pub(crate) struct GetWebIdentityToken {
    audience: String,
    seconds: i64,
}

impl GetWebIdentityToken {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let refused = |message: String| Failure::new(400, "ValidationError", message);
        let form = Form::of_body(&request.body).map_err(refused)?;
        let audience = form.get("Audience.member.1").unwrap_or_default();
        if !(1..=1_000).contains(&audience.len()) || form.get("Audience.member.2").is_some() {
            return Err(refused("audience: expected one of 1 to 1000 characters".into()));
        }
        let algorithm = form.get("SigningAlgorithm").unwrap_or_default();
        if !["RS256", "ES384"].contains(&algorithm) {
            return Err(refused(format!("signingAlgorithm: expected RS256 or ES384, got `{algorithm}`")));
        }
        let seconds = form.get("DurationSeconds").map_or(Ok(300), str::parse);
        match seconds {
            Ok(seconds) if (60..=3_600).contains(&seconds) => {
                Ok(GetWebIdentityToken { audience: audience.to_owned(), seconds })
            }
            _ => Err(refused("durationSeconds: expected 60 to 3600".into())),
        }
    }
}

impl Work for GetWebIdentityToken {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let now = turn.state.clock.now();
        turn.state.tokens += 1;
        let too_old = turn.state.tokens <= turn.state.world.old_tokens;
        let issued = now.microseconds() / 1_000_000 - if too_old { TOO_OLD_SECONDS } else { 0 };
        let token = jwt::sign(&Claims {
            iss: ISSUER.into(),
            sub: FUNCTION_ROLE_ARN.into(),
            aud: self.audience.clone(),
            iat: issued,
            exp: issued + self.seconds,
            jti: Uuid::new_v4().to_string(),
        });
        let body = format!(
            "<GetWebIdentityTokenResponse xmlns=\"{NAMESPACE}\"><GetWebIdentityTokenResult>\
             <WebIdentityToken>{token}</WebIdentityToken><Expiration>{}</Expiration>\
             </GetWebIdentityTokenResult><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\
             </GetWebIdentityTokenResponse>",
            String::from(now),
            turn.request_id
        );
        Ok(Answer::new(200, "text/xml", body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::request;

    #[test]
    fn a_request_says_for_whom_and_for_how_long() {
        for (body, fine) in [
            ("Audience.member.1=a&SigningAlgorithm=RS256&DurationSeconds=300", true),
            ("Audience.member.1=a&SigningAlgorithm=ES384", true),
            ("SigningAlgorithm=RS256&DurationSeconds=300", false),
            ("Audience.member.1=a&Audience.member.2=b&SigningAlgorithm=RS256", false),
            ("Audience.member.1=a&SigningAlgorithm=HS256", false),
            ("Audience.member.1=a&SigningAlgorithm=RS256&DurationSeconds=59", false),
        ] {
            let read = GetWebIdentityToken::read(&request("POST", "/", &[], body));
            assert_eq!(
                read.err().map(|failure| failure.code),
                (!fine).then(|| "ValidationError".into()),
                "{body}"
            );
        }
    }
}
