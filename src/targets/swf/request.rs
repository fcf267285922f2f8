//! What a request asks of SWF, and the rules of its fields.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_swf::types::ChildPolicy;
use serde_json::{Map, Value, json};

use super::{BEYOND, SERVICE, sweep};
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::fields::violation::{Code, quote};
use crate::targets::{self, Beside, MOST_RUNS, Service};

/// Names that break these rules can never have been registered or started.
pub const DOMAIN: Text = Text {
    length: 1..=256,
    expected: "no : / | or control character, not arn, no white space at the ends",
    allows: |text| can_exist(text) && text.trim() == text,
};

pub const WORKFLOW_ID: Text =
    Text { length: 1..=256, expected: "no : / | or control character, not arn", allows: can_exist };

/// The id of a run.
const RUN_ID: Text = Text::any(1..=64);

/// So long after the outcome a run can be terminated, in seconds.
const TERMINATE_AFTER_SECONDS: RangeInclusive<u64> = 15..=7_200;

const CHILD_POLICIES: [ChildPolicy; 3] =
    [ChildPolicy::Terminate, ChildPolicy::RequestCancel, ChildPolicy::Abandon];

fn can_exist(text: &str) -> bool {
    text != "arn" && !text.chars().any(|character| ":/|".contains(character) || character.is_control())
}

/// What a request asks of SWF.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cancellation {
    pub domain: String,
    pub workflow_id: String,
    pub run: WhichRun,
    pub terminate: Option<Terminate>,
}

/// What still runs so long after the outcome is terminated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Terminate {
    pub after: Duration,
    /// What becomes of children; as the execution was started where it is not said.
    pub child_policy: Option<ChildPolicy>,
}

/// Which run of the workflow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WhichRun {
    Open,
    /// This one, as a list has it.
    Named([String; 1]),
    /// Of a request that named none, the run that was found open a moment ago.
    Found(String),
}

impl Cancellation {
    /// The run that a call names, where it names one.
    pub fn run_id(&self) -> Option<&str> {
        match &self.run {
            WhichRun::Open => None,
            WhichRun::Named([run_id]) | WhichRun::Found(run_id) => Some(run_id),
        }
    }

    /// What a dry run tells beside the runs.
    pub fn would_terminate(&self) -> Option<(&'static str, Value)> {
        Some(("wouldTerminate", json!(self.terminate.as_ref()?.after.as_secs())))
    }

    /// The same request, for a run that was found.
    pub fn of_run(&self, run_id: String) -> Self {
        Self { run: WhichRun::Found(run_id), ..self.clone() }
    }
}

/// Takes SWF's fields of a request.
pub fn read(fields: &mut Fields, _: Beside<'_>) -> Option<Arc<dyn targets::Cancellation>> {
    if let Some(selected) = sweep::read(fields) {
        return selected;
    }
    let domain = fields.required(&["domain"], &DOMAIN);
    let workflow_id = fields.required(&["workflowId"], &WORKFLOW_ID);
    let named = fields.has(&["runId"]);
    let run_id = fields.text(&["runId"], &RUN_ID);
    if named && run_id.is_none() {
        return None;
    }
    let run = run_id.map_or(WhichRun::Open, |run_id| WhichRun::Named([run_id]));
    let terminate = read_terminate(fields)?;
    Some(Arc::new(Cancellation { domain: domain?, workflow_id: workflow_id?, run, terminate }))
}

/// Whether and how runs are terminated; `None` where a field is not valid.
fn read_terminate(fields: &mut Fields) -> Option<Option<Terminate>> {
    let asked = fields.has(&[BEYOND.field]);
    let after = fields.number(BEYOND.field, TERMINATE_AFTER_SECONDS).map(Duration::from_secs);
    let with_policy = fields.has(&["childPolicy"]);
    let name = fields.text(&["childPolicy"], &Text::any(0..=usize::MAX));
    let child_policy =
        name.as_ref().and_then(|name| CHILD_POLICIES.into_iter().find(|it| it.as_str() == name));
    if let (Some(name), None) = (&name, &child_policy) {
        let expected = CHILD_POLICIES.iter().map(ChildPolicy::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("expected one of {expected}, got {}", quote(name));
        fields.violations.add("childPolicy", Code::UnknownValue, message);
    }
    if with_policy && !asked {
        let message = format!("expected it only beside {}", BEYOND.field);
        fields.violations.add("childPolicy", Code::Conflict, message);
    }
    let is_valid = after.is_some() == asked && child_policy.is_some() == with_policy;
    is_valid.then(|| after.map(|after| Terminate { after, child_policy }))
}

/// Whether a domain and a workflow can have a name, whatever its length.
pub fn is_valid_name(name: &str) -> bool {
    name.split_once('/').is_some_and(|(domain, workflow_id)| {
        let named = !domain.is_empty() && !workflow_id.is_empty();
        named && (DOMAIN.allows)(domain) && (WORKFLOW_ID.allows)(workflow_id)
    })
}

impl targets::Cancellation for Cancellation {
    fn service(&self) -> &'static Service {
        &SERVICE
    }

    fn key(&self) -> String {
        format!("swf:{}/{}", self.domain, self.workflow_id)
    }

    fn target(&self) -> Value {
        let mut target = json!({
            "key": self.key(),
            "domain": self.domain,
            "workflowId": self.workflow_id,
        });
        if let WhichRun::Named([run_id]) = &self.run {
            target["runId"] = json!(run_id);
        }
        target
    }

    fn named_runs(&self) -> Option<&[String]> {
        match &self.run {
            WhichRun::Named(run_id) => Some(run_id),
            WhichRun::Open | WhichRun::Found(_) => None,
        }
    }

    fn goes_beyond(&self) -> bool {
        self.terminate.is_some()
    }

    fn escalates_after(&self) -> Option<Duration> {
        Some(self.terminate.as_ref()?.after)
    }

    fn carried(&self) -> Map<String, Value> {
        let Some(Terminate { after, child_policy }) = &self.terminate else { return Map::new() };
        let policy = child_policy.as_ref().map(|policy| ("childPolicy".into(), json!(policy.as_str())));
        std::iter::once((BEYOND.field.into(), json!(after.as_secs()))).chain(policy).collect()
    }

    fn runs_rule(&self) -> (&'static Text, usize) {
        (&RUN_ID, MOST_RUNS)
    }
}
