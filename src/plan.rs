//! The plan of a batch: which requests go as they are, which are pinned first, and which are dry runs.
//!
//! It stands between valid requests and calls. Requests that go as they are are planned together, so that
//! they share calls; those for which runs are read first, target by target, so that they share the read and
//! a slow one holds up no other. It knows how old a request is and how often it came, and makes no calls
//! itself.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use futures_util::future::join_all;

use crate::event_source::Record;
use crate::pace::Priority;
use crate::request::CancelRequest;
use crate::targets::{Asked, Cancellation, Context, Purpose, Reading, Targets, Tell};
use crate::timestamp::{Moment, Timestamp};

/// Lambda repeats an asynchronous invocation that failed a minute later, and keeps it for six hours at most.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const REPEATED: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_hours(6);

/// A valid request, as a plan is made for it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its record's place in the batch.
    pub place: usize,
    pub record: &'a Record,
    pub request: &'a CancelRequest,
    /// Since when it counts.
    pub requested_at: Moment,
}

/// How a deployment wants requests to be carried out.
#[derive(Clone, Copy, Debug)]
pub struct Planner {
    /// From this age on, an open-ended request is pinned to the runs of its moment.
    pub pin_after: Duration,
    /// Nothing is ever canceled, only told what would be.
    pub dry_run: bool,
}

/// What is to be done for the requests of a batch.
#[derive(Default)]
pub struct Plan<'a> {
    settled: Vec<Asked<'a>>,
    /// Those for which runs are read first, by what one read answers.
    read: BTreeMap<String, Vec<Reading<'a>>>,
}

impl Planner {
    /// Plans requests.
    pub fn plan<'a>(&self, requests: impl Iterator<Item = Request<'a>>, now: Timestamp) -> Plan<'a> {
        let mut plan = Plan::default();
        for Request { place, record, request, requested_at } in requests {
            let cancellation = request.cancellation.as_ref();
            let asked = Asked { cancellation, requested_at, priority: priority(record), record: place };
            let pinned = cancellation.is_open_ended() && self.is_late(record, requested_at, now);
            let purpose = match self.dry_run || request.dry_run {
                true => Purpose::DryRun { pinned },
                false if pinned => Purpose::Cancel,
                false => {
                    plan.settled.push(asked);
                    continue;
                }
            };
            plan.read.entry(read_as(cancellation)).or_default().push(Reading { asked, purpose });
        }
        // Who was sent away most often takes the first permit.
        plan.settled.sort_by_key(|asked| std::cmp::Reverse(asked.priority.receives().unwrap_or(u32::MAX)));
        plan
    }

    fn is_late(&self, record: &Record, requested_at: Moment, now: Timestamp) -> bool {
        let age = Duration::from_millis(now.millis_since(requested_at.begins()));
        // Lambda does not say that it repeats what failed.
        let repeated = record.repeated || (record.source.is_asynchronous() && REPEATED.contains(&age));
        repeated || age > self.pin_after || self.pin_after.is_zero()
    }
}

/// A record that no queue can give back later is urgent.
pub fn priority(record: &Record) -> Priority {
    match record.receipt_handle {
        Some(_) => Priority::Received(record.source.receive_count.unwrap_or(1)),
        None => Priority::Urgent,
    }
}

impl Plan<'_> {
    /// Carries it out. What became of each request is told with its record's place as soon as it is known.
    pub async fn carry_out(&self, targets: &Targets, context: &Context<'_>, tell: Tell<'_>) {
        let settle = targets.settle(&self.settled, context, tell);
        let read = self.read.values().map(|requests| targets.settle_read(requests, context, tell));
        tokio::join!(settle, join_all(read));
    }
}

