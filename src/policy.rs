//! What a deployment allows, however well-formed the request.
//!
//! SWF's permissions can be limited to a domain and CloudFlow's to nothing, so this is the guard. It
//! judges a valid request by its target's key, by whether it means all active runs or asks for more than a
//! cancel, and by its age, before any call is made. It knows nothing of sources and makes no calls.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::fields::violation::{Code, Violation, quote};
use crate::targets::{Cancellation, Service};
use crate::timestamp::Timestamp;

/// What is allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// A target's key must match one of these.
    pub allowed_targets: Vec<Pattern>,
    pub cancel_all: CancelAll,
    /// The services of which more than a cancel may be asked.
    pub beyond: Vec<&'static Service>,
    /// The greatest age of a request; no limit without it.
    pub max_age: Option<Duration>,
}

/// Whether an AppFlow request may mean every active run of its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAll {
    Allow,
    /// Only where the request says so by its `scope`.
    Explicit,
    Deny,
}

/// A pattern over a whole key, in which `*` stands for any run of characters.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(String);

impl Policy {
    /// Every rule of the deployment that a request breaks. `requested_at` is never after `now`.
    pub fn check(
        &self,
        cancellation: &dyn Cancellation,
        requested_at: Timestamp,
        now: Timestamp,
    ) -> Vec<Violation> {
        let checks = [
            self.check_target(cancellation),
            self.check_cancel_all(cancellation),
            self.check_beyond(cancellation),
            self.check_age(requested_at, now),
        ];
        checks.into_iter().flatten().collect()
    }

    /// Whether any target of a service may be allowed.
    pub fn may_allow(&self, service: &Service) -> bool {
        self.allowed_targets.iter().any(|pattern| pattern.can_match(service))
    }

    /// What forbids a request whatever its age, as the deployment stands.
    pub fn check_standing(&self, cancellation: &dyn Cancellation) -> Option<Violation> {
        let target = self.check_target(cancellation);
        let cancel_all = || self.check_cancel_all(cancellation);
        target.or_else(cancel_all).or_else(|| self.check_beyond(cancellation))
    }

    /// The `*` of a sweep's key is a character of which patterns know nothing, so that one matches only by a `*`
    /// of its own, which allows whatever stands there.
    fn check_target(&self, cancellation: &dyn Cancellation) -> Option<Violation> {
        let key = &cancellation.key();
        let allowed = self.allowed_targets.iter().any(|pattern| pattern.matches(key));
        let message = match cancellation.sweep() {
            None => format!("expected a target that COUNTERMAND_ALLOWED_TARGETS names, got {}", quote(key)),
            Some(_) => format!(
                "expected a target of which a pattern of COUNTERMAND_ALLOWED_TARGETS allows all, as {0} \
                 would, got {0}",
                quote(key)
            ),
        };
        (!allowed).then(|| violation("$", Code::TargetNotAllowed, message))
    }

    fn check_cancel_all(&self, cancellation: &dyn Cancellation) -> Option<Violation> {
        let in_words = cancellation.all_active_in_words()?;
        if cancellation.sweep().is_some() {
            let message = "expected what names one execution, as COUNTERMAND_CANCEL_ALL demands, got a sweep";
            let refused = self.cancel_all == CancelAll::Deny;
            return refused.then(|| violation("select", Code::CancelAllNotAllowed, message.into()));
        }
        let (expected, got) = match self.cancel_all {
            CancelAll::Allow => return None,
            CancelAll::Explicit if in_words => return None,
            CancelAll::Explicit => ("ids, or scope with ALL_ACTIVE", "neither"),
            CancelAll::Deny => ("ids", "none"),
        };
        let message = format!("expected {expected}, as COUNTERMAND_CANCEL_ALL demands, got {got}");
        Some(violation("executionIds", Code::CancelAllNotAllowed, message))
    }

