//! Alibaba Cloud's `AssumeRoleWithOIDC`, RPC style and not signed, and the temporary keys that it lends. A role says
//! whom it trusts: tokens of AWS's issuer, for an audience, about a subject. The parameters may be in a form or in the
//! query of a `GET`, as Alibaba Cloud's own client has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::FUNCTION_ROLE_ARN;
use crate::jwt::{self, Wrong};
use crate::refusal::Failure;
use crate::service::{Operation, Service, Spec};
use crate::sts::ISSUER;
use crate::timestamp::Timestamp;
use crate::wire::{Answer, Form, Request};
use crate::work::{Turn, Work};

pub(crate) const VERSION: &str = "2015-04-01";
/// The least time for which tokens can be taken, which a provider may lengthen.
const ISSUANCE_LIMIT_SECONDS: i64 = 60 * 60;

/// By ARN.
pub type Roles = BTreeMap<String, RamRole>;

/// A role, and whom it trusts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RamRole {
    /// The ARN of the provider that stands for AWS's issuer.
    pub provider: String,
    #[serde(default = "audience")]
    pub audience: String,
    #[serde(default = "subject")]
    pub subject: String,
    /// Its keys end after so long.
    #[serde(default = "hour")]
    pub key_seconds: u32,
}

fn audience() -> String {
    "sts.aliyuncs.com".into()
}

fn subject() -> String {
    FUNCTION_ROLE_ARN.into()
}

fn hour() -> u32 {
    3_600
}

/// The role of the seeded world.
pub(crate) fn seeded() -> Roles {
    let provider = "acs:ram::1111222233334444:oidc-provider/aws".into();
    let role = RamRole { provider, audience: audience(), subject: subject(), key_seconds: hour() };
    BTreeMap::from([("acs:ram::1111222233334444:role/countermand".into(), role)])
}

/// A key that was lent.
#[derive(Debug)]
pub(crate) struct Lent {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) end: Timestamp,
}

impl Operation {
    pub const ASSUME_ROLE_WITH_OIDC: Operation = Operation(&Spec {
        name: "ram.AssumeRoleWithOIDC",
        read: |request| Ok(Box::new(AssumeRole::read(request)?)),
        takes_entries: false,
        about: |request| request["RoleSessionName"].as_str().unwrap_or_default().into(),
    });
}

/// The service.
pub(crate) static SERVICE: Service = Service {
    name: "ram",
    operations: &[Operation::ASSUME_ROLE_WITH_OIDC],
    runs: None,
    action: |request| {
        let query = Form::of_query(&request.query);
        (query.get("Version") == Some(VERSION)).then(|| query.get("Action").unwrap_or_default().to_owned())
    },
    admit: |request, _| {
        let query = Form::of_query(&request.query);
        let signed =
            ["Signature", "AccessKeyId", "SecurityToken"].iter().any(|name| query.get(name).is_some());
        match signed || request.header("authorization").is_some() {
            true => Err(Failure::new(400, "UnsupportedSignature", "expected a request that is not signed")),
            false => Ok(()),
        }
    },
    throttled: (400, "Throttling.User", "Request was denied due to user flow control."),
    unknown_action: |action| {
        let message = format!("The specified action {action} is not found.");
        Failure::new(404, "InvalidAction.NotFound", message)
    },
    internal_error: "InternalError",
    refuse: |Failure { status, code, message, .. }, request_id| {
        let host = "sts.cn-hangzhou.aliyuncs.com";
        Answer::json(
            *status,
            &json!({"RequestId": request_id, "HostId": host, "Code": code, "Message": message}),
        )
    },
    request_id: || Uuid::new_v4().to_string().to_uppercase(),
    headers: ["x-acs-request-id", "x-acs-retry-after"],
};

struct AssumeRole {
    role: String,
    provider: String,
    token: String,
    session: String,
}

