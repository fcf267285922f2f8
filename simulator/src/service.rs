//! The list of simulated services, and what each of them has to say of itself: its name, its operations, how a
//! request tells that it is for this service, and how the service says no. What an operation does is its
//! service's own module; outside of it only this list, a field of the world and `lib.rs`, which declares the module, name a service.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::refusal::Failure;
use crate::wire::{Answer, Form, Request};
use crate::work::{State, Work};
use crate::world::{Held, World};

/// Those that cancel come first.
pub(crate) static SERVICES: &[&Service] = &[
    &crate::appflow::SERVICE,
    &crate::swf::SERVICE,
    &crate::cloudflow::SERVICE,
    &crate::stepfunctions::SERVICE,
    &crate::eventbridge::SERVICE,
    &crate::sns::SERVICE,
    &crate::sqs::SERVICE,
    &crate::secrets::SERVICE,
    &crate::sts::SERVICE,
    &crate::ram::SERVICE,
];

/// A simulated service.
pub(crate) struct Service {
    pub(crate) name: &'static str,
    /// The first is the one that the function is there to call.
    pub(crate) operations: &'static [Operation],
    /// What it can be asked to cancel.
    pub(crate) runs: Option<Runs>,
    /// The action that a request asks for, where the request is for this service. All protocols share one
    /// port: each names its action in a place of its own.
    pub(crate) action: fn(&Request) -> Option<String>,
    /// Refuses a request that the service would refuse at its door, whatever the operation.
    pub(crate) admit: fn(&Request, &mut State) -> Result<(), Failure>,
    /// Status, code and message of a call too many.
    pub(crate) throttled: (u16, &'static str, &'static str),
    pub(crate) unknown_action: fn(&str) -> Failure,
    /// The code of its own fault.
    pub(crate) internal_error: &'static str,
    /// A failure in the service's wire format, with the request id.
    pub(crate) refuse: fn(&Failure, &str) -> Answer,
    pub(crate) request_id: fn() -> String,
    /// The headers of the request id, and of the wait after a throttle in milliseconds.
    pub(crate) headers: [&'static str; 2],
}

/// Where the world holds a service's runs.
pub(crate) struct Runs {
    pub(crate) of: fn(&World) -> &dyn Held,
    pub(crate) of_mut: fn(&mut World) -> &mut dyn Held,
    /// Adds what the sample events speak of.
    pub(crate) seed: fn(&mut World),
    /// The variables that lead the function to the service at this address, beside AWS's own.
    pub(crate) environment: fn(&str) -> Vec<(&'static str, String)>,
}

/// The headers of AWS's services.
pub(crate) const AWS_HEADERS: [&str; 2] = ["x-amzn-RequestId", "x-amz-retry-after"];

/// A request id as AWS makes them.
pub(crate) fn aws_request_id() -> String {
    Uuid::new_v4().to_string()
}

/// How AWS's services say that they do not know an action.
pub(crate) fn aws_unknown_action(action: &str) -> Failure {
    Failure::new(400, "UnknownOperationException", format!("the operation {action} is not known"))
}

/// The action in a target header that begins with this.
pub(crate) fn aws_target(request: &Request, prefix: &str) -> Option<String> {
    let (found, action) = request.header("x-amz-target")?.split_once('.')?;
    (found == prefix).then(|| action.to_owned())
}

/// The action of a form of AWS's query protocol, of this version.
pub(crate) fn query_action(request: &Request, version: &str) -> Option<String> {
    let form = Form::of_body(&request.body).unwrap_or_default();
    let ours = request.header("x-amz-target").is_none() && form.get("Version") == Some(version);
    ours.then(|| form.get("Action").unwrap_or_default().to_owned())
}

/// How a service with that protocol says that it does not know an action.
pub(crate) fn query_unknown_action(action: &str) -> Failure {
    let message = format!("The action {action} is not valid for this web service.");
    Failure::new(400, "InvalidAction", message)
}

impl Service {
    /// Those that are asked to cancel.
    pub(crate) fn canceling() -> impl Iterator<Item = (&'static Service, &'static Runs)> {
        SERVICES.iter().filter_map(|service| Some((*service, service.runs.as_ref()?)))
    }

