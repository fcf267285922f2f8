//! What happened: every call to a service in order of arrival, and every message that reached a
//! bus, a topic or a queue. Tests read it instead of trusting what the function says about itself.
//! Calls of the Runtime API are not part of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
