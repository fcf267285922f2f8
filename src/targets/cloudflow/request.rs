//! What a request asks of CloudFlow, and the rules of its fields.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{SERVICE, sweep};
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::targets::{self, Beside, Service};

/// The name of a flow or an execution.
pub const NAME: Text = Text {
    length: 1..=128,
    expected: "letters, digits, _ and -, first a letter or _",
    allows: |text| {
        !text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    },
};

pub const CAUSE: Text = Text::any(1..=4_096);
pub const ERROR: Text = Text::any(1..=128);

/// What a request asks of CloudFlow; its one call carries the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cancellation {
    pub flow_name: String,
    /// The one execution, as a list has it.
    pub execution_name: [String; 1],
    pub cause: Option<String>,
    pub error: Option<String>,
    pub request_id: RequestId,
}

/// Whose call it is, for those who keep a record of calls. It is no part of what is asked, so that equal requests
/// are equal.
#[derive(Clone, Debug, Default, Eq)]
pub struct RequestId(pub String);

impl PartialEq for RequestId {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Hash for RequestId {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// Takes CloudFlow's fields of a request, in the API's own spelling or in camel case. The
/// request's reason serves as cause where none is given.
pub fn read(fields: &mut Fields, beside: Beside<'_>) -> Option<Arc<dyn targets::Cancellation>> {
    if let Some(selected) = sweep::read(fields, beside) {
        return selected;
    }
    let flow_name = fields.required(&["flowName", "FlowName"], &NAME);
    let execution_name = fields.required(&["executionName", "ExecutionName"], &NAME);
    // A cause or error that is not valid is among the violations, which refuse the request.
    let cause = fields.text(&["cause", "Cause"], &CAUSE);
    let error = fields.text(&["error", "Error"], &ERROR);
    Some(Arc::new(Cancellation {
        flow_name: flow_name?,
        execution_name: [execution_name?],
        cause: cause.or_else(|| beside.reason.map(String::from)),
        error,
        request_id: RequestId(beside.request_id.unwrap_or_default().into()),
    }))
}

/// Whether a flow can have a name, whatever its length.
pub fn is_valid_name(flow_name: &str) -> bool {
    !flow_name.is_empty() && (NAME.allows)(flow_name)
}

impl targets::Cancellation for Cancellation {
    fn service(&self) -> &'static Service {
        &SERVICE
    }

    fn key(&self) -> String {
        format!("cloudflow:{}", self.flow_name)
    }

    fn target(&self) -> Value {
        json!({
            "key": self.key(),
            "flowName": self.flow_name,
            "executionName": self.execution_name(),
        })
    }

    fn named_runs(&self) -> Option<&[String]> {
        Some(&self.execution_name)
    }

    fn runs_rule(&self) -> (&'static Text, usize) {
        (&NAME, 1)
    }
}

impl Cancellation {
    fn execution_name(&self) -> &str {
        let [execution_name] = &self.execution_name;
        execution_name
    }

    /// The parameters that name the execution, in the API's spelling, sorted.
    pub fn names(&self) -> [(&'static str, &str); 2] {
        [("ExecutionName", self.execution_name()), ("FlowName", &self.flow_name)]
    }

    /// The parameters of the call that stops it, in the same way, absent ones left out.
    pub fn parameters(&self) -> Vec<(&'static str, &str)> {
        let words = [("Cause", self.cause.as_deref()), ("Error", self.error.as_deref())];
        let words = words.into_iter().filter_map(|(name, value)| Some((name, value?)));
        words.chain(self.names()).collect()
    }
}
