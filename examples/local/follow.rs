//! `--follow`: a story from a request to its confirmation, in simulated time. The function runs in this
//! process, over a queue that takes requests and follow-ups alike, and hours pass at once.
//!
//! It sends, delivers, and notes each moment; how a moment looks is `screen`'s work.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use countermand::follow_up::FollowUp;
use countermand_simulator::{
    Batch, CloudflowExecution, CloudflowStatus, ExecutionStatus, Redrive, Reply, Simulator,
    StateMachineExecution, WorkflowExecution, World,
};
use serde_json::Value;
use tokio::time::Instant;

use crate::arguments::Options;
use crate::arrival::Arrival;
use crate::input::Event;
use crate::moment::{Moment, Story, What, beyond, follow_up, key, states, told};
use crate::report::is_success;
use crate::serve;
use crate::simulated::{Process, in_simulated_time};

const QUEUE: &str = "cancel-requests";
pub const QUEUE_ARN: &str = "arn:aws:sqs:us-east-1:111122223333:cancel-requests";
const DEAD: &str = "dead-letters";
/// As the template has it.
const MOST_RECEIVES: u32 = 20;

/// Tells each event's story, one after the other in one world; `tell` shows it.
pub fn follow(
    options: &Options,
    events: &[Event],
    mut tell: impl FnMut(&Story) -> io::Result<()>,
) -> io::Result<bool> {
    in_simulated_time(async {
        let sweeps = events.iter().any(Event::asks_for_a_sweep);
        let simulator = Simulator::in_process(world(options.settle, sweeps))?;
        options.faults.iter().for_each(|fault| simulator.script(fault.clone()));
        let process =
            Process::start(&simulator, &variables(&simulator, options)).map_err(io::Error::other)?;
        let mut all = true;
        for Event { name, text } in events {
            let unreadable = || io::Error::other(format!("{name}: expected records, each with a request"));
            let arrived = Arrival::read(text).ok_or_else(unreadable)?;
            let stage = Stage { simulator: &simulator, process: &process, timeout: options.timeout };
            let story = stage.play(name, arrived).await;
            tell(&story)?;
            all &= story.succeeded;
        }
        Ok(all)
    })
}

/// So many more executions are there where they are swept.
const CROWD: usize = 3_000;
const CROWD_OF_CLOUDFLOW: usize = 60;
const CROWD_OF_STEP_FUNCTIONS: usize = 80;

/// The small world; what is asked to end there takes its time, and one decider does not care. A sweep finds more to
/// do than can be done at once.
fn world(settle: Duration, sweeps: bool) -> World {
    let mut world = World::seeded();
    world.queues.push(DEAD.into());
    let redrive = Redrive { dead_letter_queue: DEAD.into(), max_receive_count: MOST_RECEIVES };
    world.redrive.insert(QUEUE.into(), redrive);
    world.settle_after_ms = u64::try_from(settle.as_millis()).ok();
    if sweeps {
        let more =
            |number: usize| WorkflowExecution::open(format!("order-{number}"), format!("run-{number}"));
        let domains = world.swf.values_mut();
        domains.for_each(|domain| domain.executions.extend((0..CROWD).map(more)));
        let more = |number: usize| CloudflowExecution {
            name: format!("nightly-{number}"),
            status: CloudflowStatus::Running,
            started_time: None,
            stopped_time: None,
            stop_requested_at: None,
        };
        let flows = world.cloudflow.values_mut();
        flows.for_each(|flow| flow.executions.extend((0..CROWD_OF_CLOUDFLOW).map(more)));
        let more = |number: usize| StateMachineExecution {
            name: format!("nightly-{number}"),
            status: ExecutionStatus::Running,
            start_date: None,
            stop_date: None,
            redrive_date: None,
            stop_requested_at: None,
        };
        let machines = world.stepfunctions.values_mut();
        machines.for_each(|machine| machine.executions.extend((0..CROWD_OF_STEP_FUNCTIONS).map(more)));
    }
    let executions = world.swf.values_mut().flat_map(|domain| &mut domain.executions);
    executions.filter(|it| it.workflow_id == "invoice-2041").for_each(|it| it.ignores_cancel = true);
    world
}

fn variables(simulator: &Simulator, options: &Options) -> Vec<(String, String)> {
    let own = std::env::vars().filter(|(name, _)| name.starts_with("COUNTERMAND_"));
    let mut variables: BTreeMap<String, String> = own.collect();
    variables.extend(serve::variables(simulator, options));
    variables.insert("COUNTERMAND_FOLLOW_UP_QUEUE_ARN".into(), QUEUE_ARN.into());
    variables.insert("COUNTERMAND_MAX_RECEIVE_COUNT".into(), MOST_RECEIVES.to_string());
    variables.into_iter().collect()
}

