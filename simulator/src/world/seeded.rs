//! The world of the sample events, written down: what runs, what ended and when, each run with a
//! start that lies before the requests of `events/` are made. It never differs from one run of the
//! simulator to the next.

use std::collections::BTreeMap;

use super::{
    CloseStatus, CloudflowExecution, CloudflowFlow, CloudflowStatus, Domain, Flow, Run, RunStatus,
    WorkflowExecution, World,
};
use crate::timestamp::Timestamp;

impl World {
    /// The small world that the sample events speak of.
    pub fn seeded() -> World {
        World {
            appflow: appflow(),
            swf: BTreeMap::from([("billing".into(), Domain { executions: billing() })]),
            cloudflow: cloudflow(),
            buses: vec!["outcomes".into()],
            topics: vec!["outcomes".into()],
            queues: vec!["outcomes".into(), "cancel-requests".into()],
            secrets: BTreeMap::from([(SECRET_ARN.into(), vec![secret()])]),
            ..World::default()
        }
    }
}

/// CloudFlow's key, for a function that has it from a secret.
const SECRET_ARN: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:cloudflow-AbCdEf";

fn secret() -> String {
    let (id, secret) = (crate::ALIBABA_ACCESS_KEY_ID, crate::ALIBABA_ACCESS_KEY_SECRET);
    format!(r#"{{"accessKeyId": "{id}", "accessKeySecret": "{secret}"}}"#)
}

fn at(time: &str) -> Timestamp {
    time.parse().expect("the seeded times are times")
}

fn appflow() -> BTreeMap<String, Flow> {
    let run = |id: &str, status, started: &str, updated: &str| Run {
        started_at: Some(at(started)),
        last_updated_at: Some(at(updated)),
        ..Run::new(id, status)
    };
    let active = |id: &str, started: &str| run(id, RunStatus::InProgress, started, started);
    let orders = vec![
        active("run-1", "2025-11-20T00:40:00.314Z"),
        active("run-2", "2025-11-20T00:55:00.127Z"),
        run("run-3", RunStatus::Successful, "2025-11-19T23:40:00.262Z", "2025-11-19T23:46:51.840Z"),
        run("run-4", RunStatus::Canceled, "2025-11-19T22:40:00.198Z", "2025-11-19T22:52:07.415Z"),
    ];
    let stock =
        vec![active("stock-1", "2025-11-20T01:02:00.083Z"), active("stock-2", "2025-11-20T01:08:00.241Z")];
    BTreeMap::from([("orders".into(), Flow { runs: orders }), ("stock".into(), Flow { runs: stock })])
}

fn billing() -> Vec<WorkflowExecution> {
    let open = |id: &str, run_id: &str, started: &str| WorkflowExecution {
        started_at: Some(at(started)),
        ..WorkflowExecution::open(id, run_id)
    };
    let closed = |id: &str, run_id: &str, status, started: &str, closed: &str| WorkflowExecution {
        started_at: Some(at(started)),
        closed_at: Some(at(closed)),
        ..WorkflowExecution::closed(id, run_id, status)
    };
    let continued = "2025-11-20T01:05:00.480Z";
    vec![
        open("invoice-2041", "22wkJ8fXyV6pC1invoice2041run1", "2025-11-20T00:31:12.067Z"),
        open("invoice-2042", "22wkJ8fXyV6pC1invoice2042run1", "2025-11-20T00:44:38.501Z"),
        closed(
            "invoice-1999",
            "22wkJ8fXyV6pC1invoice1999run1",
            CloseStatus::Completed,
            "2025-11-18T14:02:55.730Z",
            "2025-11-18T16:20:09.112Z",
        ),
        closed(
            "reminders",
            "22wkJ8fXyV6pC1remindersrun1",
            CloseStatus::ContinuedAsNew,
            "2025-11-13T01:05:00.392Z",
            continued,
        ),
        // The run that goes on with the work of the one before, from that very moment.
        open("reminders", "22wkJ8fXyV6pC1remindersrun2", continued),
    ]
}

fn cloudflow() -> BTreeMap<String, CloudflowFlow> {
    let execution = |name: &str, status, started: &str, stopped: Option<&str>| CloudflowExecution {
        name: name.into(),
        status,
        started_time: Some(at(started)),
        stopped_time: stopped.map(at),
        stop_requested_at: None,
    };
    let etl = vec![
        execution("nightly-2025-11-20", CloudflowStatus::Running, "2025-11-20T01:00:00.120Z", None),
        execution(
            "nightly-2025-11-19",
            CloudflowStatus::Succeeded,
            "2025-11-19T01:00:00.087Z",
            Some("2025-11-19T02:14:31.502Z"),
        ),
        execution("hourly-7", CloudflowStatus::Running, "2025-11-20T07:00:00.044Z", None),
    ];
    BTreeMap::from([("etl".into(), CloudflowFlow { executions: etl })])
}
