//! What a request asks of SWF, and the rules of its fields.

use std::sync::Arc;

use serde_json::{Value, json};

use super::SERVICE;
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::targets::{self, Beside, MOST_RUNS, Service};

/// Names that break these rules can never have been registered or started.
const DOMAIN: Text = Text {
    length: 1..=256,
    expected: "no : / | or control character, not arn, no white space at the ends",
    allows: |text| can_exist(text) && text.trim() == text,
};

const WORKFLOW_ID: Text =
    Text { length: 1..=256, expected: "no : / | or control character, not arn", allows: can_exist };

/// The id of a run.
const RUN_ID: Text = Text::any(1..=64);

fn can_exist(text: &str) -> bool {
    text != "arn" && !text.chars().any(|character| ":/|".contains(character) || character.is_control())
}

/// What a request asks of SWF.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cancellation {
    pub domain: String,
    pub workflow_id: String,
    pub run: WhichRun,
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

    /// The same request, for a run that was found.
    pub fn of_run(&self, run_id: String) -> Self {
        Self { run: WhichRun::Found(run_id), ..self.clone() }
    }
}

/// Takes SWF's fields of a request.
pub fn read(fields: &mut Fields, _: Beside<'_>) -> Option<Arc<dyn targets::Cancellation>> {
    let domain = fields.required(&["domain"], &DOMAIN);
    let workflow_id = fields.required(&["workflowId"], &WORKFLOW_ID);
    let named = fields.has(&["runId"]);
    let run_id = fields.text(&["runId"], &RUN_ID);
    if named && run_id.is_none() {
        return None;
    }
    let run = run_id.map_or(WhichRun::Open, |run_id| WhichRun::Named([run_id]));
    Some(Arc::new(Cancellation { domain: domain?, workflow_id: workflow_id?, run }))
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

    fn runs_rule(&self) -> (&'static Text, usize) {
        (&RUN_ID, MOST_RUNS)
    }
}