struct Stage<'a> {
    simulator: &'a Simulator,
    process: &'a Process,
    timeout: Duration,
}

impl Stage<'_> {
    /// Sends the requests, and delivers until the queue is empty.
    async fn play(&self, name: &str, arrived: Arrival) -> Story {
        let dead = self.simulator.messages(DEAD).len();
        let start = Instant::now();
        for record in &arrived.records {
            let text = record.request.as_str().map_or_else(|| record.request.to_string(), str::to_owned);
            self.simulator.send(QUEUE, &text);
        }
        let mapping = self.simulator.mapping(QUEUE).visibility(self.timeout * 6);
        let (mut moments, mut documents) = (Vec::new(), Vec::new());
        while let Some(batch) = mapping.next().await {
            let (at, before) = (start.elapsed(), self.simulator.published().len());
            let called = self.simulator.ledger().len();
            moments.extend(self.checks(&batch).into_iter().map(|check| Moment::new(at, check)));
            let reply = self.process.invoke(&batch.event, self.timeout).await;
            mapping.settle(batch.clone(), &reply);
            let calls = self.simulator.ledger().split_off(called);
            moments.extend(calls.iter().filter_map(beyond).map(|it| Moment::new(start.elapsed(), it)));
            let published = self.simulator.published().split_off(before);
            let published: Vec<Value> =
                published.iter().filter_map(|message| serde_json::from_str(&message.body).ok()).collect();
            moments.extend(published.iter().filter_map(told).map(|told| Moment::new(start.elapsed(), told)));
            moments.extend(self.returns(&batch, &reply).map(|it| Moment::new(start.elapsed(), it)));
            self.look_ahead(&mut moments);
            let to_itself = ["CancellationFollowUp", "CancellationSweep"];
            let is_told = |it: &Value| to_itself.iter().all(|kind| it["type"] != *kind);
            documents.extend(published.into_iter().filter(is_told));
        }
        let dead = self.simulator.messages(DEAD).len() - dead;
        let mut last_words = documents.iter().filter(|it| it["type"] != "CancellationAttemptFailed");
        let succeeded = dead == 0 && last_words.all(is_success);
        Story { event: name.into(), arrived, moments, documents, dead, succeeded }
    }

    /// What the follow-ups of a batch are about to see.
    fn checks(&self, batch: &Batch) -> Vec<What> {
        let world = self.simulator.world();
        let event: Value = serde_json::from_str(&batch.event).unwrap_or_default();
        let records = event["Records"].as_array().into_iter().flatten();
        let follow_ups = records.filter_map(|record| follow_up(record["body"].as_str()?));
        let check = |asked: FollowUp| What::Check {
            key: asked.cancellation.key(),
            check: asked.checks.into(),
            states: states(&world, &asked),
            request_id: asked.labels.request_id.unwrap_or_default(),
            next_in_seconds: None,
        };
        follow_ups.map(check).collect()
    }

    /// The records that come again.
    fn returns(&self, batch: &Batch, reply: &Reply) -> impl Iterator<Item = What> + use<> {
        let queued = self.simulator.messages(QUEUE);
        let cut_off = !matches!(reply, Reply::Response(_));
        let ids: Vec<String> = batch.ids().map(str::to_owned).collect();
        let again = queued.into_iter().filter(move |message| ids.contains(&message.id));
        again.map(move |message| What::ComesAgain {
            key: key(&message.body).unwrap_or(message.id),
            in_seconds: message.visible_in.unwrap_or_default().as_secs(),
            cut_off,
        })
    }

    /// Notes with each check when the next one is due, once that is known.
    fn look_ahead(&self, moments: &mut [Moment]) {
        for message in self.simulator.messages(QUEUE) {
            let due = message.visible_in.map(|left| (left + Duration::from_millis(500)).as_secs());
            let next = follow_up(&message.body).and_then(|asked| {
                let id = asked.labels.request_id?;
                let this = |moment: &&mut Moment| moment.comes_before(&id, asked.checks.into());
                moments.iter_mut().rev().find(this)
            });
            if let Some(next) = next {
                next.note_next(due);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::arguments::Command;

    fn story(line: &str, request: &Value) -> Value {
        let command = Command::read(format!("--follow {line} e.json").split_whitespace().map(String::from));
        let Ok(Command::Follow(options, _)) = command else { panic!("{line}: {command:?}") };
        let event =
            json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": request.to_string()}]});
        let mut told = None;
        let event = Event { name: "e.json".into(), text: event.to_string() };
        let all = follow(&options, &[event], |story| {
            told = Some(serde_json::to_value(story)?);
            Ok(())
        });
        let (all, told) = (all.unwrap(), told.expect("a story"));
        assert_eq!(told["succeeded"], all);
        told
    }

    fn words(story: &Value) -> Vec<String> {
        let moments = story["moments"].as_array().into_iter().flatten();
        let word = |moment: &Value| match moment["type"].as_str()? {
            "check" => Some(format!("check {} {}", moment["check"], moment["states"][0][0].as_str()?)),
            "comesAgain" => Some("comes again".into()),
            "beyond" => Some(moment["operation"].as_str()?.to_owned()),
            _ => Some(moment["status"].as_str()?.to_owned()),
        };
        moments.filter_map(word).collect()
    }

    #[test]
    fn a_story_goes_from_the_outcome_to_the_confirmation() {
        let appflow =
            json!({"service": "appflow", "flowName": "orders", "executionIds": ["run-1"], "confirm": true});
        let swf = json!({"service": "swf", "domain": "billing", "workflowId": "invoice-2041", "confirm": true,
            "confirmWithinSeconds": 15});
        let terminated = json!({"service": "swf", "domain": "billing", "workflowId": "invoice-2041",
            "terminateAfterSeconds": 30});
        let deactivated = json!({"service": "appflow", "flowName": "orders", "deactivate": true});
        let cases = [
            ("", &appflow, vec!["ACCEPTED", "check 1 CANCELING", "check 2 CANCELED", "CONFIRMED"]),
            ("--settle 1", &appflow, vec!["ACCEPTED", "check 1 CANCELED", "CONFIRMED"]),
            ("--settle 1", &swf, vec!["ACCEPTED", "check 1 CANCELING", "STILL_RUNNING"]),
            (
                "--settle 1",
                &terminated,
                vec![
                    "ACCEPTED",
                    "check 1 CANCELING",
                    "check 2 CANCELING",
                    "TerminateWorkflowExecution",
                    "check 3 TERMINATED",
                    "FORCED",
                ],
            ),
            ("", &deactivated, vec!["StopFlow", "ACCEPTED"]),
            (
                "--settle 1 --fault sqs=error:6",
                &appflow,
                vec!["comes again", "ALREADY_CANCELED", "check 1 CANCELED", "CONFIRMED"],
            ),
        ];
        for (line, request, expected) in cases {
            assert_eq!(words(&story(line, request)), expected, "{line} {request}");
        }
    }

    #[test]
    fn a_sweep_goes_from_its_outcome_over_its_steps_to_the_summary() {
        let sweep =
            json!({"service": "swf", "domain": "billing", "select": {"all": true}, "maxExecutions": 5_000});
        let story = story("", &sweep);
        let moments = story["moments"].as_array().expect("moments");
        assert_eq!((&moments[0]["status"], &moments[0]["matched"]), (&json!("ACCEPTED"), &json!(3_003)));
        let steps = moments.iter().filter(|moment| moment["what"] == "step 1");
        assert_eq!(steps.count(), 1);
        let last = moments.last().expect("a moment");
        assert_eq!(
            (&last["what"], &last["percent"], &last["done"]),
            (&json!("COMPLETED"), &json!(100), &json!(3_003))
        );
        assert_eq!(story["succeeded"], true);
    }

    #[test]
    fn a_sweep_of_each_other_service_finds_a_crowd() {
        let machine = "arn:aws:states:us-east-1:111122223333:stateMachine:fulfillment";
        for (service, place, name, matched) in
            [("cloudflow", "flowName", "etl", 62), ("stepfunctions", "stateMachineArn", machine, 82)]
        {
            let sweep =
                json!({"service": service, place: name, "select": {"all": true}, "maxExecutions": 100});
            let story = story("", &sweep);
            let moments = story["moments"].as_array().expect("moments");
            let last = moments.last().expect("a moment");
            let expected = (&json!("COMPLETED"), &json!(matched), &json!(matched));
            assert_eq!((&last["what"], &last["matched"], &last["done"]), expected, "{service}");
        }
    }

    #[test]
    fn a_request_that_dies_is_no_success() {
        let request = json!({"service": "appflow", "flowName": "orders", "confirm": true});
        let story = story("--fault eventbridge=error:100000", &request);
        // The request, and the follow-up of each of its deliveries.
        let dead = 1 + MOST_RECEIVES;
        assert_eq!((&story["dead"], &story["succeeded"]), (&json!(dead), &json!(false)));
    }
}
