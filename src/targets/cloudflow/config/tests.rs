use super::*;

/// What CloudFlow is called with, or all that is wrong with its variables.
fn read(variables: &[(&str, &str)]) -> Result<Result<Endpoint, String>, Vec<String>> {
    read_instead(variables, None)
}

fn read_instead(
    variables: &[(&str, &str)],
    placeholder: Option<&str>,
) -> Result<Result<Endpoint, String>, Vec<String>> {
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let mut variables = Variables::new(variables);
    let endpoint = endpoint(&mut variables, placeholder);
    if variables.problems.is_empty() { Ok(endpoint) } else { Err(variables.problems) }
}

/// The one thing that is wrong.
fn problem(variables: &[(&str, &str)]) -> String {
    match read(variables).map_err(<[String; 1]>::try_from) {
        Err(Ok([problem])) => problem,
        other => panic!("{variables:?}: {other:?}"),
    }
}

const ENDPOINT: &str = "COUNTERMAND_CLOUDFLOW_ENDPOINT_URL";

const CLOUDFLOW: [(&str, &str); 3] = [
    ("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou"),
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "the-id"),
    ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "the-secret"),
];

fn cloudflow_with(more: &[(&str, &str)]) -> Endpoint {
    read(&[&CLOUDFLOW, more].concat()).unwrap().unwrap()
}

/// The keys of `CLOUDFLOW`.
fn given(token: Option<&str>) -> KeySource {
    let token = token.map(String::from);
    KeySource::Given(Keys { id: "the-id".into(), secret: "the-secret".into(), token })
}

#[test]
fn an_empty_token_counts_as_none_and_another_is_a_part_of_the_key() {
    for (value, token) in [("", None), ("token", Some("token"))] {
        assert_eq!(cloudflow_with(&[("ALIBABA_CLOUD_SECURITY_TOKEN", value)]).keys, given(token));
    }
}

#[test]
fn a_placeholder_is_called_in_place_of_the_region_and_not_of_an_endpoint() {
    let called = |more: &[(&str, &str)]| {
        read_instead(&[&CLOUDFLOW, more].concat(), Some("http://nowhere.invalid")).unwrap().unwrap().url
    };
    assert_eq!(called(&[]), "http://nowhere.invalid");
    assert_eq!(called(&[(ENDPOINT, "http://127.0.0.1:4180")]), "http://127.0.0.1:4180");
}

#[test]
fn cloudflow_is_called_in_its_region_or_where_the_endpoint_is() {
    for (more, url) in [
        (&[][..], "https://cn-hangzhou.fnf.aliyuncs.com"),
        (&[("ALIBABA_CLOUD_REGION_ID", "ap-southeast-1")], "https://ap-southeast-1.fnf.aliyuncs.com"),
        (&[(ENDPOINT, "http://127.0.0.1:8080")], "http://127.0.0.1:8080"),
        (&[(ENDPOINT, "https://fnf.example.com/")], "https://fnf.example.com"),
        (&[(ENDPOINT, "HTTPS://fnf.example.com:443")], "https://fnf.example.com:443"),
        (&[(ENDPOINT, "http://[::1]:80/")], "http://[::1]:80"),
        (&[(ENDPOINT, "http://localhost"), ("ALIBABA_CLOUD_REGION_ID", "")], "http://localhost"),
    ] {
        let endpoint = cloudflow_with(more);
        assert_eq!(endpoint.url, url);
        assert_eq!((endpoint.keys, endpoint.signature), (given(None), Signature::Acs3));
    }
}

#[test]
fn a_secret_stands_in_for_the_keys_of_the_environment() {
    let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:cloudflow-a1B2c3";
    let kept = KeySource::Secret { arn: arn.into(), region: "eu-west-1".into() };
    let secret = format!(" {arn}\n");
    assert_eq!(read(&[CLOUDFLOW[0], (SECRET, &secret)]).unwrap().unwrap().keys, kept);
    let lacking = read(&[(SECRET, arn)]).unwrap();
    assert_eq!(lacking, Err("not set: ALIBABA_CLOUD_REGION_ID".into()));
    let expected =
        format!("{SECRET}: expected the ARN of a secret of Secrets Manager, got a value that is withheld");
    for wrong in [
        "cloudflow",
        "arn:aws:events:us-east-1:111122223333:event-bus/outcomes",
        " ",
        r#"{"accessKeySecret": "hush"}"#,
    ] {
        assert_eq!(problem(&[(SECRET, wrong)]), expected);
    }
}

