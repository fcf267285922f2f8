//! CloudFlow, RPC style, and first its `StopExecution` with a form body: its parameters, its errors,
//! and the execution that it stops. Replies hold all that the real ones hold, the flow's definition,
//! input and output too: what must not be published is there to be left out.

mod describe;
mod list;
mod world;

use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use self::describe::DescribeExecution;
pub(crate) use self::list::ListExecutions;
pub use self::world::{CloudflowExecution, CloudflowFlow, CloudflowFlows, CloudflowStatus};
use crate::refusal::Failure;
use crate::service::{Operation, Runs, Service, Spec};
use crate::timestamp::Timestamp;
use crate::wire::{Answer, Form, Request};
use crate::work::{Turn, Work};
use crate::world::World;
use crate::{ALIBABA_ACCESS_KEY_ID, ALIBABA_ACCESS_KEY_SECRET};
use crate::{acs, ram};

const VERSION: &str = "2019-03-15";

impl Operation {
    pub const STOP_EXECUTION: Operation = Operation(&Spec {
        name: "cloudflow.StopExecution",
        read: |request| Ok(Box::new(StopExecution::read(request)?)),
        takes_entries: false,
        about,
    });
    pub const DESCRIBE_EXECUTION: Operation = Operation(&Spec {
        name: "cloudflow.DescribeExecution",
        read: |request| Ok(Box::new(DescribeExecution::read(request)?)),
        takes_entries: false,
        about,
    });
    pub const LIST_EXECUTIONS: Operation = Operation(&Spec {
        name: "cloudflow.ListExecutions",
        read: |request| Ok(Box::new(ListExecutions::read(request)?)),
        takes_entries: false,
        about,
    });
}

/// The service.
pub(crate) static SERVICE: Service = Service {
    name: "cloudflow",
    operations: &[Operation::STOP_EXECUTION, Operation::DESCRIBE_EXECUTION, Operation::LIST_EXECUTIONS],
    runs: Some(Runs {
        of: |world| &world.cloudflow,
        of_mut: |world| &mut world.cloudflow,
        seed: |world| world.cloudflow = world::seeded(),
        environment: |base_url| {
            vec![
                ("COUNTERMAND_CLOUDFLOW_ENDPOINT_URL", base_url.into()),
                ("COUNTERMAND_CLOUDFLOW_STS_ENDPOINT_URL", base_url.into()),
                ("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou".into()),
                ("ALIBABA_CLOUD_ACCESS_KEY_ID", ALIBABA_ACCESS_KEY_ID.into()),
                ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ALIBABA_ACCESS_KEY_SECRET.into()),
            ]
        },
    }),
    action: |request| {
        let query = Form::of_query(&request.query);
        let version = query.get("Version");
        let signed = query.get("Signature").is_some() && version != Some(ram::VERSION);
        let ours = version == Some(VERSION) || signed;
        let named = ours.then(|| query.get("Action").unwrap_or_default());
        request.header("x-acs-action").or(named).map(String::from)
    },
    admit: |request, state| acs::verify(request, state),
    throttled: (429, "ResourceThrottled", "The request is throttled. Please try again later."),
    unknown_action: |action| {
        let message = format!("The requested API operation '{action}' is incorrect. Please check.");
        Failure::new(400, "ActionNotSupported", message)
    },
    internal_error: "InternalServerError",
    refuse: |Failure { status, code, message, .. }, request_id| {
        let recommend = "https://api.aliyun.com/troubleshoot";
        let body = json!({
            "RequestId": request_id,
            "HostId": "cn-hangzhou.fnf.aliyuncs.com",
            "Code": code,
            "Message": message,
            "Recommend": format!("{recommend}?q={code}&product=fnf&requestId={request_id}"),
        });
        Answer::json(*status, &body)
    },
    request_id: || Uuid::new_v4().to_string().to_uppercase(),
    headers: ["x-acs-request-id", "x-acs-retry-after"],
};

fn about(request: &Value) -> String {
    let text = |name: &str| request[name].as_str();
    let execution = text("ExecutionName").map(String::from);
    let execution = execution.or_else(|| text("ExecutionNamePrefix").map(|prefix| format!("{prefix}*")));
    format!("{}/{}", text("FlowName").unwrap_or_default(), execution.unwrap_or_else(|| "*".into()))
}

