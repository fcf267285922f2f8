//! The credentials of a role, as a container's endpoint gives them: each fetch gives a new key. A world
//! says how many of the first keys have expired in the eyes of the services, whatever the endpoint
//! promised. Keys from anywhere else are none of its business.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::Shared;
use crate::timestamp::Timestamp;
use crate::wire::{Answer, Request};
use crate::work::State;

/// Where the function fetches its credentials.
pub(crate) const PATH: &str = "/_role";
/// A number follows.
const KEY: &str = "ASIASIMULATOR";

/// Gives credentials, or is not asked for any.
pub(crate) fn serve(shared: &Shared, request: &Request) -> Option<Answer> {
    if (request.method.as_str(), request.path.as_str()) != ("GET", PATH) {
        return None;
    }
    let mut state = shared.state();
    state.role_keys += 1;
    Some(Answer::json(
        200,
        &json!({
            "AccessKeyId": format!("{KEY}{:07}", state.role_keys),
            "SecretAccessKey": "simulator/secret/access/key/EXAMPLE",
            "Token": format!("token-{}", state.role_keys),
            "Expiration": Timestamp::from(SystemTime::now() + Duration::from_secs(3_600)),
        }),
    ))
}

/// Whether a request is signed with a key of the role that has expired.
pub(crate) fn has_expired(request: &Request, state: &State) -> bool {
    let number = request.header("authorization").and_then(|header| {
        let (_, key) = header.split_once(&format!("Credential={KEY}"))?;
        key.split('/').next()?.parse::<u32>().ok()
    });
    number.is_some_and(|number| number <= state.world.expired_role_keys)
}
