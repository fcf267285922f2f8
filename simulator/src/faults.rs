//! Scripted trouble: what to do wrong for the next calls of an operation, and token buckets that
//! throttle as the real services do. Faults of one operation are used in the order in which they
//! were scripted. It decides only; carrying a fault out is the service module's work.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::service::Operation;

/// One way for the next `times` calls of `operation` to go wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    pub operation: Operation,
    pub times: u32,
    #[serde(flatten)]
    pub kind: FaultKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FaultKind {
    /// The service says that it is called too often.
    Throttle {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// The service reports this error, in its own wire format.
    Error {
        status: u16,
        code: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
    /// The connection closes without a reply; the work is not done.
    Drop {},
    /// The work is done, then the connection closes without a reply.
    LoseReply {},
    /// No reply ever comes; the work is not done.
    Hang {},
    /// The work is done, and no reply ever comes.
    WithholdReply {},
    /// These bytes are the reply, whatever the service would have said; the work is not done.
    Reply {
        status: u16,
        body: String,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
    /// These entries of a batch fail inside a 200; the others are served.
    FailEntries {
        entries: Vec<usize>,
        code: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The call waits so long, then it is served as ever.
    Delay { ms: u64 },
    /// The world changes by this merge patch (RFC 7396) just before the call is served as ever.
    Change { world: Value },
}

impl FaultKind {
    /// The name of the kind, as it is written in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::Throttle { .. } => "throttle",
            FaultKind::Error { .. } => "error",
            FaultKind::Drop {} => "drop",
            FaultKind::LoseReply {} => "loseReply",
            FaultKind::Hang {} => "hang",
            FaultKind::WithholdReply {} => "withholdReply",
            FaultKind::Reply { .. } => "reply",
            FaultKind::FailEntries { .. } => "failEntries",
            FaultKind::Delay { .. } => "delay",
            FaultKind::Change { .. } => "change",
        }
    }
}

impl Fault {
    /// A fault for one call.
    pub fn new(operation: Operation, kind: FaultKind) -> Fault {
        Fault { operation, times: 1, kind }
    }

    pub fn times(self, times: u32) -> Fault {
        Fault { times, ..self }
    }

    fn check(&self) -> Result<(), String> {
        let status = match &self.kind {
            FaultKind::FailEntries { .. } if !self.operation.takes_entries() => {
                return Err(format!("failEntries: {} has no entries", self.operation));
            }
            FaultKind::Error { status, .. } | FaultKind::Reply { status, .. } => *status,
            _ => 200,
        };
        if self.times == 0 {
            return Err("times: expected at least 1, got 0".into());
        }
        // A 1xx would not end the call.
        if !(200..=599).contains(&status) {
            return Err(format!("status: expected 200 to 599, got {status}"));
        }
        Ok(())
    }
}

/// Read by hand: a flattened enum would take misspelled fields in silence, and a fault that is not
/// what its author meant makes a test that cannot fail.
impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut fields = Map::deserialize(deserializer)?;
        let operation = fields.remove("operation").ok_or_else(|| D::Error::missing_field("operation"))?;
        let times = fields.remove("times").unwrap_or(Value::from(1));
        let fault = Fault {
            operation: serde_json::from_value(operation).map_err(D::Error::custom)?,
            times: serde_json::from_value(times).map_err(D::Error::custom)?,
            kind: serde_json::from_value(Value::Object(fields)).map_err(D::Error::custom)?,
        };
        fault.check().map_err(D::Error::custom)?;
        Ok(fault)
    }
}

/// A token bucket for one operation: `burst` tokens at most, `per_second` new ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limit {
    pub operation: Operation,
    pub per_second: f64,
    pub burst: f64,
}

#[derive(Debug)]
struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let gained = now.duration_since(self.filled).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.filled = now;
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }
}

/// Everything scripted, and not yet used up.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    scripted: HashMap<Operation, VecDeque<Fault>>,
    buckets: HashMap<Operation, Bucket>,
    delays: HashMap<Operation, Duration>,
}

impl Faults {
    pub(crate) fn script(&mut self, fault: Fault) {
        if let Err(error) = fault.check() {
            panic!("fault cannot be scripted: {error}");
        }
        self.scripted.entry(fault.operation).or_default().push_back(fault);
    }

    /// The fault of this call, if one is scripted for it.
    pub(crate) fn next(&mut self, operation: Operation) -> Option<FaultKind> {
        let queue = self.scripted.get_mut(&operation)?;
        let fault = queue.front_mut()?;
        fault.times -= 1;
        let kind = fault.kind.clone();
        if fault.times == 0 {
            queue.pop_front();
        }
        Some(kind)
    }

