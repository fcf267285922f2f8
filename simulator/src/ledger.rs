//! What happened: every call to a service in order of arrival, and every message that reached a
//! bus, a topic or a queue. Tests read it instead of trusting what the function says about itself.
//! Calls of the Runtime API are not part of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The calls so far, and how many of each operation there were, which outlives the calls.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    calls: Vec<Call>,
    /// So many calls came before the first that is kept.
    forgotten: usize,
    counts: BTreeMap<String, Counts>,
}

/// How often an operation was called, and how often it answered that it is called too often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub calls: u64,
    pub throttled: u64,
}

impl Ledger {
    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(crate) fn counts(&self) -> &BTreeMap<String, Counts> {
        &self.counts
    }

    /// Takes a call down; returned is its number, by which more can be noted of it.
    pub(crate) fn push(&mut self, call: Call) -> usize {
        self.counts.entry(call.operation.clone()).or_default().calls += 1;
        self.calls.push(call);
        self.forgotten + self.calls.len() - 1
    }

    /// Notes something of a call, unless it is forgotten.
    pub(crate) fn note(&mut self, number: usize, note: impl FnOnce(&mut Call)) {
        if let Some(call) = number.checked_sub(self.forgotten).and_then(|index| self.calls.get_mut(index)) {
            note(call);
        }
    }

    pub(crate) fn count_throttled(&mut self, operation: &str) {
        self.counts.entry(operation.to_owned()).or_default().throttled += 1;
    }

    pub(crate) fn forget(&mut self) {
        self.forgotten += self.calls.len();
        self.calls.clear();
    }
}

/// One call. `status` is absent where no reply was sent (yet), `duration_ms` where it never ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Milliseconds since the simulator's start.
    pub at: u64,
    pub operation: String,
    /// The request's body: JSON as it came, a form as an object.
    pub request: Value,
    /// How the request was signed: `AWS4-HMAC-SHA256`, `ACS3-HMAC-SHA256` or `HMAC-SHA1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The time that the signature is of, as the caller wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<String>,
    /// The trace that the caller passed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    pub request_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// One message that arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// `bus:<name>`, `topic:<name>` or `queue:<name>`.
    pub destination: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    pub body: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str) -> Call {
        Call {
            at: 0,
            operation: operation.into(),
            request: Value::Null,
            signature: None,
            signed_at: None,
            trace: None,
            status: None,
            code: None,
            fault: None,
            request_id: String::new(),
            duration_ms: None,
        }
    }

    #[test]
    fn what_is_forgotten_still_counts() {
        let mut ledger = Ledger::default();
        let before = ledger.push(call("sqs.SendMessage"));
        ledger.forget();
        let after = ledger.push(call("sqs.SendMessage"));
        ledger.note(before, |call| call.status = Some(500));
        ledger.note(after, |call| call.status = Some(200));
        ledger.count_throttled("sqs.SendMessage");
        let statuses: Vec<_> = ledger.calls().iter().map(|call| call.status).collect();
        assert_eq!(statuses, [Some(200)]);
        assert_eq!(ledger.counts()["sqs.SendMessage"], Counts { calls: 2, throttled: 1 });
    }
}