    fn check_beyond(&self, cancellation: &dyn Cancellation) -> Option<Violation> {
        let service = cancellation.service();
        let beyond = service.beyond.filter(|_| cancellation.goes_beyond())?;
        let message = format!("expected no such field, as {} does not allow it", beyond.variable);
        let allowed = self.beyond.contains(&service);
        (!allowed).then(|| violation(beyond.field, beyond.refused, message))
    }

    fn check_age(&self, requested_at: Timestamp, now: Timestamp) -> Option<Violation> {
        let most = self.max_age?;
        let millis = now.millis_since(requested_at);
        // Rounded up: a part of a second too old must not read as just right.
        let (age, limit) = (millis.div_ceil(1_000), most.as_secs());
        let message = format!(
            "expected an age of at most {limit} s, as COUNTERMAND_MAX_REQUEST_AGE_SECONDS demands, got {age} s"
        );
        (Duration::from_millis(millis) > most).then(|| violation("requestedAt", Code::TooOld, message))
    }
}

fn violation(path: &str, code: Code, message: String) -> Violation {
    Violation { path: path.into(), code, message }
}

impl Pattern {
    /// A pattern; `None` where it is empty and could match nothing.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// Whether a target of a service can have a key that fits.
    pub fn can_match(&self, service: &Service) -> bool {
        let mut left = BTreeSet::from([self.0.as_str()]);
        for character in service.name.chars().chain([':']) {
            left = left.into_iter().flat_map(|left| after(left, character)).collect();
        }
        // A star can stand for anything, so also for a part of a name, or for the end of one and the beginning of
        // the next.
        let names = left.into_iter().flat_map(|left| [left.to_owned(), left.replacen('*', "a/a", 1)]);
        names.into_iter().any(|name| (service.is_valid_name)(&name.replace('*', "a")))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole of a key fits.
    fn matches(&self, key: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = key.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        // What stands between two stars is best taken where it comes first: that leaves the most.
        for part in parts {
            match rest.find(part) {
                Some(start) => rest = &rest[start + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

/// What can be left of a pattern after a character.
fn after(pattern: &str, character: char) -> Vec<&str> {
    let stars = pattern.len() - pattern.trim_start_matches('*').len();
    let behind = pattern[stars..].strip_prefix(character);
    let star = (stars > 0).then_some(&pattern[stars.max(1) - 1..]);
    behind.into_iter().chain(star).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::request::{Reading, read};
    use crate::targets::{Service, appflow, cloudflow, swf};

    fn cancellation(request: &str) -> Arc<dyn Cancellation> {
        match read(request, Default::default()) {
            Reading::Request(request) => request.cancellation,
            other => panic!("expected a valid request, got {other:?}"),
        }
    }

    fn policy(allowed: &[&str], cancel_all: CancelAll, max_age: Option<u64>) -> Policy {
        Policy {
            allowed_targets: allowed.iter().filter_map(|text| Pattern::new(text)).collect(),
            cancel_all,
            beyond: Vec::new(),
            max_age: max_age.map(Duration::from_secs),
        }
    }

    fn codes(policy: &Policy, request: &str, age_ms: u64) -> Vec<(String, Code)> {
        let asked = Timestamp::from_millis(1_700_000_000_000).expect("a time");
        let now = asked.plus(Duration::from_millis(age_ms));
        let violations = policy.check(cancellation(request).as_ref(), asked, now);
        violations.into_iter().map(|violation| (violation.path, violation.code)).collect()
    }

    const THREE: [&Service; 3] = [&appflow::SERVICE, &swf::SERVICE, &cloudflow::SERVICE];
    const ALL: &str = r#"{"service": "appflow", "flowName": "orders"}"#;
    const ALL_IN_WORDS: &str = r#"{"service": "appflow", "flowName": "orders", "scope": "ALL_ACTIVE"}"#;
    const ONE: &str = r#"{"service": "appflow", "flowName": "orders", "executionIds": ["a"]}"#;
    const WORKFLOW: &str = r#"{"service": "swf", "domain": "billing", "workflowId": "w"}"#;
    const EXECUTION: &str = r#"{"service": "cloudflow", "flowName": "etl", "executionName": "e"}"#;

    #[test]
    fn a_service_may_be_reached_where_a_pattern_leaves_room_for_its_keys() {
        let [appflow, swf, cloudflow] = THREE;
        for (patterns, service, may) in [
            (&["*"][..], swf, true),
            (&["appflow:orders"], appflow, true),
            (&["appflow:orders"], swf, false),
            (&["appflow:orders", "swf:*"], swf, true),
            (&["app*"], appflow, true),
            (&["app"], appflow, false),
            (&["app*"], swf, false),
            (&["*:orders"], cloudflow, true),
            (&["appflow"], appflow, false),
        ] {
            let policy = policy(patterns, CancelAll::Allow, None);
            assert_eq!(policy.may_allow(service), may, "{patterns:?} {service:?}");
        }
    }

    #[test]
    fn a_pattern_can_match_what_a_target_can_be_called() {
        let matched = |pattern: &str| {
            let pattern = Pattern::new(pattern).expect("not empty");
            THREE.map(|service| pattern.can_match(service))
        };
        let (appflow, swf, cloudflow) = ([true, false, false], [false, true, false], [false, false, true]);
        for (pattern, services) in [
            ("*", [true; 3]),
            ("***", [true; 3]),
            ("*:*", [true; 3]),
            ("*flow:*", [true, false, true]),
            ("*orders", [true; 3]),
            ("*:orders", [true, false, true]),
            ("*/orders", swf),
            ("a*s", appflow),
            ("appflow:orders", appflow),
            ("appflow:*", appflow),
            ("appflow:*-eu*", appflow),
            ("appflow*", appflow),
            ("*w:e*", [true, false, true]),
            ("swf:*", swf),
            ("swf:billing*", swf),
            ("swf:billing/*", swf),
            ("swf:*/*", swf),
            ("swf:billing/invoice 1", swf),
            ("swf:é/日本 *", swf),
            ("cloudflow:_etl", cloudflow),
            ("*w:*:*", [false; 3]),
        ] {
            assert_eq!(matched(pattern), services, "{pattern}");
        }
        for pattern in [
            "orders",
            "appflow",
            "appflow:",
            "AppFlow:orders",
            "appflow.orders",
            "appflow/orders",
            "appflow:orders/run-1",
            "appflow:my orders",
            "appflow:-*",
            "appflow:ordérs",
            "sfn:*",
            "flow:*",
            ":orders",
            "*:",
            "swf:billing",
            "swf:/x",
            "swf:billing/",
            "swf:a/b/c",
            "swf:a:b/*",
            "swf:arn/*",
            "swf:billing /*",
            "cloudflow:etl/*",
            "cloudflow:9*",
            "cloudflow:etl.*",
            "arn:aws:appflow:*",
            "appflow:orders;swf:*",
            "billing/*",
            "*:*:*",
        ] {
            assert_eq!(matched(pattern), [false; 3], "{pattern}");
        }
    }

    #[test]
    fn a_pattern_matches_whole_keys_only() {
        for (pattern, key, matches) in [
            ("*", "appflow:orders", true),
            ("**", "", true),
            ("appflow:orders", "appflow:orders", true),
            ("appflow:orders", "appflow:orders2", false),
            ("appflow:orders", "xappflow:orders", false),
            ("appflow:*", "appflow:orders", true),
            ("appflow:*", "swf:appflow:x", false),
            ("*:orders", "appflow:orders", true),
            ("*:orders", "appflow:orders-2", false),
            ("swf:*/invoice-*", "swf:billing/invoice-1", true),
            ("swf:*/invoice-*", "swf:billing/receipt-1", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "axbxbxc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("ab*ba", "aba", false),
            ("é*", "éa", true),
            ("a?c", "abc", false),
            ("a.c", "abc", false),
        ] {
            let pattern = Pattern::new(pattern).expect("not empty");
            assert_eq!(pattern.matches(key), matches, "{pattern:?} {key}");
        }
        assert_eq!(Pattern::new(""), None);
    }

    #[test]
    fn a_target_outside_the_allowed_ones_is_refused() {
        let policy = policy(&["appflow:stock", "swf:billing/*"], CancelAll::Allow, None);
        for (request, allowed) in [(ONE, false), (WORKFLOW, true), (EXECUTION, false)] {
            let expected = if allowed { vec![] } else { vec![("$".to_owned(), Code::TargetNotAllowed)] };
            assert_eq!(codes(&policy, request, 0), expected, "{request}");
        }
    }

    #[test]
    fn all_active_runs_are_meant_only_as_far_as_is_allowed() {
        for (cancel_all, allowed) in [
            (CancelAll::Allow, [true, true, true, true]),
            (CancelAll::Explicit, [false, true, true, true]),
            (CancelAll::Deny, [false, false, true, true]),
        ] {
            for (request, allowed) in [ALL, ALL_IN_WORDS, ONE, WORKFLOW].into_iter().zip(allowed) {
                let path = ("executionIds".to_owned(), Code::CancelAllNotAllowed);
                let expected = if allowed { vec![] } else { vec![path] };
                assert_eq!(codes(&policy(&["*"], cancel_all, None), request, 0), expected, "{request}");
            }
        }
    }

    #[test]
    fn a_request_older_than_the_limit_is_refused() {
        let limited = policy(&["*"], CancelAll::Allow, Some(60));
        assert_eq!(codes(&limited, ONE, 60_000), []);
        assert_eq!(codes(&limited, ONE, 60_001), [("requestedAt".to_owned(), Code::TooOld)]);
        assert_eq!(codes(&policy(&["*"], CancelAll::Allow, None), ONE, u64::from(u32::MAX)), []);
    }

    #[test]
    fn a_requests_own_earlier_time_counts_for_its_age() {
        let time = |text| Timestamp::parse(text).expect("a time");
        let (sent, now) = (time("2026-01-02T03:04:00.000Z"), time("2026-01-02T03:05:00.000Z"));
        let limited = policy(&["*"], CancelAll::Allow, Some(60));
        for (own, allowed) in [
            ("2026-01-02T03:03:59.999Z", false),
            ("2026-01-02T03:03:59Z", false),
            ("2026-01-02T03:04:00.000Z", true),
            // A later one makes no request younger than its envelope.
            ("2026-01-02T03:04:59.000Z", true),
        ] {
            let request =
                format!(r#"{{"service": "swf", "domain": "d", "workflowId": "w", "requestedAt": "{own}"}}"#);
            let Reading::Request(request) = read(&request, Default::default()) else { panic!("{request}") };
            let requested_at = request.labels.counted_from(sent.into()).ends();
            assert!(requested_at <= sent, "{own}");
            let violations = limited.check(request.cancellation.as_ref(), requested_at, now);
            assert_eq!(violations.is_empty(), allowed, "{own}");
        }
    }

    #[test]
    fn everything_that_is_not_allowed_is_told_at_once() {
        let asked = Timestamp::from_millis(1_700_000_000_000).expect("a time");
        let now = asked.plus(Duration::from_millis(1_001));
        let said = |cancel_all| {
            let strict = policy(&["swf:*"], cancel_all, Some(1));
            let violations = strict.check(cancellation(ALL).as_ref(), asked, now);
            violations.into_iter().map(|violation| violation.message).collect::<Vec<_>>()
        };
        let target = "expected a target that COUNTERMAND_ALLOWED_TARGETS names, got `appflow:orders`";
        let age = "expected an age of at most 1 s, as COUNTERMAND_MAX_REQUEST_AGE_SECONDS demands, got 2 s";
        for (cancel_all, message) in [
            (CancelAll::Deny, "expected ids, as COUNTERMAND_CANCEL_ALL demands, got none"),
            (
                CancelAll::Explicit,
                "expected ids, or scope with ALL_ACTIVE, as COUNTERMAND_CANCEL_ALL demands, got neither",
            ),
        ] {
            assert_eq!(said(cancel_all), [target, message, age]);
        }
    }
}
