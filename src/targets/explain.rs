//! Finding out what an answer left unsaid: why a run could not be canceled, and whether it stopped.
//!
//! An explaining look-up is a courtesy. It comes after every cancel of the batch, in the time that is
//! left, and where it fails, or its turn does not come in time, the outcome stands without it. One
//! serves all requests of a batch for the same AppFlow flow. A [`LookUp`] never changes anything at a
//! service; only where one finds that a workflow goes on in a new run, that one is asked too.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};

use futures_util::future::join_all;

use super::{Asked, Conclusion, Means, Settlement, Targets, appflow, cloudflow, swf};
use crate::call_error::{Answer, CallError, ReportedError};
use crate::contained::contained_in;
use crate::log;
use crate::pace::{Operation, Patience, Standing};

/// What a look-up could tell more of a request.
#[derive(Debug, PartialEq)]
pub enum Unclear {
    AppFlow(appflow::Unclear),
    /// The service does not say whether the execution never was or is closed.
    Swf(swf::Cancellation),
    /// The execution had ended already, by cancellation or otherwise.
    CloudFlow(cloudflow::Cancellation),
}

/// Reads for one purpose, each call in its turn.
pub struct LookUp<'a> {
    means: Means<'a>,
    standing: Standing,
    /// The answer is worth a wait, but not the request.
    courtesy: bool,
    /// A first page was read: the rest is worth all the time there is, or it was read for nothing.
    begun: Cell<bool>,
}

impl<'a> LookUp<'a> {
    /// Reads that the outcome can do without.
    pub fn courtesy(means: &Means<'a>) -> Self {
        Self { means: *means, standing: Standing::Urgent, courtesy: true, begun: Cell::new(false) }
    }

    /// Reads without which a request cannot be carried out.
    pub fn needed(means: &Means<'a>, standing: Standing) -> Self {
        Self { means: *means, standing, courtesy: false, begun: Cell::new(false) }
    }

    /// The same in the middle of a request, which is then worth all the time there is.
    pub fn begun(self) -> Self {
        self.begun.set(true);
        self
    }

    pub fn means(&self) -> &Means<'a> {
        &self.means
    }

    /// So many pages are read where not all are needed.
    pub fn max_pages(&self) -> u32 {
        self.means.max_pages
    }

    /// Makes one call, attempts and all.
    ///
    /// # Errors
    /// The last failure; deferred, where its turn is too far away and nothing was read yet.
    pub async fn read<T>(
        &self,
        operation: Operation,
        call: impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let (lane, until) = (self.means.pace.lane(operation), self.means.until);
        let begun = self.begun.get() && !self.courtesy;
        let patience = if begun { Patience::Begun { until } } else { Patience::First { until } };
        let waiting = match lane.join(self.standing, patience) {
            Ok(waiting) => waiting,
            Err(_) if begun => return Err(CallError::deadline(Answer::NotAsked)),
            Err(place) => return Err(CallError::deferred(place)),
        };
        let attempts = self.means.retry.run_paced(lane, self.standing, waiting, until, call).await;
        self.begun.set(true);
        attempts.result
    }
}

/// A request and what became of it.
pub type Settled<'a> = (Asked<'a>, Settlement);

impl Targets {
    /// Asks what the answers left open, all questions side by side, and mends the settlements. Each is `told`
    /// with its record's place as soon as its own question is done; what goes wrong over one leaves it as it was.
    pub async fn explain(
        &self,
        settled: Vec<Settled<'_>>,
        means: &Means<'_>,
        told: &dyn Fn(usize, Settlement),
    ) {
        let look_up = &LookUp::courtesy(means);
        let mut flows: BTreeMap<String, Vec<(appflow::Tally, Settled<'_>)>> = BTreeMap::new();
        let mut others = Vec::new();
        for (asked, mut settlement) in settled {
            match settlement.unclear.take() {
                Some(Unclear::AppFlow(unclear)) => {
                    flows.entry(unclear.flow_name).or_default().push((unclear.tally, (asked, settlement)));
                }
                unclear => others.push((unclear, asked, settlement)),
            }
        }
        let flows = flows.into_iter().map(async |(name, mut requests)| {
            let _ = contained_in(self.explain_flow(name, &mut requests, look_up)).await;
            requests.into_iter().for_each(|(_, (asked, settlement))| told(asked.record, settlement));
        });
        let others = others.into_iter().map(async |(unclear, asked, mut settlement)| {
            let explained = self.explain_one(unclear, asked, &mut settlement, look_up);
            let _ = contained_in(explained).await;
            told(asked.record, settlement);
        });
        tokio::join!(join_all(flows), join_all(others));
    }

    async fn explain_one(
        &self,
        unclear: Option<Unclear>,
        asked: Asked<'_>,
        settlement: &mut Settlement,
        look_up: &LookUp<'_>,
    ) {
        match unclear {
            Some(Unclear::Swf(called)) => self.explain_workflow(called, asked, settlement, look_up).await,
            Some(Unclear::CloudFlow(execution)) => match self.cloudflow.look_up(&execution, look_up).await {
                Ok(reply) => settlement.mend(cloudflow::explained(&execution, reply)),
                Err(error) => log::look_up_failed("cloudflow", &error),
            },
            Some(Unclear::AppFlow(_)) | None => {}
        }
    }

    /// How the run ended that SWF does not know to be open, or what continues it.
    async fn explain_workflow(
        &self,
        called: swf::Cancellation,
        asked: Asked<'_>,
        settlement: &mut Settlement,
        look_up: &LookUp<'_>,
    ) {
        let open_ended = asked.cancellation.is_open_ended();
        // What a pinning read found open a moment ago is not unknown: what says so is behind.
        let pinned = called.run_id().filter(|_| open_ended).map(swf::Run::open);
        let since = called.run_id().is_none().then_some(asked.requested_at);
        let found = self.swf.look_up(&called, look_up).await;
        match (found.inspect_err(|error| log::look_up_failed("swf", error)), pinned) {
            (Ok(Some(run)), _) if open_ended && run.is_continued() => {
                self.ask_what_continues(run, &asked, &called, settlement, look_up.means()).await;
            }
            (Err(_) | Ok(None), Some(pinned)) => settlement.mend(swf::still_running(&pinned)),
            (Err(_), None) => {}
            (Ok(found), _) => settlement.mend(swf::explained(found, since)),
        }
    }

    async fn explain_flow(
        &self,
        flow_name: String,
        requests: &mut [(appflow::Tally, Settled<'_>)],
        look_up: &LookUp<'_>,
    ) {
        let wanted: HashSet<&str> = requests.iter().flat_map(|(tally, _)| tally.unexplained()).collect();
        let (found, error) = self.appflow.look_up(&flow_name, wanted, look_up).await;
        if let Some(error) = error {
            log::look_up_failed("appflow", &error);
        }
        for (tally, (_, settlement)) in requests {
            tally.explain(&found);
            settlement.mend(std::mem::take(tally).conclude(&flow_name));
        }
    }
}

impl Settlement {
    /// Takes over what a look-up made of the answers. What was done is not changed by knowing more;
    /// an error that the service gave stays, unless the look-up found a graver one.
    pub(super) fn mend(&mut self, conclusion: Conclusion) {
        self.status = conclusion.status;
        self.result = conclusion.result;
        self.remaining = conclusion.remaining;
        self.open_ends = conclusion.open_ends;
        if let Some(error) = conclusion.error {
            self.error = Some(ReportedError::from(error));
        }
    }
}
