use super::*;

fn keys(id: &str, secret: &str, token: Option<&str>) -> Keys {
    Keys { id: id.into(), secret: secret.into(), token: token.map(String::from) }
}

#[test]
fn a_secret_holds_keys_and_perhaps_more() {
    for (text, token) in [
        (r#"{"accessKeyId": "the-id", "accessKeySecret": "the-secret"}"#, None),
        (r#" {"accessKeySecret": "the-secret", "accessKeyId": "the-id", "note": ["1"]} "#, None),
        (r#"{"accessKeyId": "the-id", "accessKeySecret": "the-secret", "securityToken": null}"#, None),
        (r#"{"accessKeyId": "the-id", "accessKeySecret": "the-secret", "securityToken": ""}"#, None),
        (
            r#"{"accessKeyId": "the-id", "accessKeySecret": "the-secret", "securityToken": "t/+="}"#,
            Some("t/+="),
        ),
    ] {
        assert_eq!(Keys::of_secret(text), Ok(keys("the-id", "the-secret", token)), "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_secret_is_told_without_any_part_of_it() {
    for (text, got) in [
        ("", "a text that is not JSON"),
        ("hidden", "a text that is not JSON"),
        (r#"{"accessKeyId": "hidden", "#, "a text that is not JSON"),
        (r#""hidden""#, "JSON that is no object"),
        (r#"["hidden"]"#, "JSON that is no object"),
        (r#"{"hidden": "hidden"}"#, "no accessKeyId"),
        (r#"{"accessKeyId": "", "accessKeySecret": "hidden"}"#, "no accessKeyId"),
        (r#"{"AccessKeyId": "hidden", "accessKeySecret": "hidden"}"#, "no accessKeyId"),
        (r#"{"accessKeyId": "hidden"}"#, "no accessKeySecret"),
        (r#"{"accessKeyId": "hidden", "accessKeySecret": null}"#, "no accessKeySecret"),
        (r#"{"accessKeyId": ["hidden"], "accessKeySecret": "hidden"}"#, "another type of accessKeyId"),
        (
            r#"{"accessKeyId": "hidden", "accessKeySecret": "hidden\n"}"#,
            "blanks or other than printable ASCII in accessKeySecret",
        ),
        (
            r#"{"accessKeyId": "hidden", "accessKeySecret": "hidden", "securityToken": 7}"#,
            "another type of securityToken",
        ),
    ] {
        let wrong = Keys::of_secret(text).unwrap_err();
        assert_eq!(wrong, format!("expected {FORM}, got {got}"), "{text}");
        assert!(!wrong.contains("hidden"), "{text}");
    }
}

#[test]
fn only_the_arn_of_a_secret_is_one() {
    for (arn, region) in [
        ("arn:aws:secretsmanager:us-east-1:111122223333:secret:cloudflow-a1B2c3", "us-east-1"),
        ("arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/cloud_flow+=.@-x-a1B2c3", "eu-west-1"),
        ("arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:cloudflow-a1B2c3", "cn-north-1"),
    ] {
        let expected = KeySource::Secret { arn: arn.into(), region: region.into() };
        assert_eq!(KeySource::secret(arn), Ok(expected));
    }
    for arn in [
        "cloudflow",
        "arn:aws:secretsmanager:us-east-1:111122223333:cloudflow-a1B2c3",
        "arn:aws:secretsmanager:us-east-1:111122223333:secret:",
        "arn:aws:secretsmanager:us-east-1:111122223333:secret:cloud flow",
        "arn:aws:secretsmanager:us-east-1:111122223333:secret:cloudflow-a1B2c3:accessKeyId::",
        "arn:aws:secretsmanager:us-east-1:11112222333:secret:cloudflow-a1B2c3",
        "arn:aws:secretsmanager::111122223333:secret:cloudflow-a1B2c3",
        "arn:aws:ssm:us-east-1:111122223333:secret:cloudflow-a1B2c3",
        "arn:azure:secretsmanager:us-east-1:111122223333:secret:cloudflow-a1B2c3",
    ] {
        assert_eq!(KeySource::secret(arn), Err("the ARN of a secret of Secrets Manager".into()), "{arn}");
    }
}

#[test]
fn a_secret_that_cannot_be_used_never_refuses_the_request() {
    for (class, expected, code) in [
        (Class::Throttle, Class::Throttle, "Code"),
        (Class::Retry, Class::Retry, "Code"),
        (Class::RetryOnce, Class::RetryOnce, "Code"),
        (Class::Unknown, Class::Unknown, "Code"),
        (Class::Expired, Class::Expired, "NotConfigured"),
        (Class::Config, Class::Config, "NotConfigured"),
        (Class::NotFound, Class::Config, "NotConfigured"),
        (Class::Terminal, Class::Config, "NotConfigured"),
    ] {
        let told = unavailable(CallError::service(class, "Code", "message"));
        assert_eq!((told.class, told.code.as_str()), (expected, code), "{class:?}");
        assert_eq!(told.message, "the secret with CloudFlow's keys cannot be used: Code: message");
    }
}

#[test]
fn the_codes_of_secrets_manager_have_their_class() {
    assert_eq!(classify("InternalServiceError"), Some(Class::Retry));
    assert_eq!(classify("ResourceNotFoundException"), Some(Class::Config));
    assert_eq!(classify("Surprise"), None);
}