const ROLE_ARN: (&str, &str) = (ROLE, "acs:ram::1111222233334444:role/countermand");
const PROVIDER_ARN: (&str, &str) = (PROVIDER, "acs:ram::1111222233334444:oidc-provider/aws-account_1.x");
const STS: &str = "COUNTERMAND_CLOUDFLOW_STS_ENDPOINT_URL";
const OF_AUDIENCE: &str = "COUNTERMAND_CLOUDFLOW_OIDC_AUDIENCE";

fn role(audience: &str, url: &str) -> KeySource {
    let (arn, provider) = (ROLE_ARN.1.into(), PROVIDER_ARN.1.into());
    KeySource::Role(Role { arn, provider, audience: audience.into(), url: url.into() })
}

#[test]
fn a_role_is_assumed_in_the_region_or_where_the_endpoint_is() {
    let region = CLOUDFLOW[0];
    for (more, audience, url) in [
        (&[region][..], "sts.aliyuncs.com", "https://sts.cn-hangzhou.aliyuncs.com"),
        (&[region, (OF_AUDIENCE, "me")], "me", "https://sts.cn-hangzhou.aliyuncs.com"),
        (&[region, (STS, "http://localhost:80/")], "sts.aliyuncs.com", "http://localhost:80"),
        (&[(ENDPOINT, "http://localhost"), (STS, "http://there")], "sts.aliyuncs.com", "http://there"),
    ] {
        let endpoint = read(&[more, &[ROLE_ARN, PROVIDER_ARN]].concat()).unwrap().unwrap();
        assert_eq!(endpoint.keys, role(audience, url));
    }
    let local = read_instead(&[region, ROLE_ARN, PROVIDER_ARN], Some("http://nowhere.invalid"));
    assert_eq!(local.unwrap().unwrap().keys, role("sts.aliyuncs.com", "http://nowhere.invalid"));
    for more in [&[][..], &[(ENDPOINT, "http://localhost")]] {
        let lacking = read(&[more, &[ROLE_ARN, PROVIDER_ARN]].concat()).unwrap();
        assert_eq!(lacking, Err("not set: ALIBABA_CLOUD_REGION_ID".into()));
    }
}

#[test]
fn a_role_and_its_provider_are_set_together() {
    for (set, (needed, _)) in [(ROLE_ARN, PROVIDER_ARN), (PROVIDER_ARN, ROLE_ARN)] {
        let expected = format!("{needed}: expected an ARN beside {}, got none", set.0);
        assert_eq!(problem(&[CLOUDFLOW[0], set]), expected);
    }
}

#[test]
fn a_role_is_named_by_its_arn_and_a_token_is_for_somebody() {
    let audience = "1 to 1,000 printable ASCII characters without blanks";
    for (name, wrong, expected) in [
        (ROLE, "countermand", "acs:ram::<account>:role/<name>"),
        (ROLE, "arn:aws:iam::111122223333:role/countermand", "acs:ram::<account>:role/<name>"),
        (ROLE, "acs:ram::1111222233334444:user/countermand", "acs:ram::<account>:role/<name>"),
        (ROLE, "acs:ram::1111222233334444:role/", "acs:ram::<account>:role/<name>"),
        (ROLE, "acs:ram::account:role/countermand", "acs:ram::<account>:role/<name>"),
        (ROLE, "acs:ram::1111222233334444:role/a b", "acs:ram::<account>:role/<name>"),
        (PROVIDER, ROLE_ARN.1, "acs:ram::<account>:oidc-provider/<name>"),
        (OF_AUDIENCE, "a b", audience),
        (OF_AUDIENCE, " ", audience),
    ] {
        let others = [ROLE_ARN, PROVIDER_ARN].into_iter().filter(|(other, _)| *other != name);
        let variables = others.chain([(name, wrong)]).collect::<Vec<_>>();
        assert_eq!(problem(&variables), format!("{name}: expected {expected}, got `{wrong}`"));
    }
}

