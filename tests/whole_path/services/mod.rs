//! What the tests know of each service: one file, and one line in the list.
//!
//! Generators take what they need from here, so that a service is tried by each of them as soon as it is in the
//! list. Nothing here knows how a test goes, or how the function reads or calls.

mod appflow;
mod cloudflow;
pub mod draw;
mod stepfunctions;
mod swf;

use std::fmt::{Debug, Formatter};

use countermand_simulator::{AnyRun, Call, Operation, Timestamp, World};
use serde_json::Value;

pub static SERVICES: [&Service; 4] =
    [&appflow::SERVICE, &swf::SERVICE, &cloudflow::SERVICE, &stepfunctions::SERVICE];

/// The secret key and the session token with which AWS's services are called.
pub const OF_AWS: [&str; 2] = ["hostile/secret/access/key/EXAMPLE", "hostile-session-token-EXAMPLE"];

pub struct Service {
    /// The operation that asks for a cancel.
    pub cancel: Operation,
    /// The operation that looks up a run that is named.
    pub look_up: Operation,
    /// The operation that does more than a cancel, and the field of a request that asks for it, with its value.
    pub beyond: Option<(Operation, &'static str, &'static str)>,
    /// The variable that says where its calls go.
    pub endpoint: &'static str,
    /// What it is called with beside that, where it is not called as AWS's services are: variables and their values.
    pub variables: &'static [(&'static str, &'static str)],
    /// Those of the values that no outcome may hold.
    pub secrets: &'static [&'static str],
    /// Valid requests, in every form that there is; the first is for one run that goes on in the seeded world.
    pub requests: &'static [&'static str],
    /// The member of a request that names runs. Without it, a request means the runs of its moment.
    pub names: &'static str,
    /// The id of a run of a target that is called so: not the same for two targets, and the run's name behind the
    /// last colon.
    pub id: fn(target: &str, run: &str) -> String,
    /// A request for these runs of a target, or for whatever of it runs.
    pub ask: fn(target: &str, runs: Option<&[String]>) -> Value,
    /// At most one run of a target is open. It may be continued by another one.
    pub one_at_a_time: bool,
    /// A run of a target begins.
    pub begin: fn(&mut World, target: &str, run: &str, Timestamp),
    /// A run comes into this state, in the words of a confirmation.
    pub set: fn(&mut World, target: &str, run: &str, state: &str, Timestamp),
    /// The states into which runs come.
    pub states: &'static [&'static str],
    /// Bodies with which its operations agree, those of the cancel first; `<>` stands for any value.
    pub successes: &'static [&'static str],
    /// The body of an error, out of its code and its message as JSON.
    pub error: fn(code: &str, message: &str) -> String,
}

impl Service {
    pub fn name(&self) -> &'static str {
        self.cancel.name().split('.').next().unwrap_or_default()
    }

    pub fn request(&self) -> Value {
        self.requests[0].parse().expect("a request is JSON")
    }

    /// Whether this is the run, or a run, of a target.
    pub fn has(&self, target: &str, run: &AnyRun) -> bool {
        key_of(&(self.ask)(target, Some(std::slice::from_ref(&run.id)))).as_ref() == Some(&run.key)
            && run.id == (self.id)(target, run.id.rsplit(':').next().unwrap_or_default())
    }

    /// The states in which runs end by themselves.
    pub fn endings(&self) -> Vec<&'static str> {
        self.states.iter().copied().filter(|state| !state.starts_with("CANCEL")).collect()
    }

    /// A request need not name a run.
    pub fn can_mean_any(&self) -> bool {
        self.requests.iter().any(|request| request.parse().is_ok_and(|request| means_any(&request)))
    }

    /// A request can name several runs.
    pub fn takes_many(&self) -> bool {
        self.request()[self.names].is_array()
    }

    /// The operations that look something up.
    pub fn reads(&self) -> Vec<Operation> {
        let changes = |operation: &Operation| {
            *operation == self.cancel || self.beyond.is_some_and(|(beyond, ..)| beyond == *operation)
        };
        self.operations().into_iter().filter(|operation| !changes(operation)).collect()
    }

    pub fn operations(&self) -> Vec<Operation> {
        Operation::all().filter(|operation| operation.name().split('.').next() == Some(self.name())).collect()
    }

    /// It is called as AWS's services are.
    pub fn is_of_aws(&self) -> bool {
        self.endpoint.starts_with("AWS_")
    }
}

impl Debug for Service {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// An error as AWS's services write it.
fn aws_error(code: &str, message: &str) -> String {
    format!(r#"{{"__type":{code},"message":{message}}}"#)
}

/// The service that a request is for.
pub fn of(request: &Value) -> Option<&'static Service> {
    SERVICES.into_iter().find(|service| request["service"] == service.name())
}

/// The runs that a request names, or a call, to which its service has been added.
pub fn named(request: &Value) -> Option<Vec<&str>> {
    let names = of(request)?.names;
    let (_, named) = request.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(names))?;
    Some(
        named
            .as_array()
            .map_or(vec![named], |all| all.iter().collect())
            .into_iter()
            .filter_map(Value::as_str)
            .collect(),
    )
}

/// What a call asks for, as a request has it.
pub fn called(call: &Call) -> Value {
    let mut request = call.request.clone();
    request["service"] = call.operation.split('.').next().into();
    request
}

/// The key of what a request is about, or a call.
pub fn key_of(request: &Value) -> Option<String> {
    World::default().key_of(request)
}

/// The target of a request.
pub fn target_of(request: &Value) -> String {
    let key = key_of(request).expect("a request has a key");
    key.rsplit([':', '/']).next().unwrap_or_default().into()
}

/// Whether a request names no runs.
pub fn means_any(request: &Value) -> bool {
    of(request).is_some() && named(request).is_none()
}

/// One request for each service, which it takes in the seeded world.
pub fn requests() -> Vec<Value> {
    SERVICES.iter().map(|service| service.request()).collect()
}

/// `COUNTERMAND_RATES` where no call is to wait for its turn.
pub fn unbounded_rates() -> String {
    let rates = SERVICES.iter().flat_map(|service| service.operations());
    rates.map(|operation| format!("{operation}=100000/100000")).collect::<Vec<_>>().join(",")
}
