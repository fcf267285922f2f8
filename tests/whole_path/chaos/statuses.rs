//! What the status of an outcome says of its target, against the world's history.
//!
//! A look-up is a courtesy: where it went wrong, an outcome may say less than was so, and is not held
//! against what it could have found.

use super::history::run_key;
use super::truth::Telling;
use crate::services::draw::Wanted;

impl Telling<'_> {
    pub fn status(&self, wanted: &Wanted, status: &str) -> Result<(), String> {
        if status == "ACCEPTED" && self.cancels().iter().all(|made| !made.taken()) {
            return Err("no call was taken".into());
        }
        let told = self.told["result"]["executions"].as_array();
        let told = told.map(|runs| runs.iter().filter_map(|run| run["executionId"].as_str()).collect());
        match &wanted.runs {
            Some(runs) if wanted.service.takes_many() => self.several(wanted, runs, told, status),
            Some(runs) => self.one(wanted, &run_key(&wanted.key(), &runs[0]), status),
            None => self.any(wanted, status),
        }
    }

    /// A request for runs that are told of one by one.
    fn several(
        &self,
        wanted: &Wanted,
        runs: &[String],
        told: Option<Vec<&str>>,
        status: &str,
    ) -> Result<(), String> {
        match (told, status) {
            (Some(told), _) if told != runs => Err("the runs are others than those asked for".into()),
            (None, "ACCEPTED" | "PARTIAL" | "NOT_RUNNING" | "ALREADY_CANCELED") => {
                Err("no run is told of".into())
            }
            (None, "NOT_FOUND") if self.is_there(wanted) => Err("the target is there".into()),
            _ => Ok(()),
        }
    }

    /// A request for one run, which alone makes the status.
    fn one(&self, wanted: &Wanted, key: &str, status: &str) -> Result<(), String> {
        let ended = wanted.service.endings();
        let is_told = ["runId", "status"].iter().any(|name| self.told["result"][name].is_string());
        let unread = || self.reading_failed(&wanted.service.reads());
        match status {
            "ALREADY_CANCELED" if !self.was(key, &["CANCELED"]) => Err("it was not canceled".into()),
            "NOT_RUNNING" if is_told && !self.was(key, &ended) => Err("it did not end so".into()),
            "NOT_RUNNING" if !is_told && !unread() => Err("nobody looked how it ended".into()),
            "NOT_FOUND" if !self.was(key, &[""]) => {
                let has_ended = self.was(key, &ended) || self.was(key, &["CANCELED"]);
                if has_ended && unread() { Ok(()) } else { Err("it was there".into()) }
            }
            _ => Ok(()),
        }
    }

    /// A request for the runs of its moment; where they follow one another, the newest of them decides.
    fn any(&self, wanted: &Wanted, status: &str) -> Result<(), String> {
        let (history, since) = (&self.seen.history, self.receipt.sent.since);
        let (service, prefix) = (wanted.service, run_key(&wanted.key(), ""));
        let meant = history.keys(&prefix).filter(|key| history.had_started(key, self.receipt.sent.by));
        let mut meant: Vec<&str> = meant.collect();
        meant.sort_by_key(|key| history.started(key));
        let newest = if service.one_at_a_time { meant.len().saturating_sub(1) } else { 0 };
        let decides = &meant[newest..];
        let told = self.told["result"]["runId"].as_str().map(|id| run_key(&wanted.key(), id));
        let executions = self.told["result"]["executions"].as_array();
        let unread = || service.one_at_a_time && self.reading_failed(&service.reads());
        let canceled = |key: &str| match service.one_at_a_time {
            true => history.canceled(key),
            // Since it is known how one was before the round.
            false => history.since(key, "CANCELING").filter(|at| *at > 0),
        };
        let canceled_before =
            |key: &str| canceled(key).is_some_and(|at| (since..self.receipt.delivery.began).contains(&at));
        match status {
            "ALREADY_CANCELED" if executions.is_none() => {
                let so = |key: &String| {
                    self.was(key, &["CANCELED"]) && history.canceled(key).is_some_and(|at| at >= since)
                };
                told.filter(so).map(drop).ok_or_else(|| "it was not canceled since the request".into())
            }
            "NOT_RUNNING" => {
                let ended = [service.endings(), vec!["CANCELED"]].concat();
                if told.is_some_and(|key| !self.was(&key, &ended)) {
                    return Err("it did not end so".into());
                }
                // Runs that ended otherwise beside it, as the outcome tells, make it what it is for all of them.
                let mut executions = executions.into_iter().flatten();
                let all_canceled = executions.all(|run| run["state"] == "ALREADY_CANCELED");
                let wrong = decides.iter().find(|key| {
                    all_canceled && canceled_before(key) && !unread() || self.stayed(key, &["RUNNING"])
                });
                wrong.map_or(Ok(()), |key| Err(format!("{key} was there")))
            }
            "NOT_FOUND" if self.is_there(wanted) && !unread() => Err("the target is there".into()),
            _ => Ok(()),
        }
    }

    /// Whether the target had a run all the time.
    fn is_there(&self, wanted: &Wanted) -> bool {
        let prefix = run_key(&wanted.key(), "");
        self.seen.history.keys(&prefix).any(|key| !self.was(key, &[""]))
    }
}
