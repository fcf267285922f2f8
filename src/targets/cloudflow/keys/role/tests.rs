use super::*;

#[test]
fn a_session_is_named_for_its_request() {
    let long = "x".repeat(128);
    for (request_id, name) in [
        ("7f3e4c1a-2b5d-4c6f-9a8b-1c2d3e4f5a6b", "countermand-7f3e4c1a-2b5d-4c6f-9a8b-1c2d3e4f5a6b".into()),
        ("night@ops.example_1", "countermand-night@ops.example_1".into()),
        ("a/b:c+d%e,f=g~h", "countermand-abcdefgh".into()),
        ("", "countermand-".into()),
        (long.as_str(), format!("countermand-{}", "x".repeat(52))),
    ] {
        assert_eq!(session_name(request_id), name);
    }
}

#[test]
fn what_is_lent_is_whole_and_has_an_end() {
    let lent = |id: &str, token: &str, end: &str| {
        let [access_key_id, security_token, expiration] = [id, token, end].map(String::from);
        Lent { access_key_id, access_key_secret: "secret".into(), security_token, expiration }.fresh()
    };
    let end = UNIX_EPOCH + Duration::from_secs(1_763_600_000);
    assert_eq!(lent("id", "token", "2025-11-20T00:53:20Z").map(|(_, end)| end), Some(Some(end)));
    for (id, token, end) in [
        ("", "token", "2025-11-20T00:53:20Z"),
        ("id", "", "2025-11-20T00:53:20Z"),
        ("id", "to ken", "2025-11-20T00:53:20Z"),
        ("id", "token", ""),
        ("id", "token", "soon"),
    ] {
        assert!(lent(id, token, end).is_none(), "{id} {token} {end}");
    }
}

#[test]
fn a_role_that_is_not_lent_never_refuses_the_request() {
    let role = Role {
        arn: "acs:ram::1:role/r".into(),
        provider: String::new(),
        audience: String::new(),
        url: String::new(),
    };
    for (class, expected) in [
        (Class::Throttle, Class::Throttle),
        (Class::Retry, Class::Retry),
        (Class::RetryOnce, Class::RetryOnce),
        (Class::Expired, Class::Expired),
        (Class::Config, Class::Config),
        (Class::Terminal, Class::Config),
        (Class::NotFound, Class::Config),
        (Class::NotRunning, Class::Config),
        (Class::Unknown, Class::Config),
    ] {
        let told = not_lent(&role, "AWS", CallError::service(class, "Code", "message"));
        assert_eq!((told.class, told.code.as_str()), (expected, "Code"), "{class:?}");
        assert_eq!(told.message, "AWS gave no key for CloudFlow's role acs:ram::1:role/r: message");
    }
}

#[test]
fn the_codes_of_both_services_have_their_class() {
    crate::targets::tests::check_codes("alibaba_sts_oidc", classify);
    crate::targets::tests::check_codes("aws_sts_get_web_identity_token", |code| {
        classify_token(code).or_else(|| client::error::common(code))
    });
}
