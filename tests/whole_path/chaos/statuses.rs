//! What the status of an outcome says of its target, service by service, against the world's history.
//!
//! A look-up is a courtesy: where it went wrong, an outcome may say less than was so, and is not held
//! against what it could have found.

use countermand_simulator::Operation;

use super::history::{execution_key, run_key, workflow_key};
use super::truth::Telling;

impl Telling<'_> {
    pub fn named_runs(&self, flow: &str, ids: &[String], status: &str) -> Result<(), String> {
        let told = self.told["result"]["executions"].as_array();
        let told =
            told.map(|runs| runs.iter().filter_map(|run| run["executionId"].as_str()).collect::<Vec<_>>());
        if told.as_ref().is_some_and(|told| told != ids) {
            return Err("the runs are others than those asked for".into());
        }
        match status {
            "ACCEPTED" | "PARTIAL" | "NOT_RUNNING" | "ALREADY_CANCELED" if told.is_none() => {
                Err("no run is told of".into())
            }
            "NOT_FOUND" if self.seen.history.keys(&run_key(flow, "")).count() > 0 && told.is_none() => {
                Err("the flow is there".into())
            }
            _ => Ok(()),
        }
    }

    pub fn all_runs(&self, flow: &str, status: &str) -> Result<(), String> {
        let history = &self.seen.history;
        let since = self.receipt.sent.since;
        let prefix = run_key(flow, "");
        let by = self.receipt.sent.by;
        let mut meant = history.keys(&prefix).filter(|key| history.had_started(key, by));
        let canceled_before = |key: &str| {
            history
                .since(key, "CancelStarted")
                .is_some_and(|at| (since..self.receipt.delivery.began).contains(&at))
        };
        // Runs that ended otherwise beside it, as the outcome tells, make it what it is for all of them.
        let told = self.told["result"]["executions"].as_array().into_iter().flatten();
        let all_canceled = told.into_iter().all(|run| run["state"] == "ALREADY_CANCELED");
        match status {
            "ACCEPTED" if self.cancels().iter().all(|made| !made.taken()) => Err("no call was taken".into()),
            "NOT_RUNNING" => {
                let was_there =
                    |key: &&str| all_canceled && canceled_before(key) || self.stayed(key, &["InProgress"]);
                match meant.find(was_there) {
                    Some(key) => Err(format!("{key} was there")),
                    None => Ok(()),
                }
            }
            "NOT_FOUND" if history.keys(&prefix).count() > 0 => Err("the flow is there".into()),
            _ => Ok(()),
        }
    }

    pub fn workflow(&self, id: &str, run_id: Option<&str>, status: &str) -> Result<(), String> {
        let looked_up = [Operation::DESCRIBE_WORKFLOW_EXECUTION, Operation::LIST_CLOSED_WORKFLOW_EXECUTIONS];
        let history = &self.seen.history;
        let prefix = workflow_key(id, "");
        let since = self.receipt.sent.since;
        let told = self.told["result"]["runId"].as_str().map(|run_id| workflow_key(id, run_id));
        let meant = |key: &&str| match run_id {
            Some(run_id) => **key == workflow_key(id, run_id),
            None => history.had_started(key, self.receipt.sent.by),
        };
        let canceled = |key: &&str| {
            history
                .canceled(key)
                .is_some_and(|at| at < self.receipt.delivery.began && (run_id.is_some() || at >= since))
        };
        let canceled_since = |key: &str| history.canceled(key).is_some_and(|at| at >= since);
        let so = |states: &[&str]| told.as_ref().is_some_and(|key| self.was(key, states));
        match status {
            "ACCEPTED" if self.cancels().iter().all(|made| !made.taken()) => Err("no call was taken".into()),
            "ALREADY_CANCELED" if !so(&["Canceled"]) => Err("it was not canceled".into()),
            "ALREADY_CANCELED" if run_id.is_none() && !told.as_deref().is_some_and(canceled_since) => {
                Err("it was canceled before the request".into())
            }
            "NOT_RUNNING"
                if told.is_some() && !so(&["Completed", "Failed", "ContinuedAsNew", "Canceled"]) =>
            {
                Err("it did not end so".into())
            }
            "NOT_RUNNING" | "NOT_FOUND" if !self.reading_failed(&looked_up) => {
                // The newest of several decides for a request without a run id.
                let newest = history.keys(&prefix).filter(meant).max_by_key(|key| history.started(key));
                match newest.filter(canceled) {
                    Some(key) => Err(format!("{key} was canceled")),
                    None if status == "NOT_FOUND"
                        && newest.is_some_and(|key| self.stayed(key, &["Completed", "Failed"])) =>
                    {
                        Err("it was there".into())
                    }
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    pub fn execution(&self, name: &str, status: &str) -> Result<(), String> {
        let key = execution_key(name);
        let told = self.told["result"]["status"].as_str();
        match (status, told) {
            ("ACCEPTED", _) if !self.changed(&key) => Err("it was not stopped".into()),
            ("ALREADY_CANCELED", _) if !self.was(&key, &["Stopped"]) => Err("it was not stopped".into()),
            ("NOT_RUNNING", Some(told)) if told == "Stopped" || !self.was(&key, &[told]) => {
                Err("it did not end so".into())
            }
            ("NOT_RUNNING", None) if !self.reading_failed(&[Operation::DESCRIBE_EXECUTION]) => {
                Err("nobody looked how it ended".into())
            }
            ("NOT_FOUND", _) if !self.was(&key, &[""]) => Err("it is there".into()),
            _ => Ok(()),
        }
    }
}
