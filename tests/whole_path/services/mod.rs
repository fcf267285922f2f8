//! What the tests know of each service: one file, and one line in the list.
//!
//! Generators take what they need from here, so that a service is tried by each of them as soon as it is in the
//! list. Nothing here knows how a test goes, or how the function reads or calls.

mod appflow;
mod cloudflow;
mod swf;

use countermand_simulator::Operation;
use serde_json::Value;

pub static SERVICES: [&Service; 3] = [&appflow::SERVICE, &swf::SERVICE, &cloudflow::SERVICE];

pub struct Service {
    /// The operation that asks for a cancel.
    pub cancel: Operation,
    /// The operation that looks up a run that is named.
    pub look_up: Operation,
    /// The variable that says where its calls go.
    pub endpoint: &'static str,
    /// Valid requests, in every form that there is; the first is for one run that goes on in the seeded world.
    pub requests: &'static [&'static str],
    /// The member of a request that names runs. Without it, a request means the runs of its moment.
    pub names: &'static str,
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

    pub fn operations(&self) -> Vec<Operation> {
        Operation::all().filter(|operation| operation.name().split('.').next() == Some(self.name())).collect()
    }

    /// It is called as AWS's services are.
    pub fn is_of_aws(&self) -> bool {
        self.endpoint.starts_with("AWS_")
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

/// Whether a request names no runs.
pub fn means_any(request: &Value) -> bool {
    of(request).is_some_and(|service| request.get(service.names).is_none())
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