    pub(crate) fn delay(&mut self, operation: Operation, delay: Duration) {
        self.delays.insert(operation, delay);
    }

    /// How long each call of the operation waits before anything is done with it.
    pub(crate) fn delay_of(&self, operation: Operation) -> Duration {
        self.delays.get(&operation).copied().unwrap_or_default()
    }

    pub(crate) fn limit(&mut self, limit: &Limit, now: Instant) {
        let bucket =
            Bucket { per_second: limit.per_second, burst: limit.burst, tokens: limit.burst, filled: now };
        self.buckets.insert(limit.operation, bucket);
    }

    /// Whether this call is within the operation's limit; it then counts.
    pub(crate) fn grant(&mut self, operation: Operation, now: Instant) -> bool {
        self.buckets.get_mut(&operation).is_none_or(|bucket| bucket.take(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    const STOP: Operation = Operation::STOP_EXECUTION;

    #[test]
    fn faults_come_in_order_and_end() {
        let mut faults = Faults::default();
        faults.script(Fault::new(STOP, FaultKind::Drop {}).times(2));
        faults.script(Fault::new(STOP, FaultKind::Hang {}));
        faults.script(Fault::new(Operation::PUT_EVENTS, FaultKind::LoseReply {}));
        let kinds: Vec<_> = std::iter::from_fn(|| faults.next(STOP)).map(|kind| kind.name()).collect();
        assert_eq!(kinds, ["drop", "drop", "hang"]);
    }

    #[test]
    fn faults_read_and_write_the_same_json() {
        let cases = [
            json!({"operation": "cloudflow.StopExecution", "kind": "throttle", "times": 2, "retryAfterMs": 5}),
            json!({"operation": "cloudflow.StopExecution", "kind": "error", "times": 1, "status": 500, "code": "InternalServerError"}),
            json!({"operation": "cloudflow.StopExecution", "kind": "drop", "times": 1}),
            json!({"operation": "cloudflow.StopExecution", "kind": "reply", "times": 1, "status": 502, "body": "<html>"}),
            json!({"operation": "eventbridge.PutEvents", "kind": "failEntries", "times": 1, "entries": [0], "code": "InternalFailure"}),
            json!({"operation": "swf.RequestCancelWorkflowExecution", "kind": "delay", "times": 1, "ms": 20}),
            json!({"operation": "swf.RequestCancelWorkflowExecution", "kind": "change", "times": 1, "world": {"swf": {}}}),
        ];
        for case in cases {
            let fault: Fault = serde_json::from_value(case.clone()).unwrap();
            assert_eq!(serde_json::to_value(fault).unwrap(), case);
        }
        let fault: Fault = serde_json::from_value(json!({"operation": STOP, "kind": "hang"})).unwrap();
        assert_eq!(fault.times, 1);
    }

    #[test]
    fn faults_that_mean_nothing_are_refused() {
        let cases = [
            json!({"kind": "drop"}),
            json!({"operation": "cloudflow.Stop", "kind": "drop"}),
            json!({"operation": "cloudflow.StopExecution", "kind": "explode"}),
            json!({"operation": "cloudflow.StopExecution", "kind": "drop", "time": 2}),
            json!({"operation": "cloudflow.StopExecution", "kind": "drop", "times": 0}),
            json!({"operation": "cloudflow.StopExecution", "kind": "throttle", "retryAfter": 2}),
            json!({"operation": "cloudflow.StopExecution", "kind": "failEntries", "entries": [0], "code": "x"}),
            json!({"operation": "cloudflow.StopExecution", "kind": "error", "status": 100, "code": "x"}),
        ];
        for case in cases {
            assert!(serde_json::from_value::<Fault>(case.clone()).is_err(), "{case}");
        }
    }

    #[test]
    fn a_bucket_empties_and_fills() {
        let mut faults = Faults::default();
        let start = Instant::now();
        let limit = Limit { operation: STOP, per_second: 2.0, burst: 3.0 };
        faults.limit(&limit, start);
        let granted = |faults: &mut Faults, at_ms: u64, calls: usize| {
            let now = start + Duration::from_millis(at_ms);
            (0..calls).filter(|_| faults.grant(STOP, now)).count()
        };
        assert_eq!(granted(&mut faults, 0, 5), 3);
        assert_eq!(granted(&mut faults, 499, 5), 0);
        assert_eq!(granted(&mut faults, 1000, 5), 2);
        assert_eq!(granted(&mut faults, 60_000, 5), 3);
        assert!(faults.grant(Operation::PUT_EVENTS, start));
    }
}
