//! Whether what was told was so.
//!
//! The oracle is the world's own history: what an outcome says of a run must have been so at some moment of
//! its delivery. It tells here what any outcome says; what its status says of a target is [`statuses`]'s.
//!
//! [`statuses`]: super::statuses

use countermand_simulator::{Call, Operation};
use serde_json::Value;

use super::draw::Round;
use super::history::{run_key, workflow_key};
use super::meant::means;
use super::observed::{Made, Observed, Receipt};
use super::requests::{CLOUDFLOW, Wish};

const CANCELS: [Operation; 3] = [
    Operation::CANCEL_FLOW_EXECUTIONS,
    Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION,
    Operation::STOP_EXECUTION,
];

/// What each outcome says was so.
pub fn told_as_it_was(round: &Round, seen: &Observed) -> Result<(), String> {
    seen.every_receipt().try_for_each(|receipt| {
        receipt.told.iter().try_for_each(|(_, told)| {
            let wrong = Telling { round, seen, receipt: &receipt, told }.check();
            wrong.map_err(|wrong| {
                format!(
                    "{wrong}, delivery {}, wish {:?}, since {}: {told}",
                    receipt.number, receipt.sent.message.wish, receipt.sent.since
                )
            })
        })
    })
}

/// An outcome and all that it is held against.
pub struct Telling<'a> {
    pub round: &'a Round,
    pub seen: &'a Observed,
    pub receipt: &'a Receipt<'a>,
    pub told: &'a Value,
}

