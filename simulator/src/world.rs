//! The state of the simulated services, as data: flows with their runs, domains with their workflow
//! executions, CloudFlow executions, those of state machines, the names of buses, topics and queues, and secrets. Tests write a world
//! down as JSON and read it back after the function ran. A world that cannot be is refused. How calls
//! change it is each service's own.

mod redrive;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::appflow::{AppflowRecordsOrder, Flows};
use crate::cloudflow::CloudflowFlows;
use crate::pages::Cut;
use crate::ram::{self, Roles};
use crate::service::{Operation, Service};
use crate::stepfunctions::StateMachines;
use crate::swf::Domains;
use crate::timestamp::Timestamp;

pub use redrive::Redrive;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct World {
    pub appflow: Flows,
    pub swf: Domains,
    pub cloudflow: CloudflowFlows,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stepfunctions: StateMachines,
    pub buses: Vec<String>,
    pub topics: Vec<String>,
    pub queues: Vec<String>,
    /// By ARN, the texts of a secret as it is rotated: each read gives the next, the last one for ever.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Vec<String>>,
    /// By the queue whose messages are moved.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub redrive: BTreeMap<String, Redrive>,
    /// After so long what was asked to end has ended by itself: a run goes from `CancelStarted` to
    /// `Canceled`, a decider closes its execution, CloudFlow stops one. Without it, CloudFlow stops at once,
    /// and the others only when the simulator is told to settle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle_after_ms: Option<u64>,
    /// The order in which AppFlow lists the runs of a flow.
    #[serde(skip_serializing_if = "AppflowRecordsOrder::is_default")]
    pub appflow_records_order: AppflowRecordsOrder,
    /// No page of a list holds more than this, whatever was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_per_page: Option<NonZeroUsize>,
    /// So many pages of a list come first that hold nothing, each with a token.
    #[serde(skip_serializing_if = "is_none_of")]
    pub empty_pages: usize,
    /// What these reads tell is the world as it was so many milliseconds ago.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lag_ms: BTreeMap<Operation, u64>,
    /// So many of the keys that the role gives first have expired for the services.
    #[serde(skip_serializing_if = "is_zero")]
    pub expired_role_keys: u32,
    /// The roles of Alibaba Cloud that trust tokens of AWS.
    #[serde(skip_serializing_if = "Roles::is_empty")]
    pub ram_roles: Roles,
    /// So many of the tokens that AWS signs first are too old when they come.
    #[serde(skip_serializing_if = "is_zero")]
    pub old_tokens: u32,
    /// So many of the keys that are lent first have expired for CloudFlow.
    #[serde(skip_serializing_if = "is_none_of")]
    pub expired_lent_keys: usize,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_none_of(number: &usize) -> bool {
    *number == 0
}

/// What a simulated service holds, as far as the others need to know.
pub(crate) trait Held {
    /// Refuses what no service could hold.
    fn check(&self) -> Result<(), String>;

    /// Ends what is being canceled, where that is `due` by the time at which it was asked for.
    fn settle(&mut self, now: Timestamp, due: &dyn Fn(Option<Timestamp>) -> bool);

    /// Every run that there is, its key without the service.
    fn runs(&self) -> Vec<AnyRun>;

    /// What the request, or the call, is about: the key of its runs.
    fn key(&self, request: &Value) -> Option<String>;
}

/// A run of any service.
#[derive(Clone, Debug, PartialEq)]
pub struct AnyRun {
    /// As outcomes have it: `appflow:orders`.
    pub key: String,
    pub id: String,
    /// In the words of a confirmation.
    pub state: &'static str,
    /// It was asked to end.
    pub asked: bool,
    pub started: Option<Timestamp>,
    /// When it came into this state, where that is not by its start.
    pub changed: Option<Timestamp>,
}

/// Something without a start began so long before the simulator did.
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);

/// CloudFlow's key in the seeded world, for a function that has it from a secret.
const SECRET_ARN: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:cloudflow-AbCdEf";

fn secret() -> String {
    let (id, secret) = (crate::ALIBABA_ACCESS_KEY_ID, crate::ALIBABA_ACCESS_KEY_SECRET);
    format!(r#"{{"accessKeyId": "{id}", "accessKeySecret": "{secret}"}}"#)
}

/// A moment of the seeded world.
pub(crate) fn at(time: &str) -> Timestamp {
    time.parse().expect("the seeded times are times")
}

impl World {
    /// The small world that the sample events speak of. It is the same each time.
    pub fn seeded() -> World {
        let mut world = World {
            buses: vec!["outcomes".into()],
            topics: vec!["outcomes".into()],
            queues: vec!["outcomes".into(), "cancel-requests".into()],
            secrets: BTreeMap::from([(SECRET_ARN.into(), vec![secret()])]),
            ram_roles: ram::seeded(),
            ..World::default()
        };
        Service::canceling().for_each(|(_, runs)| (runs.seed)(&mut world));
        world
    }

    fn held(&self) -> impl Iterator<Item = (&'static str, &dyn Held)> {
        Service::canceling().map(|(service, runs)| (service.name, (runs.of)(self)))
    }

    fn settle_those(&mut self, now: Timestamp, due: &dyn Fn(Option<Timestamp>) -> bool) {
        Service::canceling().for_each(|(_, runs)| (runs.of_mut)(self).settle(now, due));
    }

    /// Every run of every service.
    pub fn runs(&self) -> Vec<AnyRun> {
        let runs = self.held().flat_map(|(service, held)| {
            held.runs().into_iter().map(move |run| AnyRun { key: format!("{service}:{}", run.key), ..run })
        });
        runs.collect()
    }

    /// The key of what a request is about, or a call, to which its service has been added.
    pub fn key_of(&self, request: &Value) -> Option<String> {
        let (service, held) = self.held().find(|(service, _)| request["service"] == *service)?;
        Some(format!("{service}:{}", held.key(request)?))
    }

    /// Ends what is being canceled: AppFlow runs whose cancel started, and SWF executions whose
    /// decider takes the request as it should.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        self.settle_those(now, &|_| true);
    }

    /// Lets time do its work: what was asked to end long enough ago has ended now.
    pub(crate) fn pass_time(&mut self, now: Timestamp) {
        let Some(after) = self.settle_after_ms.map(Duration::from_millis) else { return };
        let due = |asked: Option<Timestamp>| asked.is_some_and(|asked| now >= asked + after);
        self.settle_those(now, &due);
    }

    /// The moment that a read of this operation tells of; nothing where it tells of the present.
    pub(crate) fn as_of(&self, operation: Operation, now: Timestamp) -> Option<Timestamp> {
        self.lag_ms.get(&operation).map(|lag| now - Duration::from_millis(*lag))
    }

    /// Refuses what no service could hold, so that no test builds on it.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (service, held) in self.held() {
            held.check().map_err(|wrong| format!("{service}.{wrong}"))?;
        }
        if let Some((arn, _)) = self.secrets.iter().find(|(_, texts)| texts.is_empty()) {
            return Err(format!("secrets.{arn}: a secret without a text"));
        }
        self.redrive.iter().try_for_each(|(queue, redrive)| redrive.check(queue, &self.queues))
    }

    /// How a list is cut where so many items to a page are asked for.
    pub(crate) fn cut(&self, asked: usize) -> Cut {
        let size = self.most_per_page.map_or(asked, |most| asked.min(most.get()));
        Cut { size, empty: self.empty_pages }
    }
}

#[cfg(test)]
mod tests;
