//! The fewest calls for a batch: the ids that requests name of one flow, merged and split by a hundred.
//!
//! An id that several requests name is sent once, and each of them is on its call. All active runs of a
//! flow are one call, however many ask for them. Nothing is called here.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Call, Cancellation, Ids, Runs, Step};
use crate::targets::Shared;

/// The service takes so many ids in one call.
const IDS_A_CALL: usize = 100;

/// What is asked of one flow.
#[derive(Default)]
struct Flow<'a> {
    deactivate: Vec<usize>,
    all_active: Vec<usize>,
    /// Each id once, in the order asked, with the requests that name it.
    ids: Vec<(&'a str, Vec<usize>)>,
    places: HashMap<&'a str, usize>,
}

/// The calls for these requests, flow by flow in the order in which they come up.
pub fn calls(requests: &[&Cancellation]) -> Vec<Shared<Call>> {
    let mut flows: Vec<(&str, Flow)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (request, cancellation) in requests.iter().enumerate() {
        let name = cancellation.flow_name.as_str();
        let place = *places.entry(name).or_insert_with(|| {
            flows.push((name, Flow::default()));
            flows.len() - 1
        });
        flows[place].1.add(request, cancellation);
    }
    flows.into_iter().flat_map(|(name, flow)| flow.calls(name)).collect()
}

/// The ids of a call that one of its requests names; all active runs stay all.
pub fn part(call: &Call, request: &Cancellation) -> Call {
    let own: HashSet<&String> = request.runs.ids().iter().collect();
    let ids = call.ids().iter().filter(|id| own.contains(id)).cloned().collect();
    Call {
        flow_name: call.flow_name.clone(),
        step: Ids::new(ids).map_or_else(|| call.step.clone(), Step::Cancel),
    }
}

impl<'a> Flow<'a> {
    fn add(&mut self, request: usize, Cancellation { runs, deactivate, .. }: &'a Cancellation) {
        if *deactivate {
            self.deactivate.push(request);
        }
        if let Runs::AllActive { .. } = runs {
            self.all_active.push(request);
        }
        for id in runs.ids() {
            match self.places.entry(id) {
                Entry::Occupied(place) => self.ids[*place.get()].1.push(request),
                Entry::Vacant(place) => {
                    place.insert(self.ids.len());
                    self.ids.push((id, vec![request]));
                }
            }
        }
    }

    fn calls(self, name: &str) -> Vec<Shared<Call>> {
        let call = |step| Call { flow_name: name.into(), step };
        let of_all = |step, requests: Vec<usize>| {
            (!requests.is_empty()).then(|| Shared { call: call(step), requests })
        };
        let stop = of_all(Step::StopFlow, self.deactivate);
        let everything = of_all(Step::CancelAllActive, self.all_active);
        let named = self.ids.chunks(IDS_A_CALL).map(|chunk| {
            let requests: BTreeSet<usize> =
                chunk.iter().flat_map(|(_, requests)| requests).copied().collect();
            let ids = chunk.iter().map(|(id, _)| (*id).to_owned()).collect();
            Shared { call: call(Step::Cancel(Ids(ids))), requests: requests.into_iter().collect() }
        });
        stop.into_iter().chain(everything).chain(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancellation(flow_name: &str, ids: &[&str]) -> Cancellation {
        let ids = Ids::new(ids.iter().map(|id| (*id).into()).collect());
        let runs = ids.map_or(Runs::AllActive { in_words: true }, Runs::Named);
        Cancellation { flow_name: flow_name.into(), runs, deactivate: false }
    }

    /// Flow, ids and requests of each call.
    fn planned(requests: &[&Cancellation]) -> Vec<(String, Vec<String>, Vec<usize>)> {
        let calls = calls(requests).into_iter();
        calls
            .map(|shared| {
                let ids = shared.call.ids().to_vec();
                (shared.call.flow_name, ids, shared.requests)
            })
            .collect()
    }

    fn call(flow_name: &str, ids: &[&str], requests: &[usize]) -> (String, Vec<String>, Vec<usize>) {
        (flow_name.into(), ids.iter().map(|id| (*id).into()).collect(), requests.to_vec())
    }

    #[test]
    fn requests_for_one_flow_share_calls_and_an_id_is_sent_once() {
        let requests = [
            cancellation("orders", &["a", "b"]),
            cancellation("stock", &["a"]),
            cancellation("orders", &["c", "b"]),
            cancellation("orders", &[]),
            cancellation("orders", &[]),
        ];
        let requests: Vec<_> = requests.iter().collect();
        let expected = [
            call("orders", &[], &[3, 4]),
            call("orders", &["a", "b", "c"], &[0, 2]),
            call("stock", &["a"], &[1]),
        ];
        assert_eq!(planned(&requests), expected);
    }

    #[test]
    fn merged_ids_are_split_by_a_hundred_and_each_call_knows_its_requests() {
        let ids: Vec<String> = (0..250).map(|number| format!("id-{number}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let requests = [
            cancellation("orders", &ids[..60]),
            cancellation("orders", &ids[60..150]),
            cancellation("orders", &ids[140..250]),
        ];
        let requests: Vec<_> = requests.iter().collect();
        let expected = [
            call("orders", &ids[..100], &[0, 1]),
            call("orders", &ids[100..200], &[1, 2]),
            call("orders", &ids[200..], &[2]),
        ];
        assert_eq!(planned(&requests), expected);
    }

    #[test]
    fn a_request_alone_gets_its_own_ids_of_a_shared_call() {
        let requests = [cancellation("orders", &["a", "b"]), cancellation("orders", &["c", "b"])];
        let shared = calls(&requests.iter().collect::<Vec<_>>());
        let alone = requests.iter().map(|request| part(&shared[0].call, request).ids().to_vec());
        assert_eq!(alone.collect::<Vec<_>>(), [["a", "b"], ["b", "c"]]);
        let everything = cancellation("orders", &[]);
        let shared = calls(&[&everything, &everything]);
        assert_eq!(part(&shared[0].call, &everything), shared[0].call);
    }
}
