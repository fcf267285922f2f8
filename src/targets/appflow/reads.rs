//! What is read of a flow, to pin requests, for dry runs, to explain and to follow: its records, once for all.

use std::collections::HashSet;

use serde_json::json;

use super::records::Records;
use super::{AppFlow, Cancellation};
use crate::call_error::{CallError, Class};
use crate::targets::{Followed, LookUp, Purpose, Question, Read, Reading, Runs, Settlement, Sight, Target};
use crate::vocabulary::State;

impl Target for AppFlow {
    async fn read(
        &self,
        requests: &[Reading<'_, Cancellation>],
        look_up: &LookUp<'_>,
    ) -> Result<Vec<Read<Cancellation>>, CallError> {
        let Some(first) = requests.first() else { return Ok(Vec::new()) };
        let since: Vec<_> = requests.iter().map(Reading::since).collect();
        let flow_name = &first.asked.cancellation.flow_name;
        let found = match (Records { appflow: self, flow_name, look_up }).meant(&since).await {
            Ok(found) => found,
            Err(error) if error.class == Class::Deferred => return Err(error),
            Err(error) => return Ok(requests.iter().map(|it| unread(it, &error, look_up)).collect()),
        };
        let read = |Reading { asked, purpose }: &Reading<'_, Cancellation>, found| match purpose {
            Purpose::Cancel => Ok(asked.cancellation.pinned(found)),
            Purpose::DryRun { .. } => {
                let beyond = asked.cancellation.deactivate.then(|| ("wouldDeactivate", json!(true)));
                Err(Settlement::would_cancel(asked.cancellation.would_cancel(found), beyond))
            }
        };
        let reads = requests.iter().zip(found);
        Ok(reads.map(|(reading, found)| (reading.asked.record, read(reading, found))).collect())
    }

    async fn explain(
        &self,
        questions: &mut [Question<'_, Self>],
        look_up: &LookUp<'_>,
    ) -> Result<(), CallError> {
        let Some(first) = questions.first() else { return Ok(()) };
        let flow_name = &first.asked.cancellation.flow_name;
        let wanted: HashSet<&str> =
            questions.iter().flat_map(|question| question.unclear.unexplained()).collect();
        let (found, error) = Records { appflow: self, flow_name, look_up }.explain(wanted).await;
        for Question { unclear, settlement, .. } in questions {
            unclear.explain(&found);
            settlement.mend(std::mem::take(unclear).conclude(flow_name));
        }
        error.map_or(Ok(()), Err)
    }

    async fn follow(
        &self,
        requests: &[Followed<'_, Cancellation>],
        look_up: &LookUp<'_>,
    ) -> (Vec<(usize, Sight)>, Option<CallError>) {
        let Some(first) = requests.first() else { return (Vec::new(), None) };
        let (mut wanted, mut spans) = (HashSet::new(), Vec::new());
        for followed in requests {
            match followed.runs {
                Runs::Known(runs) => wanted.extend(runs.iter().map(String::as_str)),
                Runs::Asked(span) => spans.push(*span),
            }
        }
        let flow_name = &first.cancellation.flow_name;
        let seen = Records { appflow: self, flow_name, look_up }.seen(wanted, &spans).await;
        let mut running = seen.running.map(Vec::into_iter);
        let state = |id: &String| (id.clone(), seen.states.get(id).copied().unwrap_or(State::Unknown));
        let sights = requests.iter().map(|followed| match followed.runs {
            Runs::Known(runs) => (followed.record, Some(runs.iter().map(state).collect())),
            Runs::Asked(_) => (followed.record, running.as_mut().and_then(Iterator::next)),
        });
        (sights.collect(), seen.error)
    }
}

/// The runs of a flow could not be read, which keeps nobody from deactivating it.
fn unread(
    Reading { asked, purpose }: &Reading<'_, Cancellation>,
    error: &CallError,
    look_up: &LookUp<'_>,
) -> Read<Cancellation> {
    let read = match purpose {
        Purpose::Cancel if asked.cancellation.deactivate => {
            Ok(Cancellation { runs: super::Runs::Unread(error.clone()), ..asked.cancellation.clone() })
        }
        _ => Err(Box::new(Settlement::unread(error.clone(), asked.record, look_up.context()))),
    };
    (asked.record, read)
}