    /// How this service says that it is called too often.
    pub(crate) fn throttled(&self, retry_after_ms: Option<u64>) -> Failure {
        let (status, code, message) = self.throttled;
        let mut failure = Failure::new(status, code, message);
        let header = retry_after_ms.map(|wait| (self.headers[1].to_owned(), wait.to_string()));
        failure.headers.extend(header);
        failure
    }

    /// The failure in this service's own wire format.
    pub(crate) fn refuse(&self, failure: Failure, request_id: &str) -> Answer {
        let mut answer = (self.refuse)(&failure, request_id);
        answer.headers.extend(failure.headers);
        answer.code = Some(failure.code);
        answer
    }

    /// Puts the request id where this service's clients look for it.
    pub(crate) fn stamp(&self, answer: Answer, request_id: &str) -> Answer {
        answer.with_header(self.headers[0], request_id)
    }
}

/// One operation of one service, written `service.Operation`. Each is a constant beside its service.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Operation(pub(crate) &'static Spec);

/// What an operation is.
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) read: fn(&Request) -> Result<Box<dyn Work>, Failure>,
    /// Single entries of a call can fail inside a 200.
    pub(crate) takes_entries: bool,
    /// What a request of it is about, in a few words.
    pub(crate) about: fn(&Value) -> String,
}

impl Operation {
    /// All operations of all services.
    pub fn all() -> impl Iterator<Item = Operation> {
        SERVICES.iter().flat_map(|service| service.operations).copied()
    }

    /// The first operation of each service that cancels.
    pub fn canceling() -> impl Iterator<Item = Operation> {
        Service::canceling().filter_map(|(service, _)| service.operations.first()).copied()
    }

    /// The operation that a service is there for.
    pub fn main_of(service: &str) -> Option<Operation> {
        SERVICES.iter().find(|one| one.name == service)?.operations.first().copied()
    }

    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Whether single entries of a call can fail inside a 200.
    pub fn takes_entries(self) -> bool {
        self.0.takes_entries
    }

    /// What a request is about, in a few words.
    pub fn about(self, request: &Value) -> String {
        (self.0.about)(request)
    }

