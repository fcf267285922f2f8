//! What a request asks of AppFlow, and the rules of its fields.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{BEYOND, SERVICE};
use crate::call_error::CallError;
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::fields::violation::{Code, quote};
use crate::targets::{self, Beside, MOST_RUNS, Service};

/// A request may name so many runs.
const MOST_IDS: usize = 1_000;

/// Java's `[a-zA-Z0-9][\w!@#.-]+` over the whole string: ASCII, and never one character alone.
const FLOW_NAME: Text = Text {
    length: 2..=256,
    expected: "a letter or digit followed by letters, digits and _!@#.-",
    allows: |text| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_!@#.-".contains(&byte))
    },
};

/// Java's `\S+`, which knows ASCII blanks only; control characters are refused with them.
const EXECUTION_ID: Text = Text {
    length: 1..=256,
    expected: "no white space and no control characters",
    allows: |text| !text.bytes().any(|byte| byte == b' ' || byte.is_ascii_control()),
};

/// What a request asks of AppFlow.
#[derive(Clone, Debug, PartialEq)]
pub struct Cancellation {
    pub flow_name: String,
    pub runs: Runs,
    /// The flow is to start no further run.
    pub deactivate: bool,
}

/// Which runs of the flow.
#[derive(Clone, Debug, PartialEq)]
pub enum Runs {
    AllActive {
        /// The request said so by its `scope`, not only by leaving the ids out.
        in_words: bool,
    },
    Named(Ids),
    /// All active runs, pinned to those that were meant when the request was made.
    Pinned {
        in_progress: Option<Ids>,
        /// Canceled since the request was made.
        canceled: Vec<String>,
    },
    /// Which ones could not be read. Nothing is canceled.
    Unread(CallError),
}

impl Runs {
    /// The ids that a call names.
    pub fn ids(&self) -> &[String] {
        match self {
            Self::Named(Ids(ids)) | Self::Pinned { in_progress: Some(Ids(ids)), .. } => ids,
            Self::AllActive { .. } | Self::Pinned { in_progress: None, .. } | Self::Unread(_) => &[],
        }
    }
}

/// At least one id, none twice, in the order asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Ids(pub Vec<String>);

impl Ids {
    /// `None` where there is no id.
    pub fn new(ids: Vec<String>) -> Option<Self> {
        let mut seen = HashSet::new();
        let ids: Vec<_> = ids.into_iter().filter(|id| seen.insert(id.clone())).collect();
        (!ids.is_empty()).then_some(Self(ids))
    }
}

/// Takes AppFlow's fields of a request.
pub fn read(fields: &mut Fields, _: Beside<'_>) -> Option<Arc<dyn targets::Cancellation>> {
    let flow_name = fields.required(&["flowName"], &FLOW_NAME);
    let in_words = read_scope(fields);
    let runs = read_runs(fields, in_words);
    let deactivate = fields.boolean(BEYOND.field).unwrap_or(false);
    Some(Arc::new(Cancellation { flow_name: flow_name?, runs: runs?, deactivate }))
}

/// Whether a flow can have a name, whatever its length.
pub fn is_valid_name(flow_name: &str) -> bool {
    (FLOW_NAME.allows)(flow_name)
}

impl targets::Cancellation for Cancellation {
    fn service(&self) -> &'static Service {
        &SERVICE
    }

    fn key(&self) -> String {
        format!("appflow:{}", self.flow_name)
    }

    fn target(&self) -> Value {
        let mut target = json!({"key": self.key(), "flowName": self.flow_name});
        match &self.runs {
            Runs::Named(Ids(ids)) => target["executionIds"] = json!(ids),
            Runs::AllActive { in_words: true } => target["scope"] = json!("ALL_ACTIVE"),
            Runs::AllActive { in_words: false } | Runs::Pinned { .. } | Runs::Unread(_) => {}
        }
        target
    }

    fn named_runs(&self) -> Option<&[String]> {
        match &self.runs {
            Runs::Named(Ids(ids)) => Some(ids),
            Runs::AllActive { .. } | Runs::Pinned { .. } | Runs::Unread(_) => None,
        }
    }

    fn goes_beyond(&self) -> bool {
        self.deactivate
    }

    fn runs_rule(&self) -> (&'static Text, usize) {
        (&EXECUTION_ID, MOST_RUNS)
    }

    fn all_active_in_words(&self) -> Option<bool> {
        match self.runs {
            Runs::AllActive { in_words } => Some(in_words),
            Runs::Named(_) | Runs::Pinned { .. } | Runs::Unread(_) => None,
        }
    }

    fn is_read_as_a_whole(&self) -> bool {
        true
    }
}

/// Whether the request says in words that all active runs are meant; `None` where the field is not valid.
fn read_scope(fields: &mut Fields) -> Option<bool> {
    let given = fields.has(&["scope"]);
    let scope = fields.text(&["scope"], &Text::any(0..=usize::MAX));
    if !given {
        return Some(false);
    }
    let scope = scope?;
    if scope != "ALL_ACTIVE" {
        let message = format!("expected ALL_ACTIVE, got {}", quote(&scope));
        fields.violations.add("scope", Code::UnknownValue, message);
        return None;
    }
    if fields.has(&["executionIds"]) {
        let message = "expected either scope or executionIds, got both";
        fields.violations.add("scope", Code::Conflict, message);
        return None;
    }
    Some(true)
}

/// The runs that the request names; `None` where the list is not valid, which never means all of them.
fn read_runs(fields: &mut Fields, in_words: Option<bool>) -> Option<Runs> {
    let named = fields.has(&["executionIds"]);
    let ids = fields.texts("executionIds", &EXECUTION_ID, 1..=MOST_IDS);
    if !named {
        return in_words.map(|in_words| Runs::AllActive { in_words });
    }
    Ids::new(ids?).map(Runs::Named)
}
