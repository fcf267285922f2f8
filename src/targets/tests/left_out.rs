//! What becomes of requests where a part of their service is left out, and of the others of their batch.

use std::cell::RefCell;
use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::json;

use super::*;
use crate::client::{Body, Successes, reply};
use crate::fields::rules::Text;
use crate::pace::Operation;
use crate::vocabulary::State;

const STOP: Operation = Operation { name: "scratch.StopJob", quota: None, in_regions: &[] };
const DESCRIBE: Operation = Operation { name: "scratch.DescribeJob", quota: None, in_regions: &[] };
const SUCCESSES: Successes = &[("StopJob", Body::Object(&["status"])), ("DescribeJob", Body::Object(&[]))];
const WHOLE: Service = Service {
    name: "scratch",
    cancel: &STOP,
    reads: &[&DESCRIBE],
    beyond: None,
    successes: SUCCESSES,
    key_form: "scratch:<job>",
    is_valid_name: |_| true,
    read: |_, _| None,
    configure: |_, _| Connect::new(|_| Scratch::<OWN>),
    rehearsal: None,
};
static SCRATCH: Service = WHOLE;
static OTHER: Service = Service { name: "other", ..WHOLE };

/// A job, of which its id says what goes wrong; `open` names none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Job<const TYPE: u8>([String; 1]);

const OWN: u8 = 0;
/// A type of which the port of its service knows nothing.
const STRANGE: u8 = 1;
const ELSEWHERE: u8 = 2;

impl<const TYPE: u8> Cancellation for Job<TYPE> {
    fn service(&self) -> &'static Service {
        if TYPE == ELSEWHERE { &OTHER } else { &SCRATCH }
    }

    fn key(&self) -> String {
        format!("{}:{}", self.service().name, self.0[0])
    }

    fn target(&self) -> Value {
        json!({"key": self.key()})
    }

    fn named_runs(&self) -> Option<&[String]> {
        Some(&self.0[..]).filter(|ids| ids[0] != "open")
    }

    fn runs_rule(&self) -> (&'static Text, usize) {
        (&crate::fields::rules::REQUEST_ID, 1)
    }
}

/// Says to every call that it succeeded.
#[derive(Debug)]
struct Answers;

impl HttpConnector for Answers {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let status = 200.try_into().expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from("{}"))))
    }
}

/// A port that follows from two methods.
struct Scratch<const TYPE: u8>;

impl<const TYPE: u8> Single for Scratch<TYPE> {
    type Cancellation = Job<TYPE>;

    const STOP: &'static Operation = &STOP;
    const DESCRIBE: &'static Operation = &DESCRIBE;
    const UNCLEAR: &'static [&'static str] = &[];

    async fn stop(&self, job: &mut Job<TYPE>) -> Result<Accepted<Stopped>, CallError> {
        let operation = match job.0[0].as_str() {
            "panics" => panic!("a defect of the service's part"),
            "undeclared" => "HaltJob",
            _ => "StopJob",
        };
        let (answers, request) = (SharedHttpConnector::new(Answers), HttpRequest::new(SdkBody::empty()));
        let reply = reply::of(&answers, request, SUCCESSES, operation, |_| None).await?;
        Ok(Accepted { reply: Stopped { ended_at: None, shown: reply }, request_id: None })
    }

    async fn describe(&self, _: &Job<TYPE>) -> Result<Description, CallError> {
        Ok(Description { state: State::Running, status: None, ended_at: None, shown: json!({}) })
    }
}

/// A port that tells nothing of jobs that are called `forgotten`, and something of records that are not there.
struct Forgetful;

impl Calls for Forgetful {
    type Cancellation = Job<OWN>;
    type Call = ();
    type Reply = ();
    type Unclear = ();

    const CANCEL: &'static Operation = &STOP;

