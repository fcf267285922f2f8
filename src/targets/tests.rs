use serde_json::Value;

use super::*;
use crate::call_error::Class;
use crate::vocabulary::Status;

/// Every code that `tests/facts/errors.json` lists for a service has the class given there.
pub fn check_codes(service: &str, classify: fn(&str) -> Option<Class>) {
    let document: Value = serde_json::from_str(include_str!("../../tests/facts/errors.json")).expect("JSON");
    let rows = document[service].as_array().expect("the service has rows");
    let mut checked = 0;
    for row in rows {
        // Rows in parentheses describe replies without a code.
        let Some(code) = row["code"].as_str().filter(|code| !code.starts_with('(')) else { continue };
        // Expired credentials need a person too, unless others can be fetched.
        let expired = ["ExpiredToken", "ExpiredTokenException"].contains(&code);
        let once = row["then"] == "config";
        let expected = match (row["class"].as_str().expect("a row has a class"), once) {
            ("throttle", _) => Class::Throttle,
            // Whether the key can be fetched anew, its code does not say.
            ("retry", true) if code.contains("SecurityToken") => Class::Config,
            ("retry", true) => Class::RetryOnce,
            ("retry", _) => Class::Retry,
            ("not_found", _) => Class::NotFound,
            ("terminal", _) => Class::Terminal,
            ("config", _) if expired => Class::Expired,
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
        (Class::RetryOnce, Status::Denied),
        (Class::Unknown, Status::Failed),
        (Class::NotFound, Status::NotFound),
        (Class::NotRunning, Status::NotRunning),
        (Class::Terminal, Status::Rejected),
        (Class::Config, Status::Denied),
        (Class::Expired, Status::Denied),
        (Class::KeysRefused, Status::Denied),
        (Class::Deferred, Status::Deferred),
    ] {
        assert_eq!(status_of(class), status, "{class:?}");
    }
}