    /// The code of an internal error of its service.
    pub fn internal_error(self) -> &'static str {
        let own = |service: &&&Service| service.operations.contains(&self);
        SERVICES.iter().find(own).map_or("InternalFailure", |service| service.internal_error)
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

// Two operations of one name are one operation.
impl PartialEq for Operation {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Operation {}

impl Hash for Operation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl PartialOrd for Operation {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Operation {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Operation::all().find(|operation| operation.name() == name).ok_or_else(|| {
            let known: Vec<_> = Operation::all().map(Operation::name).collect();
            format!("unknown operation `{name}`, expected one of {}", known.join(", "))
        })
    }
}

impl TryFrom<String> for Operation {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Operation> for String {
    fn from(operation: Operation) -> String {
        operation.name().to_owned()
    }
}

/// What a request to a service asks for. `operation` is absent where the service is known and the
/// action is not: the service then answers so, in its own words.
pub(crate) struct Asked {
    pub(crate) service: &'static Service,
    pub(crate) action: String,
    pub(crate) operation: Option<Operation>,
}

impl Asked {
    pub(crate) fn of(request: &Request) -> Option<Asked> {
        let mut asked = SERVICES.iter().filter_map(|service| Some((*service, (service.action)(request)?)));
        let (service, action) = asked.next()?;
        let name = format!("{}.{action}", service.name);
        let operation = service.operations.iter().find(|operation| operation.name() == name).copied();
        Some(Asked { service, action, operation })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::tests::request;

    #[test]
    fn names_read_back() {
        for operation in Operation::all() {
            assert_eq!(operation.name().parse::<Operation>(), Ok(operation));
        }
        assert!("swf.Cancel".parse::<Operation>().is_err());
    }

    #[test]
    fn each_protocol_is_recognized() {
        let cases = [
            (
                request("POST", "/", &[("x-amz-target", "AWSEvents.PutEvents")], ""),
                Some("eventbridge.PutEvents"),
            ),
            (request("POST", "/", &[("x-amz-target", "AmazonSQS.SendMessage")], ""), Some("sqs.SendMessage")),
            (
                request("POST", "/", &[("x-amz-target", "secretsmanager.GetSecretValue")], ""),
                Some("secretsmanager.GetSecretValue"),
            ),
            (request("POST", "/", &[("x-amz-target", "SimpleWorkflowService.CountOpen")], ""), None),
            (
                request(
                    "POST",
                    "/",
                    &[("x-amz-target", "SimpleWorkflowService.ListOpenWorkflowExecutions")],
                    "",
                ),
                Some("swf.ListOpenWorkflowExecutions"),
            ),
            (request("POST", "/cancel-flow-executions", &[], ""), Some("appflow.CancelFlowExecutions")),
            (
                request("POST", "/describe-flow-execution-records", &[], ""),
                Some("appflow.DescribeFlowExecutionRecords"),
            ),
            (
                request("GET", "/?FlowName=f", &[("x-acs-action", "DescribeExecution")], ""),
                Some("cloudflow.DescribeExecution"),
            ),
            (
                request("GET", "/?Action=DescribeExecution&Version=2019-03-15", &[], ""),
                Some("cloudflow.DescribeExecution"),
            ),
            (request("POST", "/", &[("x-acs-action", "StopExecution")], ""), Some("cloudflow.StopExecution")),
            (request("POST", "/?Action=StopExecution&Signature=x", &[], ""), Some("cloudflow.StopExecution")),
            (
                request("POST", "/", &[], "Action=GetWebIdentityToken&Version=2011-06-15"),
                Some("sts.GetWebIdentityToken"),
            ),
            (
                request("POST", "/?Action=AssumeRoleWithOIDC&Version=2015-04-01&Signature=x", &[], ""),
                Some("ram.AssumeRoleWithOIDC"),
            ),
            (request("POST", "/", &[], "Action=PublishBatch&Version=2010-03-31"), Some("sns.PublishBatch")),
            (request("GET", "/elsewhere", &[], ""), None),
        ];
        for (request, expected) in cases {
            let asked = Asked::of(&request).and_then(|asked| asked.operation);
            assert_eq!(asked.map(Operation::name), expected, "{} {}", request.path, request.query);
        }
    }

    #[test]
    fn a_call_says_what_it_is_about() {
        let sns = json!({"PublishBatchRequestEntries.member.1.Id": "0", "PublishBatchRequestEntries.member.1.Message": "m"});
        let cases = [
            ("appflow.CancelFlowExecutions", json!({"flowName": "f1", "executionIds": ["a"]}), "f1: a"),
            ("appflow.CancelFlowExecutions", json!({"flowName": "f1"}), "f1"),
            ("appflow.DescribeFlowExecutionRecords", json!({"flowName": "f1", "maxResults": 100}), "f1"),
            (
                "swf.DescribeWorkflowExecution",
                json!({"domain": "d", "execution": {"workflowId": "w", "runId": "r"}}),
                "d/w",
            ),
            (
                "swf.ListClosedWorkflowExecutions",
                json!({"domain": "d", "executionFilter": {"workflowId": "w"}}),
                "d/w",
            ),
            ("cloudflow.DescribeExecution", json!({"FlowName": "f", "ExecutionName": "e"}), "f/e"),
            ("eventbridge.PutEvents", json!({"Entries": [{}, {}]}), "2 entries"),
            ("sns.PublishBatch", sns, "1 entry"),
            ("sqs.GetQueueUrl", json!({"QueueName": "q"}), ""),
        ];
        for (operation, request, expected) in cases {
            assert_eq!(operation.parse::<Operation>().unwrap().about(&request), expected, "{operation}");
        }
    }

    #[test]
    fn each_service_throttles_in_its_own_words() {
        for service in SERVICES {
            let answer = service.refuse(service.throttled(Some(250)), "id-1");
            let (status, code, _) = service.throttled;
            let body = String::from_utf8(answer.body.clone()).unwrap();
            assert_eq!((answer.status, answer.code.as_deref()), (status, Some(code)), "{}", service.name);
            let named = answer.headers.iter().any(|(_, value)| value == code) || body.contains(code);
            assert!(named, "{}: {body}", service.name);
            let wait = answer.headers.iter().find(|(name, _)| name == service.headers[1]);
            assert_eq!(wait.map(|(_, wait)| wait.as_str()), Some("250"), "{}", service.name);
        }
    }

    #[test]
    fn sqs_names_the_older_code_too() {
        let answer = crate::sqs::SERVICE.refuse(Failure::new(400, "QueueDoesNotExist", "m"), "id-1");
        let older =
            ("x-amzn-query-error".to_owned(), "AWS.SimpleQueueService.NonExistentQueue;Sender".to_owned());
        assert!(answer.headers.contains(&older));
    }
}
