//! CloudFlow's `StopExecution`, RPC style with a form body: its parameters, its errors, and the
//! execution that it stops. The reply holds all that the real one holds, the flow's definition,
//! input and output too: what must not be published is there to be left out.

use std::num::NonZeroU8;
use std::time::SystemTime;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};

use crate::refusal::Failure;
use crate::wire::{Answer, Form, Request};
use crate::work::{Turn, Work};
use crate::world::CloudflowStatus;

const VERSION: &str = "2019-03-15";

/// RFC 3339 with milliseconds, as the service writes its times.
const MILLISECONDS: EncodedConfig =
    Config::DEFAULT.set_time_precision(TimePrecision::Second { decimal_digits: NonZeroU8::new(3) }).encode();

pub(crate) struct StopExecution {
    flow_name: String,
    execution_name: String,
}

impl StopExecution {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        if request.method != "POST" || request.path != "/" {
            let message = format!("expected POST /, got {} {}", request.method, request.path);
            return Err(Failure::new(400, "ActionNotSupported", message));
        }
        let query = Form::of_query(&request.query);
        let version = request.header("x-acs-version").or(query.get("Version")).unwrap_or_default();
        if version != VERSION {
            let message =
                format!("The requested API version '{version}' is not supported yet. Please check.");
            return Err(Failure::new(400, "APIVersionNotSupported", message));
        }
        if request.content_type() != "application/x-www-form-urlencoded" {
            return Err(Failure::new(
                415,
                "UnsupportedMediaType",
                "The content type must be \"application/x-www-form-urlencoded\".",
            ));
        }
        let form = Form::of_body(&request.body).map_err(|message| invalid(&message))?;
        for (name, longest) in [("Cause", 4096), ("Error", 128)] {
            let length = form.get(name).map(|value| value.chars().count());
            if length.is_some_and(|length| !(1..=longest).contains(&length)) {
                return Err(invalid(&format!("{name}: expected 1 to {longest} characters")));
            }
        }
        Ok(StopExecution {
            flow_name: resource(&form, "FlowName")?,
            execution_name: resource(&form, "ExecutionName")?,
        })
    }
}

fn resource(form: &Form, field: &str) -> Result<String, Failure> {
    let name = form.get(field).unwrap_or_default();
    if name.is_empty() {
        let message = format!("The HTTP query '{field}' must be specified.");
        return Err(Failure::new(400, "MissingRequiredParams", message));
    }
    let allowed = |other: char| other.is_ascii_alphanumeric() || other == '_' || other == '-';
    if name.len() > 128
        || name.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        || !name.chars().all(allowed)
    {
        return Err(invalid(&format!("{field}: `{name}` is not a name")));
    }
    Ok(name.to_owned())
}

fn invalid(detail: &str) -> Failure {
    Failure::new(400, "InvalidArgument", format!("Parameter error. {detail}"))
}

impl Work for StopExecution {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let StopExecution { flow_name, execution_name } = self;
        let Some(flow) = turn.state.world.cloudflow.get_mut(flow_name) else {
            let message = format!("Flow {flow_name} does not exist.");
            return Err(Failure::new(404, "FlowNotExists", message));
        };
        let Some(execution) = flow.executions.iter_mut().find(|execution| execution.name == *execution_name)
        else {
            let message = format!("Execution {execution_name} for flow {flow_name} does not exist.");
            return Err(Failure::new(404, "ExecutionNotExists", message));
        };
        if !matches!(execution.status, CloudflowStatus::Running | CloudflowStatus::Starting) {
            let message =
                format!("Execution '{execution_name}' for flow '{flow_name}' has already completed.");
            return Err(Failure::new(400, "ExecutionAlreadyCompleted", message));
        }
        let now = now();
        execution.status = CloudflowStatus::Stopped;
        execution.started_time.get_or_insert_with(|| now.clone());
        execution.stopped_time = Some(now);
        let reply = json!({
            "RequestId": turn.request_id,
            "FlowName": flow_name,
            "Name": execution_name,
            "Status": execution.status,
            "StartedTime": execution.started_time,
            "StoppedTime": execution.stopped_time,
            "FlowDefinition": "version: v1.0\ntype: flow\nname: confidential-definition\nsteps:\n - type: pass\n   name: mypass",
            "Input": "{\"confidential\":\"input\"}",
            "Output": "{\"confidential\":\"output\"}",
            "RoleArn": "acs:ram::1111222233334444:role/flow",
        });
        Ok(Answer::json(200, &reply))
    }
}