#[test]
fn two_ways_to_a_key_end_the_start() {
    let secret = (SECRET, "arn:aws:secretsmanager:eu-west-1:111122223333:secret:cloudflow-a1B2c3");
    let [region, id, key] = CLOUDFLOW;
    let token = ("ALIBABA_CLOUD_SECURITY_TOKEN", "token-that-is-left");
    let lent = [ROLE_ARN, PROVIDER_ARN];
    for (variables, second, first) in [
        (&[region, id, key, secret][..], SECRET, id.0),
        (&[region, key, secret], SECRET, key.0),
        (&[region, token, secret], SECRET, token.0),
        (&[&[region, id, key][..], &lent].concat(), ROLE, id.0),
        (&[&[region, secret][..], &lent].concat(), ROLE, SECRET),
        (&[&[region, id, key, secret][..], &lent].concat(), ROLE, id.0),
    ] {
        let expected = format!("{second}: expected one way to CloudFlow's key, got another in {first}");
        assert_eq!(problem(variables), expected);
    }
}

#[test]
fn a_key_that_no_header_can_carry_ends_the_start_unseen() {
    for name in
        ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"]
    {
        for value in ["hush\n", "hu sh", "hüsh"] {
            let expected = format!("{name}: expected printable ASCII characters without blanks, got others");
            assert_eq!(problem(&[(name, value)]), expected);
        }
    }
}

#[test]
fn a_password_in_an_endpoint_is_not_repeated() {
    let error = problem(&[(ENDPOINT, "https://user:hush@host")]);
    assert!(error.contains("got `host`") && !error.contains("hush"), "{error}");
}

#[test]
fn an_endpoint_is_a_scheme_a_host_and_at_most_a_port() {
    for url in [
        "fnf.example.com",
        "//fnf.example.com",
        "ftp://fnf.example.com",
        "http://",
        "http:///",
        "http://:80",
        "http://fnf.example.com:",
        "http://fnf.example.com:http",
        "http://fnf.example.com:65536",
        "http://fnf.example.com/path",
        "http://fnf.example.com//",
        "http://fnf.example.com?query",
        "http://fnf.example.com/#fragment",
        "http://fnf example.com",
        " ",
    ] {
        let expected = format!(
            "{ENDPOINT}: expected http:// or https://, a host and nothing after it but a port, got `{url}`"
        );
        assert_eq!(problem(&[(ENDPOINT, url)]), expected);
    }
}

#[test]
fn a_signature_and_a_region_are_known_or_end_the_start() {
    for (name, signature) in [("acs3", Signature::Acs3), ("rpc-v1", Signature::RpcV1)] {
        assert_eq!(cloudflow_with(&[("COUNTERMAND_CLOUDFLOW_SIGNATURE", name)]).signature, signature);
    }
    for name in ["ACS3", "rpc", "v1", " "] {
        let expected = format!("COUNTERMAND_CLOUDFLOW_SIGNATURE: expected acs3 or rpc-v1, got `{name}`");
        assert_eq!(problem(&[("COUNTERMAND_CLOUDFLOW_SIGNATURE", name)]), expected);
    }
    for region in ["cn hangzhou", "CN-HANGZHOU", "evil.example/", "cn-hangzhou.", " "] {
        let expected =
            format!("ALIBABA_CLOUD_REGION_ID: expected a region id such as cn-hangzhou, got `{region}`");
        assert_eq!(problem(&[("ALIBABA_CLOUD_REGION_ID", region)]), expected);
    }
}

#[test]
fn what_cloudflow_lacks_is_named_and_ends_no_start() {
    let [region, id, secret] = CLOUDFLOW;
    for (variables, missing) in [
        (&[id, secret][..], "ALIBABA_CLOUD_REGION_ID"),
        (&[region, secret], "ALIBABA_CLOUD_ACCESS_KEY_ID"),
        (&[region, id], "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        (&[region], "ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        (&[(ENDPOINT, "http://localhost"), id], "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
    ] {
        assert_eq!(read(variables).unwrap(), Err(format!("not set: {missing}")));
    }
}
