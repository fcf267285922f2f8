mod left_out;

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::call_error::Class;
use crate::vocabulary::Status;

/// One that has just begun.
pub fn invocation() -> Invocation {
    let now = std::time::SystemTime::now();
    Invocation::begin(now, now + Duration::from_secs(10), Duration::ZERO)
}

/// Every code that `tests/facts/errors.json` lists for a service has the class given there.
pub fn check_codes(service: &str, classify: fn(&str) -> Option<Class>) {
    let document: Value = serde_json::from_str(include_str!("../../tests/facts/errors.json")).expect("JSON");
    let rows = document[service].as_array();
    let rows =
        rows.unwrap_or_else(|| panic!("tests/facts/errors.json: expected rows of {service}, got none"));
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

/// What a service lacks, and where it goes.
fn lacking(service: &Service) -> Vec<String> {
    let (name, facts) = (service.name, include_str!("../../tests/facts/errors.json"));
    let facts: Value = serde_json::from_str(facts).expect("JSON");
    let mut lacks = Vec::new();
    if !facts[name].is_array() {
        lacks.push(format!("tests/facts/errors.json: expected rows of {name}"));
    }
    let operations: Vec<_> = service.operations().map(|operation| operation.own_name()).collect();
    let successes: Vec<_> = service.successes.iter().map(|(operation, _)| *operation).collect();
    let own = service.operations().map(|operation| operation.name).chain([service.key_form]);
    let own = own.filter(|text| !text.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ':'])));
    let mut lack = |what: String| lacks.push(format!("src/targets/{name}/mod.rs: expected {what}"));
    own.for_each(|text| lack(format!("{name} at the beginning of `{text}`")));
    for operation in operations.iter().filter(|operation| !successes.contains(operation)) {
        lack(format!("{operation} among the successes"));
    }
    for operation in successes.iter().filter(|operation| !operations.contains(operation)) {
        lack(format!("{operation} as `cancel` or among the `reads`"));
    }
    lacks
}

#[test]
fn no_service_lacks_anything() {
    let lacks: Vec<_> = SERVICES.iter().flat_map(|service| lacking(service)).collect();
    assert_eq!(lacks, Vec::<String>::new());
}

#[test]
fn each_folder_with_a_service_has_its_line_in_the_list() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/targets");
    let folders = std::fs::read_dir(folder).expect("the folder of services").flatten();
    let of_a_service = folders.filter(|folder| {
        let code = std::fs::read_to_string(folder.path().join("mod.rs")).unwrap_or_default();
        code.contains("static SERVICE: Service")
    });
    let found: BTreeSet<String> = of_a_service.map(|it| it.file_name().to_string_lossy().into()).collect();
    let listed = SERVICES.iter().map(|service| service.name.to_owned()).collect();
    assert_eq!(found, listed, "expected a line in SERVICES for each folder, by its name");
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