pub(crate) struct StopExecution(Named);

impl StopExecution {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        admit(request, "POST")?;
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
        Named::read(&form).map(StopExecution)
    }
}

/// What every operation asks of a request: its method, its path, and the API's version.
fn admit(request: &Request, method: &str) -> Result<(), Failure> {
    if request.method != method || request.path != "/" {
        let message = format!("expected {method} /, got {} {}", request.method, request.path);
        return Err(Failure::new(400, "ActionNotSupported", message));
    }
    let query = Form::of_query(&request.query);
    let version = request.header("x-acs-version").or(query.get("Version")).unwrap_or_default();
    if version != VERSION {
        let message = format!("The requested API version '{version}' is not supported yet. Please check.");
        return Err(Failure::new(400, "APIVersionNotSupported", message));
    }
    Ok(())
}

/// The execution that a request speaks of.
struct Named {
    flow_name: String,
    execution_name: String,
}

impl Named {
    fn read(form: &Form) -> Result<Named, Failure> {
        let flow_name = resource(form, "FlowName")?;
        Ok(Named { flow_name, execution_name: resource(form, "ExecutionName")? })
    }

    fn find<'a>(&self, world: &'a mut World) -> Result<&'a mut CloudflowExecution, Failure> {
        let Named { flow_name, execution_name } = self;
        let flow = world.cloudflow.get_mut(flow_name).ok_or_else(|| no_flow(flow_name))?;
        flow.executions.iter_mut().find(|execution| execution.name == *execution_name).ok_or_else(|| {
            let message = format!("Execution {execution_name} for flow {flow_name} does not exist.");
            Failure::new(404, "ExecutionNotExists", message)
        })
    }

    /// What an operation answers that is about one execution.
    fn description(&self, execution: &CloudflowExecution, request_id: &str, began: Timestamp) -> Value {
        let mut description = execution.description(&self.flow_name, began);
        description["RequestId"] = json!(request_id);
        description
    }
}

impl CloudflowExecution {
    /// What every operation tells of an execution, in a simulator that began at that moment.
    fn description(&self, flow_name: &str, began: Timestamp) -> Value {
        let execution = self;
        let (started, stopped) = execution.moments(began);
        let mut description = json!({
            "FlowName": flow_name,
            "Name": execution.name,
            "Status": execution.status,
            "StartedTime": started,
            "FlowDefinition": "version: v1.0\ntype: flow\nname: confidential-definition\nsteps:\n - type: pass\n   name: mypass",
            "Input": "{\"confidential\":\"input\"}",
        });
        if let Some(stopped) = stopped {
            description["StoppedTime"] = json!(stopped);
            description["Output"] = json!("{\"confidential\":\"output\"}");
        }
        description
    }
}

fn no_flow(flow_name: &str) -> Failure {
    Failure::new(404, "FlowNotExists", format!("Flow {flow_name} does not exist."))
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
        let StopExecution(named) = self;
        let clock = turn.state.clock;
        let takes_time = turn.state.world.settle_after_ms.is_some();
        let execution = named.find(&mut turn.state.world)?;
        if !execution.status.is_active() {
            let Named { flow_name, execution_name } = named;
            let message =
                format!("Execution '{execution_name}' for flow '{flow_name}' has already completed.");
            return Err(Failure::new(400, "ExecutionAlreadyCompleted", message));
        }
        if takes_time {
            execution.stop_requested_at = execution.stop_requested_at.or(Some(clock.now()));
        } else {
            execution.status = CloudflowStatus::Stopped;
            execution.stopped_time = Some(clock.now());
        }
        let mut reply = named.description(execution, turn.request_id, clock.started_at());
        reply["RoleArn"] = json!("acs:ram::1111222233334444:role/flow");
        Ok(Answer::json(200, &reply))
    }
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
        assert_eq!(reply["StartedTime"], "2025-11-20T07:00:00.044Z");
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
            (VERSION, "FlowName=etl&ExecutionName=nightly-2025-11-19", 400, "ExecutionAlreadyCompleted"),
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
