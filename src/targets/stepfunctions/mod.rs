//! AWS Step Functions: `StopExecution`.
//!
//! Its 200 does not say whether this call stopped the execution, only when it stopped; what it answers for one that
//! has ended is not documented. So the time decides, and where it cannot, a description does. Express workflows
//! cannot be stopped.
//! API: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html>

mod request;
mod sweep;

use aws_sdk_sfn::operation::RequestId;
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::{ExecutionStatus, IncludedData};
use serde_json::{Map, Value, json};

pub use self::request::Cancellation;
use super::{Accepted, Connect, Description, Service, Single, Stopped, Sweeps};
use crate::call_error::{CallError, Class, cut};
use crate::client::error::to_the_millisecond;
use crate::client::{self, Body, ReadableReply};
use crate::pace::{Operation, Quota};
use crate::timestamp::Moment;
use crate::vocabulary::State;

pub static SERVICE: Service = Service {
    name: "stepfunctions",
    cancel: &STOP,
    reads: &[&DESCRIBE, &LIST],
    beyond: None,
    successes: &[
        ("StopExecution", Body::Member(&["stopDate"])),
        ("DescribeExecution", Body::Member(&["status"])),
        ("ListExecutions", Body::Member(&["executions"])),
    ],
    key_form: "stepfunctions:<state machine>/<execution>",
    is_valid_name: request::is_valid_name,
    read: request::read,
    configure: |_, _| Connect::new(|wire| StepFunctions::connect(wire.aws)),
    rehearsal: Some(concat!(
        r#"{"service": "stepfunctions", "executionArn": "#,
        r#""arn:aws:states:us-east-1:111122223333:execution:rehearsal:rehearsal"}"#
    )),
};

/// Quotas: <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const STOP: Operation = Operation {
    name: "stepfunctions.StopExecution",
    quota: Some(Quota::new(25.0, 500.0)),
    in_regions: &in_large_regions(Quota::new(200.0, 1_000.0)),
};
const DESCRIBE: Operation = Operation {
    name: "stepfunctions.DescribeExecution",
    quota: Some(Quota::new(10.0, 250.0)),
    in_regions: &in_large_regions(Quota::new(15.0, 300.0)),
};

const LIST: Operation = Operation {
    name: "stepfunctions.ListExecutions",
    quota: Some(Quota::new(2.0, 100.0)),
    in_regions: &in_large_regions(Quota::new(5.0, 200.0)),
};

const fn in_large_regions(quota: Quota) -> [(&'static str, Quota); 3] {
    [("us-east-1", quota), ("us-west-2", quota), ("eu-west-1", quota)]
}

/// Step Functions behind its port.
pub struct StepFunctions(aws_sdk_sfn::Client);

impl StepFunctions {
    /// Builds the client.
    pub fn connect(aws: &aws_config::SdkConfig) -> Self {
        let config = aws_sdk_sfn::config::Builder::from(aws).interceptor(ReadableReply(SERVICE.successes));
        Self(aws_sdk_sfn::Client::from_conf(config.build()))
    }
}

impl Single for StepFunctions {
    type Cancellation = Cancellation;

    const STOP: &'static Operation = &STOP;
    const DESCRIBE: &'static Operation = &DESCRIBE;
    const UNCLEAR: &'static [&'static str] = &["ValidationException"];

    fn sweeps(&self) -> Option<&dyn Sweeps> {
        Some(self)
    }

    /// Cause and error are encrypted with the state machine's key. Where that cannot be had they are left out: the
    /// execution is to be stopped, with words or without.
    async fn stop(&self, asked: &mut Cancellation) -> Result<Accepted<Stopped>, CallError> {
        let call = self.0.stop_execution().execution_arn(asked.execution_arn());
        let sent = call.set_cause(asked.cause.clone()).set_error(asked.error.clone()).send().await;
        let output = sent.map_err(|error| {
            let error = client::call_error(error, classify);
            let without_key = ["KmsAccessDeniedException", "KmsInvalidStateException"];
            match without_key.contains(&error.code.as_str()) && asked.omit_cause() {
                true => CallError { class: Class::Retry, ..error },
                false => error,
            }
        })?;
        let mut shown = shown([("stopDate", Some(&output.stop_date))]);
        if asked.cause_omitted {
            shown.insert("causeOmitted".into(), true.into());
        }
        let reply = Stopped { ended_at: moment(&output.stop_date), shown: Value::Object(shown) };
        Ok(Accepted { request_id: output.request_id().map(|id| cut(id, 128)), reply })
    }

    /// API: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>
    async fn describe(&self, asked: &Cancellation) -> Result<Description, CallError> {
        let call = self.0.describe_execution().execution_arn(asked.execution_arn());
        let sent = call.included_data(IncludedData::MetadataOnly).send().await;
        let output = sent.map_err(|error| client::call_error(error, classify))?;
        let state = match output.status {
            ExecutionStatus::Aborted => State::Canceled,
            ExecutionStatus::Succeeded => State::Succeeded,
            ExecutionStatus::Failed => State::Failed,
            ExecutionStatus::TimedOut => State::TimedOut,
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => State::Running,
            _ => State::Unknown,
        };
        let status = cut(output.status.as_str(), 64);
        let mut shown =
            shown([("startDate", Some(&output.start_date)), ("stopDate", output.stop_date.as_ref())]);
        shown.insert("status".into(), json!(status));
        let ended_at = output.stop_date.as_ref().and_then(moment);
        Ok(Description { state, status: Some(status), ended_at, shown: Value::Object(shown) })
    }
}

/// A date as an outcome has it, one in whole seconds without a fraction.
fn text(date: &DateTime) -> Option<String> {
    let time = to_the_millisecond(date)?;
    Some(if time.millis() % 1_000 == 0 { time.to_seconds() } else { time.to_string() })
}

fn moment(date: &DateTime) -> Option<Moment> {
    Moment::parse(&text(date)?)
}

fn shown<const DATES: usize>(dates: [(&str, Option<&DateTime>); DATES]) -> Map<String, Value> {
    // The SDK has the beginning of time where a reply has none.
    let dates = dates.into_iter().filter_map(|(name, date)| Some((name, date.filter(|it| it.secs() > 0)?)));
    dates.filter_map(|(name, date)| Some((name.into(), json!(to_the_millisecond(date)?)))).collect()
}

/// The errors of the three operations; the rest is AWS's common codes.
fn classify(code: &str) -> Option<Class> {
    Some(match code {
        "ExecutionDoesNotExist" | "StateMachineDoesNotExist" => Class::NotFound,
        "InvalidArn" | "InvalidToken" | "ValidationException" => Class::Terminal,
        "KmsAccessDeniedException" | "KmsInvalidStateException" => Class::Config,
        "KmsThrottlingException" => Class::Throttle,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_code_of_step_functions_has_its_class() {
        crate::targets::tests::check_codes("stepfunctions", classify);
        assert_eq!(classify("Surprise"), None);
    }
}
