//! Secrets Manager's `GetSecretValue`, awsJson 1.1. A secret is known by its whole ARN only, and has its
//! current version only; that it is rotated between two reads is written down in the world.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::refusal::{Failure, json_error};
use crate::service::{AWS_HEADERS, Operation, Service, Spec, aws_request_id, aws_target, aws_unknown_action};
use crate::sigv4::Door;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};

const DOOR: Door = Door { scope: "secretsmanager", content_type: "application/x-amz-json-1.1", names: &[] };

impl Operation {
    pub const GET_SECRET_VALUE: Operation = Operation(&Spec {
        name: "secretsmanager.GetSecretValue",
        read: |request| Ok(Box::new(GetSecretValue::read(request)?)),
        takes_entries: false,
        about: |request| request["SecretId"].as_str().unwrap_or_default().into(),
    });
}

/// The service.
pub(crate) static SERVICE: Service = Service {
    name: "secretsmanager",
    operations: &[Operation::GET_SECRET_VALUE],
    runs: None,
    action: |request| aws_target(request, "secretsmanager"),
    admit: |request, state| DOOR.admit(request, state),
    throttled: (400, "ThrottlingException", "Rate exceeded"),
    internal_error: "InternalServiceError",
    refuse: |Failure { status, code, message, .. }, _| {
        json_error(*status, "application/x-amz-json-1.1", code, message)
    },
    unknown_action: aws_unknown_action,
    request_id: aws_request_id,
    headers: AWS_HEADERS,
};

pub(crate) struct GetSecretValue {
    secret_id: String,
}

impl GetSecretValue {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let refused = |code: &str, message: &str| Failure::new(400, code, message);
        let body = request.json_object().map_err(|message| refused("SerializationException", &message))?;
        match body.get("SecretId") {
            Some(Value::String(id)) if (1..=2_048).contains(&id.len()) => {
                Ok(GetSecretValue { secret_id: id.clone() })
            }
            None | Some(Value::String(_)) => {
                Err(refused("ValidationException", "SecretId: expected 1 to 2048 characters"))
            }
            Some(_) => Err(refused("SerializationException", "SecretId: expected a string")),
        }
    }
}

impl Work for GetSecretValue {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let arn = &self.secret_id;
        let texts = turn.state.world.secrets.get_mut(arn);
        let text = texts.and_then(|texts| match texts.len() {
            0 | 1 => texts.first().cloned(),
            _ => Some(texts.remove(0)),
        });
        let Some(text) = text else {
            let message = "Secrets Manager can't find the specified secret.";
            return Err(Failure::new(400, "ResourceNotFoundException", message));
        };
        // The name ends before the hyphen and six characters that make the ARN unique.
        let name = arn.rsplit(':').next().unwrap_or_default();
        let name = name.rsplit_once('-').map_or(name, |(name, _)| name);
        let reply = json!({
            "ARN": arn,
            "Name": name,
            "VersionId": Uuid::new_v4().to_string(),
            "SecretString": text,
            "VersionStages": ["AWSCURRENT"],
            "CreatedDate": 1_763_600_000.123,
        });
        Ok(Answer::new(200, "application/x-amz-json-1.1", reply.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::request;
    use crate::work::State;
    use crate::world::World;

    fn read(body: &str) -> Result<GetSecretValue, Failure> {
        GetSecretValue::read(&request("POST", "/", &[], body))
    }

    fn run(state: &mut State, arn: &str) -> Result<Value, Failure> {
        let mut turn = Turn { state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
        let answer = read(&json!({"SecretId": arn}).to_string())?.run(&mut turn)?;
        Ok(serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn each_read_gives_the_next_text_and_the_last_one_for_ever() {
        let arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:team/keys-a1B2c3";
        let secrets = [(arn.into(), vec!["first".into(), "second".into()])].into();
        let mut state = State::new(World { secrets, ..World::default() });
        for expected in ["first", "second", "second"] {
            let reply = run(&mut state, arn).unwrap();
            assert_eq!([&reply["SecretString"], &reply["Name"]], [expected, "team/keys"]);
        }
        let failure = run(&mut state, "another").unwrap_err();
        assert_eq!((failure.status, failure.code.as_str()), (400, "ResourceNotFoundException"));
    }

    #[test]
    fn a_request_names_a_secret() {
        for (body, code) in [
            ("{}", "ValidationException"),
            (r#"{"SecretId": ""}"#, "ValidationException"),
            (r#"{"SecretId": 7}"#, "SerializationException"),
            ("[]", "SerializationException"),
        ] {
            assert_eq!(read(body).err().map(|failure| failure.code).as_deref(), Some(code), "{body}");
        }
    }
}