/// Requests with the same name are answered by one read.
fn read_as(cancellation: &dyn Cancellation) -> String {
    let named = cancellation.named_runs().filter(|_| !cancellation.is_read_as_a_whole());
    named.into_iter().flatten().fold(cancellation.key(), |name, run| format!("{name} {run}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_source::Source;
    use crate::request::{Reading, read};

    const NOW: i64 = 1_700_000_000_000;

    /// A record that came `receives` times from a queue, or from elsewhere, and its request.
    fn record(text: &str, receives: Option<u32>) -> (Record, CancelRequest) {
        let Reading::Request(request) = read(text, Default::default()) else {
            panic!("expected a valid request: {text}")
        };
        let record = Record {
            text: text.into(),
            request_id: "id".into(),
            requested_at: time(0).into(),
            repeated: receives > Some(1),
            source: Source { kind: "sqs", receive_count: receives, ..Source::default() },
            receipt_handle: receives.map(|_| "receipt".into()),
        };
        (record, *request)
    }

    fn time(seconds_ago: i64) -> Timestamp {
        Timestamp::from_millis(NOW - seconds_ago * 1_000).expect("a time")
    }

    fn plan<'a>(records: &'a [(Record, CancelRequest)], age: i64, dry_run: bool) -> Plan<'a> {
        let planner = Planner { pin_after: Duration::from_secs(60), dry_run };
        let requests = records.iter().enumerate();
        let requests = requests.map(|(place, (record, request))| Request {
            place,
            record,
            request,
            requested_at: time(age).into(),
        });
        planner.plan(requests, time(0))
    }

    fn places(requests: &[Asked<'_>]) -> Vec<usize> {
        requests.iter().map(|asked| asked.record).collect()
    }

    /// The requests that share reads, and what for.
    fn shared(plan: &Plan<'_>) -> Vec<Vec<(usize, Purpose)>> {
        let readings = plan.read.values();
        readings.map(|reading| reading.iter().map(|it| (it.asked.record, it.purpose)).collect()).collect()
    }

    const ALL_ACTIVE: &str = r#"{"service": "appflow", "flowName": "orders"}"#;
    const NAMED: &str = r#"{"service": "appflow", "flowName": "orders", "executionIds": ["a"]}"#;
    const FOLLOWED: &str = r#"{"service": "appflow", "flowName": "orders", "confirm": true}"#;
    const WORKFLOW: &str = r#"{"service": "swf", "domain": "billing", "workflowId": "w"}"#;

    #[test]
    fn late_open_ended_requests_are_pinned_target_by_target_and_no_others() {
        let records = [ALL_ACTIVE, NAMED, WORKFLOW, ALL_ACTIVE].map(|text| record(text, Some(1)));
        let fresh = plan(&records, 60, false);
        assert_eq!((places(&fresh.settled), shared(&fresh)), (vec![0, 1, 2, 3], vec![]));
        let late = plan(&records, 61, false);
        assert_eq!(places(&late.settled), [1]);
        let cancel = |record| (record, Purpose::Cancel);
        assert_eq!(shared(&late), [vec![cancel(0), cancel(3)], vec![cancel(2)]]);
        let redelivered = [record(ALL_ACTIVE, Some(2))];
        assert_eq!(shared(&plan(&redelivered, 0, false)), [[cancel(0)]]);
        // The services list a new run late: a read first would miss it.
        let followed = [record(FOLLOWED, Some(1))];
        assert_eq!(shared(&plan(&followed, 0, false)), Vec::<Vec<_>>::new());
    }

    #[test]
    fn what_lambda_may_repeat_is_late_from_a_minute_on() {
        let sent = |kind| Record { source: Source { kind, ..Source::default() }, ..record(NAMED, None).0 };
        let planner = |pin_after| Planner { pin_after: Duration::from_secs(pin_after), dry_run: false };
        for (kind, age, late) in [
            ("eventbridge", 59, false),
            ("eventbridge", 60, true),
            ("sns", 3_600, true),
            ("sns", 21_601, false),
            ("direct", 60, false),
            ("sqs", 60, false),
        ] {
            let is_late = planner(86_400).is_late(&sent(kind), time(age).into(), time(0));
            assert_eq!(is_late, late, "{kind}, {age}");
        }
        // A time in whole seconds is as old as its beginning.
        let second = Moment::parse("2023-11-14T22:13:20Z").expect("a time");
        let now = second.begins().plus(Duration::from_millis(60_700));
        assert!(planner(60).is_late(&sent("direct"), second, now));
        assert!(planner(60).is_late(&Record { repeated: true, ..sent("direct") }, now.into(), now));
    }

    #[test]
    fn dry_runs_are_never_carried_out() {
        let records = [ALL_ACTIVE, NAMED].map(|text| record(text, Some(2)));
        let plan = plan(&records, 0, true);
        assert!(plan.settled.is_empty());
        let dry_run = |record, pinned| (record, Purpose::DryRun { pinned });
        assert_eq!(shared(&plan), [[dry_run(0, true), dry_run(1, false)]]);
    }

    #[test]
    fn who_was_sent_away_most_often_goes_first_and_who_cannot_come_again_before_all() {
        let records = [Some(1), Some(5), None, Some(1)].map(|receives| record(NAMED, receives));
        let plan = plan(&records, 0, false);
        assert_eq!(places(&plan.settled), [2, 1, 0, 3]);
        assert_eq!(plan.settled[0].priority, Priority::Urgent);
    }
}