impl AssumeRole {
    fn read(request: &Request) -> Result<Self, Failure> {
        let invalid =
            |name: &str, wrong: String| Failure::new(400, format!("InvalidParameter.{name}"), wrong);
        let query = Form::of_query(&request.query);
        if query.get("Format") != Some("JSON")
            || query.get("Timestamp").is_none_or(|time| !time.ends_with('Z'))
        {
            return Err(invalid("Format", "expected Format=JSON and a Timestamp".into()));
        }
        let form = match request.method.as_str() {
            "GET" => query,
            _ => Form::of_body(&request.body).map_err(|wrong| invalid("Body", wrong))?,
        };
        let text = |name: &str, length: std::ops::RangeInclusive<usize>| match form.get(name) {
            Some(text) if length.contains(&text.len()) => Ok(text.to_owned()),
            _ => Err(invalid(name, format!("The parameter {name} is wrongly formed."))),
        };
        let session = text("RoleSessionName", 2..=64)?;
        if !session.chars().all(|it| it.is_ascii_alphanumeric() || ".@-_".contains(it)) {
            return Err(invalid(
                "RoleSessionName",
                "The parameter RoleSessionName is wrongly formed.".into(),
            ));
        }
        let seconds = form.get("DurationSeconds").map_or(Ok(3_600), str::parse::<u32>);
        if !seconds.is_ok_and(|seconds| (900..=3_600).contains(&seconds)) {
            return Err(invalid("DurationSeconds", "expected 900 to 3600".into()));
        }
        let (role, provider) = (text("RoleArn", 1..=256)?, text("OIDCProviderArn", 1..=256)?);
        Ok(AssumeRole { role, provider, token: text("OIDCToken", 4..=20_000)?, session })
    }

    /// Whether a role may be lent for the token.
    fn check(&self, role: &RamRole, now: i64) -> Result<(), Failure> {
        let refused =
            |code: &str, message: &str| Err(Failure::new(401, format!("AuthenticationFail.{code}"), message));
        let claims = match jwt::read(&self.token) {
            Ok(claims) => claims,
            Err(Wrong::Form) => {
                return refused("OIDCToken.Invalid", "The Jwt content is invalid that cannot be recognized.");
            }
            Err(Wrong::Signature) => {
                return refused(
                    "OIDCToken.InvalidSignature",
                    "OIDC token validate failed: invalid signature.",
                );
            }
        };
        if self.provider != role.provider || claims.iss != ISSUER {
            return refused("NoPermission", "No such OIDC Provider registered.");
        }
        if claims.exp <= now || now - claims.iat > ISSUANCE_LIMIT_SECONDS {
            return refused("OIDCToken.Expired", "This JsonWebToken is expired.");
        }
        if claims.aud != role.audience {
            return refused("OIDCToken.AudienceNotMatch", "Invalid audience.");
        }
        if claims.sub != role.subject {
            return refused("NoPermission", "There is no permission");
        }
        Ok(())
    }
}

impl Work for AssumeRole {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let now = turn.state.clock.now();
        let Some(role) = turn.state.world.ram_roles.get(&self.role) else {
            let message = format!("The role not exists: {}", self.role);
            return Err(Failure::new(404, "EntityNotExist.Role", message));
        };
        self.check(role, now.microseconds() / 1_000_000)?;
        let number = turn.state.lent.len() + 1;
        let end = now + std::time::Duration::from_secs(role.key_seconds.into());
        let lent = Lent {
            id: format!("STS.Simulator{number:07}"),
            secret: format!("SimulatorLentSecretExample{number:07}"),
            token: format!("CAISsimulator+lent/token=={number:07}"),
            end,
        };
        let reply = json!({
            "RequestId": turn.request_id,
            "OIDCTokenInfo": {"Issuer": ISSUER, "Subject": role.subject, "ClientIds": role.audience, "VerificationInfo": "Success"},
            "AssumedRoleUser": {"AssumedRoleId": format!("300000000000000001:{}", self.session), "Arn": format!("{}/{}", self.role, self.session)},
            "Credentials": {
                "AccessKeyId": lent.id,
                "AccessKeySecret": lent.secret,
                "SecurityToken": lent.token,
                "Expiration": whole_seconds(end),
            },
        });
        turn.state.lent.push(lent);
        Ok(Answer::json(200, &reply))
    }
}

fn whole_seconds(time: Timestamp) -> String {
    format!("{}Z", &String::from(time)[..19])
}
