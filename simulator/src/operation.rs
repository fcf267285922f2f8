//! The operations that the simulator serves, by the names that faults, limits and the ledger use,
//! and the services they belong to. It knows how a request tells which operation it asks for, and
//! nothing of what the operation does: that is each service's own module.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::wire::{Form, Request};

/// A simulated service. Each has its own way to report an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    Appflow,
    Swf,
    Cloudflow,
    Eventbridge,
    Sns,
    Sqs,
    SecretsManager,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Service::Appflow => "appflow",
            Service::Swf => "swf",
            Service::Cloudflow => "cloudflow",
            Service::Eventbridge => "eventbridge",
            Service::Sns => "sns",
            Service::Sqs => "sqs",
            Service::SecretsManager => "secretsmanager",
        }
    }
}

/// One operation of one service, written `service.Operation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Operation {
    CancelFlowExecutions,
    DescribeFlowExecutionRecords,
    RequestCancelWorkflowExecution,
    DescribeWorkflowExecution,
    ListOpenWorkflowExecutions,
    ListClosedWorkflowExecutions,
    StopExecution,
    DescribeExecution,
    PutEvents,
    PublishBatch,
    Publish,
    SendMessageBatch,
    SendMessage,
    ReceiveMessage,
    DeleteMessage,
    ChangeMessageVisibility,
    ChangeMessageVisibilityBatch,
    GetQueueUrl,
    GetSecretValue,
}

impl Operation {
    pub const ALL: [Operation; 19] = [
        Operation::CancelFlowExecutions,
        Operation::DescribeFlowExecutionRecords,
        Operation::RequestCancelWorkflowExecution,
        Operation::DescribeWorkflowExecution,
        Operation::ListOpenWorkflowExecutions,
        Operation::ListClosedWorkflowExecutions,
        Operation::StopExecution,
        Operation::DescribeExecution,
        Operation::PutEvents,
        Operation::PublishBatch,
        Operation::Publish,
        Operation::SendMessageBatch,
        Operation::SendMessage,
        Operation::ReceiveMessage,
        Operation::DeleteMessage,
        Operation::ChangeMessageVisibility,
        Operation::ChangeMessageVisibilityBatch,
        Operation::GetQueueUrl,
        Operation::GetSecretValue,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Operation::CancelFlowExecutions => "appflow.CancelFlowExecutions",
            Operation::DescribeFlowExecutionRecords => "appflow.DescribeFlowExecutionRecords",
            Operation::RequestCancelWorkflowExecution => "swf.RequestCancelWorkflowExecution",
            Operation::DescribeWorkflowExecution => "swf.DescribeWorkflowExecution",
            Operation::ListOpenWorkflowExecutions => "swf.ListOpenWorkflowExecutions",
            Operation::ListClosedWorkflowExecutions => "swf.ListClosedWorkflowExecutions",
            Operation::StopExecution => "cloudflow.StopExecution",
            Operation::DescribeExecution => "cloudflow.DescribeExecution",
            Operation::PutEvents => "eventbridge.PutEvents",
            Operation::PublishBatch => "sns.PublishBatch",
            Operation::Publish => "sns.Publish",
            Operation::SendMessageBatch => "sqs.SendMessageBatch",
            Operation::SendMessage => "sqs.SendMessage",
            Operation::ReceiveMessage => "sqs.ReceiveMessage",
            Operation::DeleteMessage => "sqs.DeleteMessage",
            Operation::ChangeMessageVisibility => "sqs.ChangeMessageVisibility",
            Operation::ChangeMessageVisibilityBatch => "sqs.ChangeMessageVisibilityBatch",
            Operation::GetQueueUrl => "sqs.GetQueueUrl",
            Operation::GetSecretValue => "secretsmanager.GetSecretValue",
        }
    }

    /// Whether single entries of a call can fail inside a 200.
    pub fn takes_entries(self) -> bool {
        matches!(
            self,
            Operation::PutEvents
                | Operation::PublishBatch
                | Operation::SendMessageBatch
                | Operation::ChangeMessageVisibilityBatch
        )
    }

    fn find(service: Service, action: &str) -> Option<Operation> {
        let name = format!("{}.{action}", service.name());
        Operation::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Operation::ALL.into_iter().find(|operation| operation.name() == name).ok_or_else(|| {
            let known: Vec<_> = Operation::ALL.iter().map(|operation| operation.name()).collect();
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
    pub(crate) service: Service,
    pub(crate) action: String,
    pub(crate) operation: Option<Operation>,
}

impl Asked {
    fn new(service: Service, action: &str) -> Asked {
        Asked { service, action: action.to_owned(), operation: Operation::find(service, action) }
    }

    /// All protocols share one port: the path, a header or the form tells them apart, as each
    /// protocol names its action in a place of its own.
    pub(crate) fn of(request: &Request) -> Option<Asked> {
        if let Some(target) = request.header("x-amz-target") {
            let (prefix, action) = target.split_once('.').unwrap_or((target, ""));
            return match prefix {
                "SimpleWorkflowService" => Some(Asked::new(Service::Swf, action)),
                "AWSEvents" => Some(Asked::new(Service::Eventbridge, action)),
                "AmazonSQS" => Some(Asked::new(Service::Sqs, action)),
                "secretsmanager" => Some(Asked::new(Service::SecretsManager, action)),
                _ => None,
            };
        }
        match request.path.as_str() {
            "/cancel-flow-executions" => return Some(Asked::new(Service::Appflow, "CancelFlowExecutions")),
            "/describe-flow-execution-records" => {
                return Some(Asked::new(Service::Appflow, "DescribeFlowExecutionRecords"));
            }
            _ => {}
        }
        if let Some(action) = request.header("x-acs-action") {
            return Some(Asked::new(Service::Cloudflow, action));
        }
        let query = Form::of_query(&request.query);
        if query.get("Version") == Some("2019-03-15") || query.get("Signature").is_some() {
            return Some(Asked::new(Service::Cloudflow, query.get("Action").unwrap_or_default()));
        }
        let form = Form::of_body(&request.body).unwrap_or_default();
        if form.get("Version") == Some("2010-03-31") {
            return Some(Asked::new(Service::Sns, form.get("Action").unwrap_or_default()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::request;

    #[test]
    fn names_read_back() {
        for operation in Operation::ALL {
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
            (request("POST", "/", &[], "Action=PublishBatch&Version=2010-03-31"), Some("sns.PublishBatch")),
            (request("GET", "/elsewhere", &[], ""), None),
        ];
        for (request, expected) in cases {
            let asked = Asked::of(&request).and_then(|asked| asked.operation);
            assert_eq!(asked.map(Operation::name), expected, "{} {}", request.path, request.query);
        }
    }
}
