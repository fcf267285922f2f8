use super::*;

#[test]
fn every_common_code_has_its_class() {
    crate::targets::tests::check_codes("aws_common", common);
    assert_eq!(common("Surprise"), None);
}

#[test]
fn the_codes_that_the_sdk_takes_for_throttling_are_throttling() {
    let document: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/facts/errors.json")).expect("JSON");
    for (list, class) in
        [("aws_rust_sdk_throttling_codes", Class::Throttle), ("aws_rust_sdk_transient_codes", Class::Retry)]
    {
        for code in document[list].as_array().expect("a list of codes") {
            assert_eq!(common(code.as_str().unwrap_or_default()), Some(class), "{code}");
        }
    }
}

fn headers(pairs: &[(&'static str, &'static str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in pairs {
        headers.insert(*name, *value);
    }
    headers
}

#[test]
fn an_error_that_cannot_be_read_is_classed_by_its_status_alone() {
    for (status, class) in [
        (429, Class::Throttle),
        (500, Class::Retry),
        (502, Class::Retry),
        (599, Class::Retry),
        (401, Class::Config),
        (403, Class::Config),
        (400, Class::Unknown),
        (404, Class::Unknown),
        (302, Class::Unknown),
    ] {
        let error = by_status(status, "");
        assert_eq!((error.class, error.code), (class, format!("HTTP{status}")));
    }
}

#[test]
fn the_longest_wait_that_a_reply_asks_for_counts() {
    for (pairs, expected) in [
        (&[][..], None),
        (&[("x-amz-retry-after", "250")], Some(250)),
        (&[("x-acs-retry-after", "1500")], Some(1_500)),
        (&[("retry-after", "2")], Some(2_000)),
        (&[("retry-after", " 2 "), ("x-amz-retry-after", "2500")], Some(2_500)),
        (&[("x-amz-retry-after", "99999999999999999999")], Some(u64::MAX)),
        (&[("retry-after", "soon")], None),
        (&[("retry-after", "Fri, 27 Nov 2026 12:02:00 GMT")], None),
        (
            &[("retry-after", "Fri, 27 Nov 2026 12:02:00 GMT"), ("date", "Fri, 27 Nov 2026 12:00:30 GMT")],
            Some(90_000),
        ),
        (
            &[("retry-after", "Fri, 27 Nov 2026 12:00:00 GMT"), ("date", "Fri, 27 Nov 2026 12:00:30 GMT")],
            None,
        ),
        (&[("retry-after", "-1")], None),
    ] {
        let expected = expected.map(Duration::from_millis);
        assert_eq!(retry_after(&headers(pairs)), expected, "{pairs:?}");
    }
}

/// What becomes of an error that a service reports so.
fn refused(code: &str, message: &str) -> CallError {
    refusal(403, &headers(&[]), told(code, message), common, Class::Expired)
}

fn told(code: &str, message: &str) -> Told {
    Told { code: Some(code.into()), message: Some(message.into()), request_id: None }
}

#[test]
fn a_message_that_repeats_what_was_signed_is_withheld_whatever_its_code() {
    for (code, message, withheld) in [
        ("InvalidSignatureException", "The Canonical String should have been", true),
        ("SignatureVersionNotSupported", "got this", true),
        ("InvalidAccessKeyId", "got this", true),
        ("InvalidSecurityToken.Surprise", "got this", true),
        ("AccessDenied", "got 'X-Amz-Security-Token:IQoJb3Jp'", true),
        ("AccessDenied", "got 'x-amz-security-token:IQoJb3Jp'", true),
        ("AccessDenied", "not authorized to perform this", false),
    ] {
        let error = refused(code, message);
        assert_eq!(error.message != message, withheld, "{code}: {message}");
    }
}

#[test]
fn a_refused_signature_time_is_told_from_a_refused_signature() {
    let expired = "Signature expired: 20261127T115500Z is now earlier than 20261127T115959Z (20261127T120459Z - 5 min.)";
    let early = "Signature not yet current: 20261127T120500Z is still later than 20261127T115500Z";
    for (code, message, class) in [
        ("InvalidSignatureException", expired, Class::RetryOnce),
        ("InvalidSignatureException", early, Class::RetryOnce),
        ("SignatureDoesNotMatch", expired, Class::RetryOnce),
        ("AccessDeniedException", early, Class::RetryOnce),
        ("RequestInTheFuture", "The request is in the future", Class::RetryOnce),
        ("InvalidSignatureException", "It does not match: signature expired", Class::Config),
        ("InvalidSignatureException", "The signature does not match.\nsignature expired", Class::Config),
        ("AccessDenied", "The session has expired", Class::Config),
    ] {
        let error = refused(code, message);
        assert_eq!(error.class, class, "{code}: {message}");
        assert_eq!(
            error.message == message,
            class == Class::RetryOnce || code == "AccessDenied",
            "{code}: {message}"
        );
    }
    let repeating =
        refused("InvalidSignatureException", &format!("{expired}\nX-Amz-Security-Token:IQoJb3Jp"));
    assert_eq!(repeating.message, expired);
}

#[test]
fn a_code_decides_before_the_status_but_for_429() {
    let known = |code: &str| (code == "Known").then_some(Class::Terminal);
    for (status, code, class) in [
        (400, "Known", Class::Terminal),
        (503, "Known", Class::Terminal),
        (429, "Known", Class::Throttle),
        (429, "Surprise", Class::Throttle),
        (429, "InvalidSignature", Class::Throttle),
        (400, "Surprise", Class::Unknown),
        (200, "Surprise", Class::Unknown),
        (500, "Surprise", Class::Retry),
        (403, "SignatureSurprise", Class::Config),
        (500, "SurpriseAccessKey.Gone", Class::Config),
        (404, "SecurityTokenSurprise", Class::Config),
    ] {
        let error = refusal(status, &headers(&[]), told(code, "m"), known, Class::Config);
        assert_eq!((error.class, error.code.as_str()), (class, code), "{status}");
    }
}

#[test]
fn a_reply_without_a_code_is_an_unreadable_success_or_its_status() {
    let told = || Told { message: Some("m".into()), ..Told::default() };
    let error = refusal(200, &headers(&[]), told(), common, Class::Expired);
    assert_eq!((error.code.as_str(), error.answer), (CallError::UNREADABLE, Answer::Missing));
    let error = refusal(502, &headers(&[("x-amzn-requestid", "r")]), told(), common, Class::Expired);
    assert_eq!((error.code.as_str(), error.message.as_str()), ("HTTP502", "m"));
    assert_eq!(error.request_id.as_deref(), Some("r"));
}