fn now() -> String {
    OffsetDateTime::from(SystemTime::now())
        .format(&Iso8601::<MILLISECONDS>)
        .expect("the time of day can be written down")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::request;
    use crate::work::State;
    use crate::world::World;

    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    fn run(state: &mut State, version: &str, body: &str) -> Result<String, Failure> {
        let mut turn = Turn { state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
        let request = request("POST", "/", &[FORM, ("x-acs-version", version)], body);
        let answer = StopExecution::read(&request)?.run(&mut turn)?;
        Ok(String::from_utf8(answer.body).unwrap())
    }

    #[test]
    fn a_running_execution_stops_and_only_once() {
        let mut state = State::new(World::seeded());
        let body = "FlowName=etl&ExecutionName=hourly-7&Cause=for+test";
        let reply: serde_json::Value =
            serde_json::from_str(&run(&mut state, VERSION, body).unwrap()).unwrap();
        assert_eq!(reply["Status"], "Stopped");
        assert_eq!(reply["StartedTime"], "2026-11-20T07:00:00.044Z");
        let stopped = reply["StoppedTime"].as_str().unwrap();
        assert_eq!((stopped.len(), stopped.ends_with('Z')), (24, true), "{stopped}");
        for field in ["RequestId", "FlowName", "Name", "FlowDefinition", "Input", "Output"] {
            assert!(reply[field].is_string(), "{field}");
        }
        let failure = run(&mut state, VERSION, body).unwrap_err();
        assert_eq!((failure.status, failure.code.as_str()), (400, "ExecutionAlreadyCompleted"));
    }

    #[test]
    fn requests_are_checked_as_the_service_does() {
        let long_cause = format!("FlowName=etl&ExecutionName=hourly-7&Cause={}", "x".repeat(4097));
        let long_name = format!("FlowName={}&ExecutionName=hourly-7", "x".repeat(129));
        let cases = [
            (VERSION, "FlowName=nothing&ExecutionName=hourly-7", 404, "FlowNotExists"),
            (VERSION, "FlowName=etl&ExecutionName=nothing", 404, "ExecutionNotExists"),
            (VERSION, "FlowName=ETL&ExecutionName=hourly-7", 404, "FlowNotExists"),
            (VERSION, "FlowName=etl&ExecutionName=nightly-2026-11-19", 400, "ExecutionAlreadyCompleted"),
            (VERSION, "FlowName=etl", 400, "MissingRequiredParams"),
            (VERSION, "flowName=etl&executionName=hourly-7", 400, "MissingRequiredParams"),
            (VERSION, "FlowName=7etl&ExecutionName=hourly-7", 400, "InvalidArgument"),
            (VERSION, "FlowName=etl&ExecutionName=hourly-7&Cause=", 400, "InvalidArgument"),
            (VERSION, &long_cause, 400, "InvalidArgument"),
            (VERSION, &long_name, 400, "InvalidArgument"),
            ("2014-05-26", "FlowName=etl&ExecutionName=hourly-7", 400, "APIVersionNotSupported"),
        ];
        for (version, body, status, code) in cases {
            let failure = run(&mut State::new(World::seeded()), version, body).unwrap_err();
            assert_eq!((failure.status, failure.code.as_str()), (status, code), "{body}");
        }
    }
}
