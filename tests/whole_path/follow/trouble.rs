//! What is promised and told where messages are not sent, look-ups fail, or the process dies. A promise that
//! cannot be kept must not be made; one that was made is kept by the next delivery.

use countermand_simulator::{Fault, FaultKind, Operation};
use serde_json::{Value, json};

use super::stage::{DEAD, Kill, Stage, followed, play, world};
use crate::services::SERVICES;

/// Ways in which the follow-up queue is down for a while.
fn outages() -> Vec<Fault> {
    let error = |status: u16, code: &str| FaultKind::Error {
        status,
        code: code.into(),
        message: None,
        headers: [].into(),
    };
    let entries = |code: &str| FaultKind::FailEntries { entries: vec![0], code: code.into(), message: None };
    let sends = |kind, times| Fault::new(Operation::SEND_MESSAGE_BATCH, kind).times(times);
    vec![
        sends(error(500, "InternalFailure"), 15),
        sends(error(503, "ServiceUnavailable"), 8),
        sends(error(400, "AWS.SimpleQueueService.NonExistentQueue"), 2),
        sends(error(403, "AccessDenied"), 2),
        sends(FaultKind::Throttle { retry_after_ms: None }, 8),
        sends(FaultKind::Drop {}, 14),
        sends(FaultKind::Hang {}, 3),
        sends(FaultKind::LoseReply {}, 3),
        sends(FaultKind::WithholdReply {}, 3),
        sends(entries("InternalFailure"), 14),
        sends(entries("InvalidMessageContents"), 2),
    ]
}

pub fn nothing_is_promised_before() {
    for service in SERVICES {
        for outage in outages() {
            play(7, async || {
                let stage = Stage::new(world(40), &[]);
                let name = format!("{:?}", outage.kind);
                stage.simulator.script(outage);
                stage.send(&followed(service, 600));
                stage.run().await;
                assert_kept(&stage, &name);
                assert!(!stage.confirmations().is_empty(), "{name}: expected a promise, and that it is kept");
            });
        }
    }
}

pub fn promises_nothing_that_it_cannot_keep() {
    for service in SERVICES {
        play(7, async || {
            let stage = Stage::new(world(40), &[]);
            let down = FaultKind::Drop {};
            stage.simulator.script(Fault::new(Operation::SEND_MESSAGE_BATCH, down).times(1_000));
            stage.send(&followed(service, 600));
            stage.run().await;
            let told = stage.told();
            assert_eq!(told.len(), 1, "expected a last word alone, got {told:#?}");
            assert_eq!(
                (&told[0]["type"], told[0].get("confirmation")),
                (&json!("CancellationOutcome"), None)
            );
        });
    }
}

/// No promise comes before its follow-up, and each is kept.
fn assert_kept(stage: &Stage, name: &str) {
    let told = stage.told();
    let is = |told: &Value, kind: &str, id: &Value| told["type"] == kind && told["requestId"] == *id;
    for (place, promise) in told.iter().enumerate().filter(|(_, told)| told["confirmation"] == "PENDING") {
        let id = &promise["requestId"];
        let sent = told[..place].iter().any(|it| is(it, "CancellationFollowUp", id));
        assert!(sent, "{name}: expected a follow-up before {promise}");
        let kept = told[place..].iter().any(|it| is(it, "CancellationConfirmation", id));
        let dead = stage.simulator.messages(DEAD);
        let dead = dead.iter().filter_map(|message| serde_json::from_str(&message.body).ok());
        let dead = dead.into_iter().any(|message: Value| is(&message, "CancellationFollowUp", id));
        assert!(kept || dead, "{name}: expected a confirmation or a dead follow-up of {promise}");
    }
}

pub fn confirms_though_the_process_dies() {
    for service in SERVICES {
        // A process that dies once the cancel, the follow-up or the outcome is out, and before it answers.
        for done in 1..=3 {
            play(7, async || {
                let stage = Stage::new(world(100), &[]);
                // It never hears of the last one, and so cannot answer before it dies.
                let last = [service.cancel, Operation::SEND_MESSAGE_BATCH, Operation::PUT_EVENTS][done - 1];
                stage.simulator.script(Fault::new(last, FaultKind::WithholdReply {}));
                stage.send(&followed(service, 3_600));
                let mut deaths = vec![Kill::Calls(done)];
                stage.run_killing(|_| deaths.pop()).await;
                assert_kept(&stage, &format!("after {done} calls"));
                let outcomes = stage.of_type("CancellationOutcome");
                let last = outcomes.last().expect("an outcome");
                assert_eq!(last["confirmation"], "PENDING", "{last}");
                let confirmations = stage.confirmations();
                assert_eq!(confirmations.len(), if done == 1 { 1 } else { 2 }, "{done}: {confirmations:#?}");
                assert!(confirmations.iter().all(|it| it["status"] == "CONFIRMED"), "{confirmations:#?}");
            });
        }
    }
}

pub fn looks_again() {
    for service in SERVICES {
        let error = |status, code: &str| FaultKind::Error {
            status,
            code: code.into(),
            message: None,
            headers: [].into(),
        };
        let kinds = [
            (error(403, "AccessDeniedException"), 1),
            (error(500, "InternalFailure"), 6),
            (FaultKind::Hang {}, 6),
            (FaultKind::Drop {}, 6),
        ];
        for (kind, times) in kinds {
            play(7, async || {
                let stage = Stage::new(world(5), &[]);
                let name = format!("{kind:?}");
                stage.simulator.script(Fault::new(service.look_up, kind).times(times));
                stage.send(&followed(service, 600));
                stage.run().await;
                let confirmation = stage.confirmation();
                let told = (&confirmation["status"], &confirmation["checks"]);
                assert_eq!(told, (&json!("CONFIRMED"), &json!(2)), "{name}: {confirmation}");
            });
        }
    }
}