impl Telling<'_> {
    fn check(&self) -> Result<(), String> {
        let status = self.told["status"].as_str().unwrap_or_default();
        let wish = &self.receipt.sent.message.wish;
        match (wish, status) {
            (Wish::Invalid, "REJECTED" | "DEFERRED") => return Ok(()),
            (Wish::Invalid, _) => return Err("expected REJECTED".into()),
            (_, "DEFERRED") => return self.nothing_asked(),
            (_, "DRY_RUN") => return self.rehearsed(),
            _ if self.receipt.sent.message.dry_run && self.told["attempts"] != 0 => {
                return Err("a dry run calls".into());
            }
            _ => {}
        }
        self.panicked(wish)?;
        self.executions()?;
        self.effect()?;
        self.refused_alone(status)?;
        match wish {
            Wish::Runs { flow, ids: Some(ids) } => self.named_runs(flow, ids, status),
            Wish::Runs { flow, ids: None } => self.all_runs(flow, status),
            Wish::Workflow { id, run_id } => self.workflow(id, run_id.as_deref(), status),
            Wish::Execution { name } => self.execution(name, status),
            Wish::Invalid | Wish::Ours => Ok(()),
        }
    }

    /// A panic is told of the requests whose call it was, and of no other.
    fn panicked(&self, wish: &Wish) -> Result<(), String> {
        let target = match wish {
            Wish::Runs { flow, .. } => flow,
            Wish::Workflow { id, .. } => id,
            Wish::Execution { name } => name,
            Wish::Invalid | Wish::Ours => return Ok(()),
        };
        let own = self.receipt.delivery.panicked.as_ref().is_some_and(|text| text.contains(target.as_str()));
        match self.told["error"]["code"] == "Panic" && !own {
            true => Err("another request's call panicked".into()),
            false => Ok(()),
        }
    }

    fn time(&self) -> (i64, i64) {
        self.seen.time(self.receipt.delivery)
    }

    /// Whether a run was in one of these states at some moment of the delivery.
    pub fn was(&self, key: &str, states: &[&str]) -> bool {
        self.seen.history.states(key, self.time()).iter().any(|state| states.contains(state))
    }

    /// Whether it was in one of these states all the time.
    pub fn stayed(&self, key: &str, states: &[&str]) -> bool {
        self.seen.history.states(key, self.time()).iter().all(|state| states.contains(state))
    }

    /// Calls of this delivery that ask for the cancel of the request's target.
    pub fn cancels(&self) -> Vec<&Made> {
        let wish = &self.receipt.sent.message.wish;
        let calls = self.seen.calls_of(self.receipt.number, &CANCELS);
        calls.filter(|made| asks_for(&made.call, wish)).collect()
    }

    /// Whether the outcome itself says that this call was answered, which took what it named.
    fn lists(&self, made: &Made) -> bool {
        let ids = self.told["serviceRequestIds"].as_array();
        made.taken() && ids.is_some_and(|ids| ids.iter().any(|id| *id == *made.call.request_id))
    }

    /// Whether this delivery's calls changed a run.
    pub fn changed(&self, key: &str) -> bool {
        let mut changes = self.seen.history.by_calls().filter(|(other, _)| *other == key);
        changes.any(|(_, change)| self.seen.can_be(change.by, change.at, self.receipt.number))
    }

    /// Whether reading went wrong in this delivery, or may have been given up for want of a turn.
    pub fn reading_failed(&self, operations: &[Operation]) -> bool {
        let trouble = |made: &Made| made.unheard() || !made.taken();
        let limited = operations.iter().any(|operation| {
            let Round { limits, faults, .. } = self.round;
            let slow =
                faults.iter().any(|fault| fault.operation == *operation && fault.kind.name() == "throttle");
            slow || limits.iter().any(|limit| limit.operation == *operation)
        });
        let late = self.receipt.delivery.ended - self.receipt.delivery.began + 2_500
            > i64::try_from(self.round.timeout.as_millis()).unwrap_or_default() * 3 / 4;
        limited
            || late
            || self.receipt.delivery.panicked.is_some()
            || self.seen.calls_of(self.receipt.number, operations).any(trouble)
    }

    fn nothing_asked(&self) -> Result<(), String> {
        match self.told["attempts"] == 0 && self.told["effect"] == "NONE" {
            true => Ok(()),
            false => Err("deferred after a call".into()),
        }
    }

    fn rehearsed(&self) -> Result<(), String> {
        if !self.receipt.sent.message.dry_run {
            return Err("nobody asked for a dry run".into());
        }
        let would = self.told["result"]["wouldCancel"].as_array().into_iter().flatten();
        let wrong = would.filter_map(Value::as_str).find(|id| {
            let (key, states) = match &self.receipt.sent.message.wish {
                Wish::Workflow { id: workflow, .. } => (workflow_key(workflow, id), ["Open", "Asked"]),
                Wish::Runs { flow, .. } => (run_key(flow, id), ["InProgress"; 2]),
                _ => return true,
            };
            !self.was(&key, &states)
        });
        wrong.map_or(Ok(()), |id| Err(format!("{id} could not be canceled")))
    }

    /// Each run's state, where the outcome tells them.
    fn executions(&self) -> Result<(), String> {
        let Wish::Runs { flow, .. } = &self.receipt.sent.message.wish else { return Ok(()) };
        let told = self.told["result"]["executions"].as_array().into_iter().flatten();
        told.into_iter().try_for_each(|run| {
            let (id, state) = (run["executionId"].as_str(), run["state"].as_str());
            let (id, state) = (id.unwrap_or_default(), state.unwrap_or_default());
            let key = run_key(flow, id);
            let so = match state {
                "ACCEPTED" => self.changed(&key),
                "ALREADY_CANCELED" => self.was(&key, &["CancelStarted", "Canceled"]),
                "ALREADY_FINISHED" => self.was(&key, &["Successful", "Error"]),
                "NOT_LISTED" => self.was(&key, &[""]),
                "STILL_RUNNING" => self.was(&key, &["InProgress"]),
                "UNEXPLAINED" => self.reading_failed(&[Operation::DESCRIBE_FLOW_EXECUTION_RECORDS]),
                "NOT_ANSWERED" => {
                    !self.cancels().iter().any(|made| names(&made.call, id) && self.lists(made))
                }
                _ => false,
            };
            // Pinned runs can be known without a call; of a named one only the service's answer tells.
            let named = matches!(&self.receipt.sent.message.wish, Wish::Runs { ids: Some(_), .. });
            let answered = self.cancels().iter().any(|made| names(&made.call, id) && made.taken());
            if so && (answered || !named || state == "NOT_ANSWERED") {
                Ok(())
            } else {
                Err(format!("{id} is not {state}"))
            }
        })
    }

    /// What was done, was done; what was not, was not. Where several requests of a delivery name the same
    /// run, either's call can have been the one.
    fn effect(&self) -> Result<(), String> {
        let calls = self.cancels();
        let (taken, unanswered) = (
            calls.iter().any(|made| made.taken()),
            // An answer that arrives in the last moment of an attempt is too late for it.
            calls.iter().any(|made| made.unheard() || made.heard.is_none())
                || self.receipt.delivery.panicked.is_some()
                || ["DeadlineExceeded", "Timeout"].iter().any(|code| self.told["error"]["code"] == *code),
        );
        match self.told["effect"].as_str() {
            Some("REQUESTED") if !taken => Err("nothing was taken".into()),
            Some("UNKNOWN") if !unanswered => Err("every call was answered".into()),
            Some("NONE") if self.own_change() => Err("something was done".into()),
            _ => Ok(()),
        }
    }

    /// A change that no other request of the delivery can have made, not even an equal one: a shared call
    /// that was refused is made for each alone.
    fn own_change(&self) -> bool {
        let mine = |receipt: &Receipt, key: &str| means(self.round, self.seen, receipt, key);
        let receipts: Vec<Receipt> = self.seen.every_receipt().collect();
        self.seen.history.by_calls().any(|(key, change)| {
            self.seen.can_be(change.by, change.at, self.receipt.number)
                && mine(self.receipt, key)
                && !receipts.iter().any(|other| {
                    other.sent.id != self.receipt.sent.id
                        && self.seen.can_be(change.by, change.at, other.number)
                        && mine(other, key)
                })
        })
    }

    /// What a service refused for good, it refused for this request alone.
    fn refused_alone(&self, status: &str) -> Result<(), String> {
        let Wish::Runs { ids: Some(ids), .. } = &self.receipt.sent.message.wish else { return Ok(()) };
        let by_service = status == "REJECTED" || status == "NOT_FOUND" && self.told["error"].is_object();
        let alone = |made: &&Made| {
            let named = made.call.request["executionIds"].as_array();
            let own = |id: &Value| ids.iter().any(|own| *id == **own);
            made.call.status != Some(200) && named.is_some_and(|named| named.iter().all(own))
        };
        match by_service && !self.receipt.sent.message.dry_run && !self.cancels().iter().any(alone) {
            true => Err("refused for another request".into()),
            false => Ok(()),
        }
    }
}

/// Whether a call is for what a request wishes for, shared or not.
fn asks_for(call: &Call, wish: &Wish) -> bool {
    let request = &call.request;
    match wish {
        Wish::Runs { flow, .. } => request["flowName"] == **flow,
        Wish::Workflow { id, .. } => request["workflowId"] == **id,
        Wish::Execution { name } => request["FlowName"] == CLOUDFLOW && request["ExecutionName"] == **name,
        Wish::Invalid | Wish::Ours => false,
    }
}

/// Whether a call names this run.
fn names(call: &Call, id: &str) -> bool {
    call.request["executionIds"].as_array().is_some_and(|ids| ids.iter().any(|other| other == id))
}
