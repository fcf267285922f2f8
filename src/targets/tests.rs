use serde_json::Value;

use super::*;
use crate::call_error::Answer;

/// Every code that `tests/facts/errors.json` lists for a service has the class given there.
pub fn check_codes(service: &str, classify: fn(&str) -> Option<Class>) {
    let document: Value = serde_json::from_str(include_str!("../../tests/facts/errors.json")).expect("JSON");
    let rows = document[service].as_array().expect("the service has rows");
    let mut checked = 0;
    for row in rows {
        // Rows in parentheses describe replies without a code.
        let Some(code) = row["code"].as_str().filter(|code| !code.starts_with('(')) else { continue };
        let expected = match (row["class"].as_str().expect("a row has a class"), row["max"].as_u64()) {
            ("throttle", _) => Class::Throttle,
            ("retry", Some(1)) => Class::RetryOnce,
            ("retry", _) => Class::Retry,
            ("not_found", _) => Class::NotFound,
            ("terminal", _) => Class::Terminal,
            ("config", _) => Class::Config,
            // Which of the two it is, a look-up would tell.
            ("already_done?", _) if service == "swf" => Class::NotFound,
            ("already_done?", _) => Class::NotRunning,
            (class, _) => panic!("{code} has an unknown class {class}"),
        };
        assert_eq!(classify(code), Some(expected), "{code}");
        checked += 1;
    }
    assert!(checked > 4, "{service} has codes");
}

#[test]
fn a_class_gives_the_status_that_the_contract_says() {
    for (class, status) in [
        (Class::Throttle, Status::Failed),
        (Class::Retry, Status::Failed),
        (Class::RetryOnce, Status::Failed),
        (Class::Unknown, Status::Failed),
        (Class::NotFound, Status::NotFound),
        (Class::NotRunning, Status::NotRunning),
        (Class::Terminal, Status::Rejected),
        (Class::Config, Status::Denied),
    ] {
        assert_eq!(status_of(class), status, "{class:?}");
    }
}

/// A service whose calls answer as scripted, one reply an attempt.
struct Scripted(std::cell::RefCell<Vec<Result<&'static str, CallError>>>);

impl Target for Scripted {
    type Cancellation = ();
    type Call = ();
    type Reply = ();

    fn calls(&self, (): &()) -> Vec<()> {
        vec![()]
    }

    async fn cancel(&self, (): &()) -> Result<Accepted<()>, CallError> {
        let reply = self.0.borrow_mut().remove(0);
        reply.map(|id| Accepted { reply: (), request_id: Some(id.into()) })
    }

    fn conclude(&self, (): &(), answers: Vec<Answered<Self>>) -> Conclusion {
        let error = answers.into_iter().find_map(|answer| answer.result.err());
        let status = error.as_ref().map_or(Status::Accepted, |error| status_of(error.class));
        Conclusion { status, taken: error.is_none(), result: None, error, remaining: None, unclear: None }
    }
}

#[tokio::test(start_paused = true)]
async fn the_effect_is_unknown_once_a_call_went_unanswered_and_none_was_taken() {
    let hung = || Err(CallError::timeout(std::time::Duration::from_secs(5)));
    let refused = || Err(CallError::own(Class::Retry, Answer::NotReached, "ConnectionFailed", "refused"));
    let fault = |class| Err(CallError::service(class, "Code", "message"));
    for (script, effect, attempts) in [
        (vec![Ok("a")], Effect::Requested, 1),
        (vec![hung(), Ok("a")], Effect::Requested, 2),
        (vec![hung(), fault(Class::Terminal)], Effect::Unknown, 2),
        (vec![refused(), fault(Class::Terminal)], Effect::None, 2),
        (vec![fault(Class::Terminal)], Effect::None, 1),
        (vec![Err(CallError::not_configured("no keys"))], Effect::None, 0),
    ] {
        let target = Scripted(script.clone().into());
        let until = Instant::now() + std::time::Duration::from_secs(60);
        let settlement = settle(&target, &(), &Retry::new(6, 1), until).await;
        assert_eq!((settlement.effect, settlement.attempts), (effect, attempts), "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_id_is_kept_in_the_order_of_the_attempts() {
    let mut throttled = CallError::service(Class::Throttle, "Code", "message");
    throttled.request_id = Some("first".into());
    let target = Scripted(vec![Err(throttled), Ok("second")].into());
    let until = Instant::now() + std::time::Duration::from_secs(60);
    let settlement = settle(&target, &(), &Retry::new(6, 1), until).await;
    assert_eq!(settlement.service_request_ids, ["first", "second"]);
}
