//! The calls of one event as a person follows them: the attempts of each call together, with what
//! came of them and how long the function waited in between.

use crate::arrival::cut;
use countermand_simulator::{Call, Operation};

/// All attempts of one call.
#[derive(Debug)]
pub struct Group {
    pub operation: String,
    pub asks_for: String,
    pub attempts: usize,
    pub lines: Vec<Line>,
}

/// One attempt.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// When it arrived.
    pub at: String,
    pub result: String,
    /// How long the service took.
    pub took: String,
    pub failed: bool,
    /// What lay between the attempt before and this one.
    pub wait: Option<String>,
}

/// The calls in groups, in the order of their first attempts.
pub fn groups(calls: &[Call]) -> Vec<Group> {
    let mut groups: Vec<Vec<&Call>> = Vec::new();
    for call in calls {
        let same = |group: &&mut Vec<&Call>| {
            (&group[0].operation, &group[0].request) == (&call.operation, &call.request)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(call),
            None => groups.push(vec![call]),
        }
    }
    groups
        .into_iter()
        .map(|attempts| Group {
            operation: attempts[0].operation.clone(),
            asks_for: asks_for(attempts[0]),
            attempts: attempts.len(),
            lines: attempts
                .iter()
                .enumerate()
                .map(|(index, call)| line(call, index.checked_sub(1).map(|before| attempts[before])))
                .collect(),
        })
        .collect()
}

fn line(call: &Call, before: Option<&Call>) -> Line {
    let result = match (call.status, &call.code, call.fault.as_deref()) {
        (Some(status), Some(code), _) => format!("{status} {code}"),
        (Some(status), None, Some(fault @ ("reply" | "failEntries"))) => format!("{status} ({fault})"),
        (Some(status), None, _) => status.to_string(),
        (None, _, Some("hang")) => "no reply (hang)".into(),
        (None, _, Some(fault)) => format!("connection closed ({fault})"),
        (None, _, None) => "no reply".into(),
    };
    let wait = before.map(|before| match before.duration_ms {
        Some(took) => format!("waited {}", duration(call.at.saturating_sub(before.at + took))),
        // Nobody but the function knows when it gave the attempt up.
        None => format!("{} later", duration(call.at.saturating_sub(before.at))),
    });
    Line {
        at: format!("+{}", duration(call.at)),
        result,
        took: call.duration_ms.map(|took| format!("took {}", duration(took))).unwrap_or_default(),
        failed: call.status != Some(200) || call.fault.as_deref() == Some("failEntries"),
        wait,
    }
}

/// What a call is about, in a few words.
fn asks_for(call: &Call) -> String {
    let operation = call.operation.parse::<Operation>();
    operation.map_or_else(|_| String::new(), |operation| cut(&operation.about(&call.request).into(), 120))
}

/// A number with its noun.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        _ => format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn call(at: u64, operation: &str, request: Value, rest: Value) -> Call {
        let mut call = json!({"at": at, "operation": operation, "request": request, "requestId": "r"});
        for (name, value) in rest.as_object().unwrap() {
            call[name] = value.clone();
        }
        serde_json::from_value(call).unwrap()
    }

    #[test]
    fn attempts_stand_together_with_their_waits() {
        let stop = || json!({"FlowName": "etl", "ExecutionName": "hourly-7"});
        let swf = || json!({"domain": "d", "workflowId": "w"});
        let calls = [
            call(
                3,
                "cloudflow.StopExecution",
                stop(),
                json!({"status": 429, "code": "ResourceThrottled", "durationMs": 1}),
            ),
            call(4, "swf.RequestCancelWorkflowExecution", swf(), json!({"fault": "hang"})),
            call(91, "cloudflow.StopExecution", stop(), json!({"status": 200, "durationMs": 2})),
            call(5004, "swf.RequestCancelWorkflowExecution", swf(), json!({"status": 200, "durationMs": 0})),
        ];
        let groups = groups(&calls);
        let heads: Vec<_> = groups.iter().map(|group| (group.asks_for.as_str(), group.attempts)).collect();
        assert_eq!(heads, [("etl/hourly-7", 2), ("d/w", 2)]);
        let line = |at: &str, result: &str, took: &str, failed, wait: Option<&str>| Line {
            at: at.into(),
            result: result.into(),
            took: took.into(),
            failed,
            wait: wait.map(Into::into),
        };
        assert_eq!(groups[0].lines[0], line("+3 ms", "429 ResourceThrottled", "took 1 ms", true, None));
        assert_eq!(groups[0].lines[1], line("+91 ms", "200", "took 2 ms", false, Some("waited 87 ms")));
        assert_eq!(groups[1].lines[0], line("+4 ms", "no reply (hang)", "", true, None));
        assert_eq!(groups[1].lines[1], line("+5.00 s", "200", "took 0 ms", false, Some("5.00 s later")));
    }
}