    fn calls(&self, jobs: &[&Job<OWN>]) -> Vec<Shared<()>> {
        assert!(jobs.iter().all(|job| job.0[0] != "panics"), "a defect of the service's part");
        let kept = jobs.iter().enumerate().filter(|(_, job)| job.0[0] != "forgotten");
        kept.map(|(place, _)| Shared { call: (), requests: vec![place] }).collect()
    }

    fn part(&self, _: &(), _: &Job<OWN>) {}

    async fn cancel(&self, _: &mut ()) -> Result<Accepted<()>, CallError> {
        Ok(Accepted { reply: (), request_id: None })
    }

    fn conclude(&self, _: &Job<OWN>, answers: &[Answered<'_, Self>]) -> Conclusion<()> {
        Conclusion { taken: !answers.is_empty(), ..Conclusion::of(Status::Accepted) }
    }
}

impl Target for Forgetful {
    async fn read(
        &self,
        requests: &[Reading<'_, Job<OWN>>],
        _: &LookUp<'_>,
    ) -> Result<Vec<Read<Job<OWN>>>, CallError> {
        let kept = requests.iter().filter(|reading| reading.asked.cancellation.0[0] != "forgotten");
        let records = kept.map(|reading| reading.asked.record).chain([99]);
        Ok(records.map(|record| (record, Err(Settlement::dry_run(None)))).collect())
    }

    async fn explain(&self, _: &mut [Question<'_, Self>], _: &LookUp<'_>) -> Result<(), CallError> {
        Ok(())
    }

    async fn follow(
        &self,
        requests: &[Followed<'_, Job<OWN>>],
        _: &LookUp<'_>,
    ) -> (Vec<(usize, Sight)>, Option<CallError>) {
        let kept = requests.iter().filter(|followed| followed.cancellation.0[0] != "forgotten");
        let records = kept.map(|followed| followed.record).chain([99]);
        (records.map(|record| (record, Some(Vec::new()))).collect(), None)
    }
}

type Ports = Vec<(&'static Service, Box<dyn Port>)>;

fn own(id: &str) -> Box<dyn Cancellation> {
    Box::new(Job::<OWN>([id.into()]))
}

fn elsewhere(id: &str) -> Box<dyn Cancellation> {
    Box::new(Job::<ELSEWHERE>([id.into()]))
}

/// What is done with jobs.
#[derive(Clone, Copy)]
enum Doing {
    Settle,
    Read(Purpose),
    Follow,
}

/// What each job comes to, told once.
async fn told(ports: Ports, jobs: &[Box<dyn Cancellation>], doing: Doing) -> Vec<String> {
    let (retry, pace) = (Retry::new(2, 10), Pace::new([&STOP, &DESCRIBE], None, &BTreeMap::new(), 1));
    let context = Context {
        retry: &retry,
        pace: &pace,
        until: Instant::now() + Duration::from_secs(10),
        now: Timestamp::LATEST,
        invocation: &super::invocation(),
        max_pages: 1,
        deferred: &|_, _| {},
        look_up_failed: &|_, _| {},
    };
    let (requested_at, priority) = (Timestamp::LATEST.into(), Priority::Urgent);
    let jobs = jobs.iter().map(AsRef::as_ref).enumerate();
    let asked =
        jobs.clone().map(|(record, cancellation)| Asked { cancellation, requested_at, priority, record });
    let told = RefCell::new(BTreeMap::new());
    let tell = |record, text: String| {
        assert_eq!(told.borrow_mut().insert(record, text), None, "told twice");
    };
    let settled = |record, Settlement { status, effect, error, .. }: Settlement| {
        let code = error.map(|error| format!(" {}", error.code)).unwrap_or_default();
        tell(record, format!("{} {effect:?}{code}", status.name()));
    };
    let targets = Targets(ports);
    match doing {
        Doing::Settle => targets.settle(&asked.collect::<Vec<_>>(), &context, &settled).await,
        Doing::Read(purpose) => {
            let reading = asked.map(|asked| Reading { asked, purpose });
            targets.settle_read(&reading.collect::<Vec<_>>(), &context, &settled).await;
        }
        Doing::Follow => {
            let (runs, escalates) = (&Runs::Known(vec!["run".into()]), None);
            let followed =
                |(record, cancellation)| Followed { cancellation, runs, priority, record, escalates };
            let followed = jobs.clone().map(followed);
            let told = |seen: Check| format!("{:?}", seen.sight);
            let seen = |record, seen: Seen| tell(record, seen.map_or_else(|e| e.code, told));
            targets.follow(followed.collect(), &context, &seen).await;
        }
    }
    let told = told.into_inner();
    assert!(told.keys().copied().eq(0..jobs.len()), "{told:?}");
    told.into_values().collect()
}

const ACCEPTED: &str = "ACCEPTED Requested";

#[tokio::test(start_paused = true)]
async fn what_is_left_out_of_a_service_fails_a_request_by_its_own_code_and_no_other() {
    let strange = Box::new(Job::<STRANGE>(["b".into()]));
    let jobs = [own("a"), own("panics"), own("undeclared"), strange, elsewhere("c"), own("d")];
    let ports = || vec![(&SCRATCH, Box::new(Scratch::<OWN>) as Box<dyn Port>)];
    let unreadable = "FAILED Unknown UnreadableReply";
    let not_served = "FAILED None NotServed";
    let expected = [ACCEPTED, "FAILED Unknown Panic", unreadable, not_served, not_served, ACCEPTED];
    assert_eq!(told(ports(), &jobs, Doing::Settle).await, expected);
    // For one execution there is nothing that a late request could be narrowed to.
    let jobs = [own("open"), elsewhere("c")];
    let expected = ["FAILED Unknown NoResult", not_served];
    assert_eq!(told(ports(), &jobs, Doing::Read(Purpose::Cancel)).await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_a_port_tells_nothing_of_has_failed_and_what_is_not_its_own_is_nobodys() {
    let ports = || {
        let forgetful = Box::new(Forgetful) as Box<dyn Port>;
        vec![(&SCRATCH, forgetful), (&OTHER, Box::new(Scratch::<ELSEWHERE>))]
    };
    let no_result = "FAILED Unknown NoResult";
    let jobs = [own("a"), own("forgotten"), elsewhere("c")];
    assert_eq!(told(ports(), &jobs, Doing::Settle).await, [ACCEPTED, no_result, ACCEPTED]);
    let dry_run = Doing::Read(Purpose::DryRun { pinned: false });
    assert_eq!(told(ports(), &jobs, dry_run).await, ["DRY_RUN None", no_result, "DRY_RUN None"]);
    // Runs of which nothing is told are not known to run on, nor to have ended.
    let unseen = r#"Some([("run", Unknown)])"#;
    let running = r#"Some([("run", Running)])"#;
    assert_eq!(told(ports(), &jobs, Doing::Follow).await, ["Some([])", unseen, running]);
    let jobs = [own("a"), own("panics"), elsewhere("c")];
    let panic = "FAILED Unknown Panic";
    assert_eq!(told(ports(), &jobs, Doing::Settle).await, [panic, panic, ACCEPTED]);
}

#[test]
fn what_is_left_out_of_a_service_is_asked_for() {
    let place = "src/targets/scratch/mod.rs: expected";
    let facts = "tests/facts/errors.json: expected rows of scratch".to_owned();
    for (service, lacks) in [
        (WHOLE, vec![]),
        (
            Service { successes: &SUCCESSES[..1], ..WHOLE },
            vec![format!("{place} DescribeJob among the successes")],
        ),
        (
            Service { reads: &[], ..WHOLE },
            vec![format!("{place} DescribeJob as `cancel` or among the `reads`")],
        ),
        (
            Service { key_form: "<job>", ..WHOLE },
            vec![format!("{place} scratch at the beginning of `<job>`")],
        ),
    ] {
        assert_eq!(lacking(&service), [vec![facts.clone()], lacks].concat());
    }
}
