use countermand_simulator::{Simulator, World};

use super::*;
use crate::publisher::DestinationKind;

fn read(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    Config::read(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())))
        .map_err(|ConfigError(problems)| problems)
}

/// The one thing that is wrong.
fn problem(variables: &[(&str, &str)]) -> String {
    match read(variables).map_err(<[String; 1]>::try_from) {
        Err(Ok([problem])) => problem,
        other => panic!("{variables:?}: {other:?}"),
    }
}

const REGION: (&str, &str) = ("AWS_REGION", "us-east-1");
const BUS: &str = "arn:aws:events:us-east-1:111122223333:event-bus/outcomes";
const DESTINATION: &str = "COUNTERMAND_OUTCOME_DESTINATION";
const ENDPOINT: &str = "COUNTERMAND_CLOUDFLOW_ENDPOINT_URL";
const ALLOWED: &str = "COUNTERMAND_ALLOWED_TARGETS";
const CANCEL_ALL: &str = "COUNTERMAND_CANCEL_ALL";
const MAX_AGE: &str = "COUNTERMAND_MAX_REQUEST_AGE_SECONDS";
const RATES: &str = "COUNTERMAND_RATES";
const SECRET: &str = "COUNTERMAND_CLOUDFLOW_SECRET_ARN";

const CLOUDFLOW: [(&str, &str); 3] = [
    ("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou"),
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "the-id"),
    ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "the-secret"),
];

fn policy(allowed: &[&str], cancel_all: CancelAll, max_age: Option<u64>) -> Policy {
    Policy {
        allowed_targets: allowed.iter().map(|pattern| Pattern::new(pattern).unwrap()).collect(),
        cancel_all,
        beyond: Vec::new(),
        max_age: max_age.map(Duration::from_secs),
    }
}

/// The defaults of the contract's table.
#[track_caller]
fn assert_defaults(config: &Config) {
    assert_eq!(config.destination, None);
    assert_eq!(config.outcome_source, "countermand");
    assert_eq!(config.max_attempts, 6);
    assert_eq!(config.deadline_margin, Duration::from_millis(1_500));
    assert_eq!(config.max_in_flight_calls, 10);
    assert_eq!(config.max_receive_count, None);
    assert_eq!(config.policy, policy(&["*"], CancelAll::Allow, None));
    assert_eq!((config.explain_max_pages, config.pin_after), (10, Duration::from_secs(60)));
    assert!(!config.dry_run);
    assert_eq!((&config.rates, config.function_concurrency), (&BTreeMap::new(), 1));
}

#[test]
fn a_function_that_sam_runs_calls_nobody_whom_it_was_not_told_to_call() {
    let called = |more: &[(&str, &str)]| read(more).unwrap().aws_endpoint;
    let (sam, told) = (("AWS_SAM_LOCAL", "true"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:4180"));
    assert_eq!(called(&[]), None);
    assert_eq!(called(&[("AWS_SAM_LOCAL", "")]), None);
    assert_eq!(called(&[sam]), Some(PLACEHOLDER));
    assert_eq!(called(&[sam, ("AWS_ENDPOINT_URL", "")]), Some(PLACEHOLDER));
    // The SDK reads its own variable.
    assert_eq!(called(&[sam, told]), None);
}

#[test]
fn nothing_has_to_be_set() {
    assert_defaults(&read(&[]).unwrap());
}

#[test]
fn an_empty_value_counts_as_not_set() {
    let mut variables: Vec<_> = known().map(|name| (name, "")).collect();
    variables.extend([("AWS_REGION", ""), ("COUNTERMAND_UNKNOWN", "")]);
    assert_defaults(&read(&variables).unwrap());
    let bus = read(&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "us-east-1"), (DESTINATION, BUS)]).unwrap();
    assert!(bus.destination.is_some());
}

#[test]
fn every_variable_is_read() {
    let config = read(&[
        REGION,
        (DESTINATION, BUS),
        ("COUNTERMAND_OUTCOME_SOURCE", "com.example"),
        ("COUNTERMAND_MAX_ATTEMPTS", "3"),
        ("COUNTERMAND_DEADLINE_MARGIN_MS", "2000"),
        ("COUNTERMAND_MAX_IN_FLIGHT_CALLS", "4"),
        ("COUNTERMAND_MAX_RECEIVE_COUNT", "5"),
        (ALLOWED, "appflow:orders,swf:*"),
        (CANCEL_ALL, "deny"),
        (MAX_AGE, "3600"),
        ("COUNTERMAND_EXPLAIN_MAX_PAGES", "7"),
        ("COUNTERMAND_PIN_AFTER_SECONDS", "0"),
        ("COUNTERMAND_MODE", "dry-run"),
        (RATES, "cloudflow.StopExecution=1/5"),
        ("COUNTERMAND_FUNCTION_CONCURRENCY", "4"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
        ("countermand_of_somebody_else", "1"),
        ("COUNTERMAND", "1"),
    ])
    .unwrap();
    assert_eq!(config.destination.unwrap().arn, BUS);
    assert_eq!(config.outcome_source, "com.example");
    assert_eq!(config.max_attempts, 3);
    assert_eq!(config.deadline_margin, Duration::from_secs(2));
    assert_eq!(config.max_in_flight_calls, 4);
    assert_eq!(config.max_receive_count, Some(5));
    assert_eq!(config.policy, policy(&["appflow:orders", "swf:*"], CancelAll::Deny, Some(3_600)));
    assert_eq!((config.explain_max_pages, config.pin_after), (7, Duration::ZERO));
    assert!(config.dry_run);
    let stop = ("cloudflow.StopExecution", Quota { per_second: 1.0, burst: 5.0 });
    assert_eq!((config.rates, config.function_concurrency), (BTreeMap::from([stop]), 4));
}

#[test]
fn blanks_around_a_value_are_ignored() {
    let config =
        read(&[REGION, (DESTINATION, &format!(" {BUS}\n")), ("COUNTERMAND_MAX_ATTEMPTS", " 3 ")]).unwrap();
    assert_eq!((config.destination.unwrap().arn.as_str(), config.max_attempts), (BUS, 3));
}

#[test]
fn a_number_is_held_to_its_range() {
    for (name, least, most) in [
        (MAX_AGE, 0, 315_360_000),
        ("COUNTERMAND_PIN_AFTER_SECONDS", 0, 315_360_000),
        ("COUNTERMAND_EXPLAIN_MAX_PAGES", 0, 1_000),
        ("COUNTERMAND_MAX_ATTEMPTS", 1, 100),
        ("COUNTERMAND_DEADLINE_MARGIN_MS", 100, 60_000),
        ("COUNTERMAND_MAX_IN_FLIGHT_CALLS", 1, 1_000),
        ("COUNTERMAND_MAX_RECEIVE_COUNT", 1, 1_000),
        ("COUNTERMAND_FUNCTION_CONCURRENCY", 1, 10_000),
    ] {
        for value in [least, most] {
            assert!(read(&[(name, &value.to_string())]).is_ok(), "{name}={value}");
        }
        let (below, above) = ((least - 1).to_string(), (most + 1).to_string());
        for value in [
            &below,
            &above,
            "-1",
            "+5",
            "1.5",
            "5.0",
            "1e2",
            "six",
            "5 6",
            "5_0",
            "0x5",
            " ",
            "99999999999999999999",
            "٣",
        ] {
            let expected = format!("{name}: expected a whole number from {least} to {most}, got `{value}`");
            assert_eq!(problem(&[(name, value)]), expected);
        }
    }
}

#[test]
fn a_variable_of_ours_that_does_not_exist_ends_the_start() {
    for (name, nearest) in [
        ("COUNTERMAND_MAX_ATEMPTS", "COUNTERMAND_MAX_ATTEMPTS"),
        ("COUNTERMAND_MAX_RECIEVE_COUNT", "COUNTERMAND_MAX_RECEIVE_COUNT"),
        ("COUNTERMAND_OUTCOME_DESTINATION_ARN", DESTINATION),
        ("COUNTERMAND_CLOUDFLOW_ENDPOINT", ENDPOINT),
        ("COUNTERMAND_outcome_source", "COUNTERMAND_OUTCOME_SOURCE"),
        ("COUNTERMAND_ALLOWED_TARGET", ALLOWED),
        ("COUNTERMAND_CANCEL_ALLS", CANCEL_ALL),
        ("COUNTERMAND_MAX_REQUEST_AGE", MAX_AGE),
        ("COUNTERMAND_RATE", RATES),
        ("COUNTERMAND_FUNCTION_CONCURENCY", "COUNTERMAND_FUNCTION_CONCURRENCY"),
    ] {
        let expected = format!(
            "{name}: expected a variable that exists, got an unknown one set to `3`; the nearest is {nearest}"
        );
        assert_eq!(problem(&[(name, "3")]), expected);
    }
    let expected = r"`COUNTERMAND_MODE\u200b`: expected a variable that exists, got an unknown one set to `dry-run`; the nearest is COUNTERMAND_MODE";
    assert_eq!(problem(&[("COUNTERMAND_MODE\u{200b}", "dry-run")]), expected);
    for name in ["COUNTERMAND_", "COUNTERMAND_POLICY", "COUNTERMAND_COLOR", "COUNTERMAND_REGION"] {
        let expected = format!("{name}: expected a variable that exists, got an unknown one set to `deny`");
        assert_eq!(problem(&[(name, "deny")]), expected);
    }
}

#[test]
fn the_value_of_what_is_called_a_secret_is_withheld() {
    for name in [
        "COUNTERMAND_CLOUDFLOW_ACCESS_KEY_SECRET",
        "COUNTERMAND_CLOUDFLOW_ACCESS_KEY_ID",
        "COUNTERMAND_CLOUDFLOW_SECURITY_TOKEN",
        "COUNTERMAND_cloudflow_secret",
        "COUNTERMAND_CLOUDFLOW_SECRET_ARN",
        // Misspelled, it is still near to a secret's.
        "COUNTERMAND_CLOUDFLOW_SECERT_ARN",
    ] {
        let problem = problem(&[(name, "hush")]);
        assert!(!problem.contains("hush") && problem.contains("a value that is withheld"), "{problem}");
    }
}

#[test]
fn a_value_that_is_no_unicode_ends_the_start() {
    for (name, shown) in [
        (ALLOWED, "`appflow:\u{FFFD}*`"),
        ("COUNTERMAND_OUTCOME_SOURCE", "`appflow:\u{FFFD}*`"),
        (SECRET, "a value that is withheld"),
    ] {
        let expected = format!("{name}: expected Unicode text in UTF-8, got {shown}");
        assert_eq!(problem(&[(name, "appflow:\u{FFFD}*")]), expected);
    }
    let expected = "COUNTERMAND_\u{FFFD}: expected a variable that exists, got an unknown one set to `1`";
    assert_eq!(problem(&[("COUNTERMAND_\u{FFFD}", "1")]), expected);
    assert!(read(&[("PATH", "\u{FFFD}")]).is_ok());
}

#[test]
fn a_log_level_is_one_that_lambda_knows() {
    for (level, known) in [
        ("TRACE", "TRACE"),
        ("debug", "DEBUG"),
        (" Warn ", "WARN"),
        ("FATAL", "FATAL"),
        ("WARNING", "INFO"),
        ("off", "INFO"),
        ("0", "INFO"),
        ("countermand=debug", "INFO"),
        (" ", "INFO"),
        ("", "INFO"),
    ] {
        assert_eq!(read(&[("AWS_LAMBDA_LOG_LEVEL", level)]).unwrap().log_level, known, "{level}");
    }
    assert_eq!(read(&[]).unwrap().log_level, "INFO");
}

#[test]
fn allowed_targets_are_patterns_between_commas() {
    for (list, patterns) in [
        ("*", &["*"][..]),
        ("appflow:orders", &["appflow:orders"]),
        ("appflow:orders,swf:billing/*", &["appflow:orders", "swf:billing/*"]),
        (" appflow:orders ,\n\tswf:billing/invoice 1 ", &["appflow:orders", "swf:billing/invoice 1"]),
        ("swf:*,swf:*", &["swf:*", "swf:*"]),
        ("appflow:a@b", &["appflow:a@b"]),
    ] {
        let expected = policy(patterns, CancelAll::Allow, None);
        assert_eq!(read(&[(ALLOWED, list)]).unwrap().policy, expected, "{list}");
    }
    // An empty item is a name that got lost, and must neither match nothing nor everything unseen.
    for list in [" ", ",", "swf:*,", ",swf:*", "swf:*,,cloudflow:*", "swf:*, ,cloudflow:*", "appflow:a@b,"] {
        let expected = format!("{ALLOWED}: expected patterns separated by single commas, got `{list}`");
        assert_eq!(problem(&[(ALLOWED, list)]), expected);
    }
    // A pattern that matches nothing would allow nothing, and nobody would see why.
    for (list, idle) in [
        ("orders", "orders"),
        ("appflow:orders,swf:billing", "swf:billing"),
        ("stepfunctions:orders", "stepfunctions:orders"),
        ("appflow:orders; swf:*", "appflow:orders; swf:*"),
        ("\"appflow:orders\"", "\"appflow:orders\""),
        ("appflow:orders,\u{200b}swf:*", "\\u200bswf:*"),
    ] {
        let forms: Vec<_> = SERVICES.iter().map(|service| service.key_form).collect();
        let expected = format!(
            "{ALLOWED}: expected patterns that targets can match, as {} or * (`{idle}` matches none), got ",
            forms.join(", "),
        );
        let problem = problem(&[(ALLOWED, list)]);
        assert!(problem.starts_with(&expected), "{problem}");
    }
}

#[test]
fn more_than_a_cancel_is_allowed_service_by_service_and_by_one_word() {
    for (variable, service) in [("COUNTERMAND_TERMINATE", "swf"), ("COUNTERMAND_DEACTIVATE", "appflow")] {
        let allowed = |word| read(&[(variable, word)]).unwrap().policy.beyond;
        assert_eq!(allowed("allow").iter().map(|it| it.name).collect::<Vec<_>>(), [service]);
        assert_eq!(allowed("deny"), Vec::<&Service>::new());
        for word in ["Allow", "true", "allowed"] {
            let expected = format!("{variable}: expected allow or deny, got `{word}`");
            assert_eq!(problem(&[(variable, word)]), expected);
        }
    }
}

#[test]
fn cancel_all_is_one_of_three_words() {
    for (word, cancel_all) in
        [("allow", CancelAll::Allow), ("explicit", CancelAll::Explicit), (" deny ", CancelAll::Deny)]
    {
        assert_eq!(read(&[(CANCEL_ALL, word)]).unwrap().policy, policy(&["*"], cancel_all, None), "{word}");
    }
    for word in ["Allow", "DENY", "denied", "true", "allow,deny", " "] {
        let expected = format!("{CANCEL_ALL}: expected allow, explicit or deny, got `{word}`");
        assert_eq!(problem(&[(CANCEL_ALL, word)]), expected);
    }
}

#[test]
fn rates_are_quotas_by_operation_between_commas() {
    let quota = |per_second, burst| Quota { per_second, burst };
    for (list, rates) in [
        ("cloudflow.StopExecution=2/10", &[("cloudflow.StopExecution", quota(2.0, 10.0))][..]),
        (
            " swf.RequestCancelWorkflowExecution = 0.5 / 1.25 ,\n\tappflow.CancelFlowExecutions=3/4 ",
            &[
                ("swf.RequestCancelWorkflowExecution", quota(0.5, 1.25)),
                ("appflow.CancelFlowExecutions", quota(3.0, 4.0)),
            ],
        ),
        (
            "cloudflow.DescribeExecution=0.001/100000",
            &[("cloudflow.DescribeExecution", quota(0.001, 100_000.0))],
        ),
    ] {
        let rates = rates.iter().copied().collect();
        assert_eq!(read(&[(RATES, list)]).unwrap().rates, rates, "{list}");
    }
    // Every operation that has a pace can be set.
    for operation in SERVICES.iter().flat_map(|service| service.operations()) {
        let list = format!("{}=1/2", operation.name);
        let rates = BTreeMap::from([(operation.name, quota(1.0, 2.0))]);
        assert_eq!(read(&[(RATES, &list)]).unwrap().rates, rates, "{list}");
    }
}

#[test]
fn rates_that_cannot_be_used_end_the_start() {
    for (list, expected) in [
        (
            "cloudflow.StopExecutions=2/10",
            "an operation that exists (`cloudflow.StopExecutions` is none; the nearest is cloudflow.StopExecution)",
        ),
        (
            "StopExecution=2/10",
            "an operation that exists (`StopExecution` is none; the nearest is cloudflow.StopExecution)",
        ),
        ("swf.Surprise=2/10", "an operation that exists (`swf.Surprise` is none)"),
        (
            "SWF.describeWorkflowExecution=2/10",
            "an operation that exists (`SWF.describeWorkflowExecution` is none; the nearest is swf.DescribeWorkflowExecution)",
        ),
        (
            "cloudflow.StopExecution=2/10,cloudflow.StopExecution=2/10",
            "each operation once (cloudflow.StopExecution is there twice)",
        ),
    ] {
        let got: String = list.chars().take(64).collect();
        assert_eq!(problem(&[(RATES, list)]), format!("{RATES}: expected {expected}, got `{got}`"));
    }
    let form = "operation=per second/burst, separated by single commas, each from 0.001 to 100000";
    for list in [
        " ",
        ",",
        "2/10",
        "cloudflow.StopExecution",
        "cloudflow.StopExecution=2",
        "cloudflow.StopExecution=2/",
        "cloudflow.StopExecution=0/10",
        "cloudflow.StopExecution=2/0",
        "cloudflow.StopExecution=-2/10",
        "cloudflow.StopExecution=2e1/10",
        "cloudflow.StopExecution=2/100001",
        "cloudflow.StopExecution=2/10,",
        "cloudflow.StopExecution=+2/10",
        "cloudflow.StopExecution=2/10/20",
        "cloudflow.StopExecution==2/10",
        "cloudflow.StopExecution=./10",
        "cloudflow.StopExecution=NaN/10",
        "cloudflow.StopExecution=٢/10",
        "cloudflow.StopExecution=2/10;",
    ] {
        assert_eq!(problem(&[(RATES, list)]), format!("{RATES}: expected {form}, got `{list}`"));
    }
}

#[test]
fn a_greatest_age_of_nothing_is_no_limit() {
    for (seconds, max_age) in [("0", None), ("00", None), ("1", Some(1)), ("315360000", Some(315_360_000))] {
        let expected = policy(&["*"], CancelAll::Allow, max_age);
        assert_eq!(read(&[(MAX_AGE, seconds)]).unwrap().policy, expected, "{seconds}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let problems = read(&[
        ("COUNTERMAND_NONSENSE", "1"),
        (DESTINATION, "nowhere"),
        ("COUNTERMAND_MAX_ATTEMPTS", "0"),
        (ENDPOINT, "ftp://x"),
    ])
    .unwrap_err();
    let names: Vec<_> = problems.iter().map(|problem| problem.split(':').next().unwrap()).collect();
    assert_eq!(names, ["COUNTERMAND_NONSENSE", DESTINATION, "COUNTERMAND_MAX_ATTEMPTS", ENDPOINT]);
    assert_eq!(ConfigError(vec!["one".into(), "two".into()]).to_string(), "one; two");
}

#[test]
fn a_destination_is_a_bus_a_topic_or_a_queue_of_any_partition() {
    use DestinationKind::{EventBus, Queue, Topic};
    for (arn, kind, region) in [
        (BUS, EventBus, "us-east-1"),
        ("arn:aws:events:us-east-1:111122223333:event-bus/a.b-c_d/e", EventBus, "us-east-1"),
        ("arn:aws:sns:us-east-1:111122223333:outcomes", Topic, "us-east-1"),
        ("arn:aws:sns:eu-west-1:111122223333:out_comes-1", Topic, "eu-west-1"),
        ("arn:aws:sqs:us-east-1:111122223333:outcomes", Queue, "us-east-1"),
        ("arn:aws:sqs:eu-west-1:111122223333:fifo", Queue, "eu-west-1"),
        ("arn:aws-us-gov:sqs:us-gov-west-1:111122223333:outcomes", Queue, "us-gov-west-1"),
        ("arn:aws-cn:sqs:cn-north-1:111122223333:outcomes", Queue, "cn-north-1"),
        ("arn:aws-iso-e:sns:eu-isoe-west-1:111122223333:outcomes", Topic, "eu-isoe-west-1"),
        ("arn:aws-iso-f:sqs:us-isof-south-1:111122223333:outcomes", Queue, "us-isof-south-1"),
        ("arn:aws-of-2031:sqs:mars-north-1:111122223333:outcomes", Queue, "mars-north-1"),
    ] {
        let config = read(&[REGION, (DESTINATION, arn)]).unwrap();
        let expected = Destination { kind, arn: arn.into(), region: region.into() };
        assert_eq!(config.destination, Some(expected));
    }
}

#[test]
fn a_destination_that_cannot_take_outcomes_ends_the_start() {
    let kinds = "the ARN of an event bus, an SNS topic or an SQS queue";
    let parts = "an ARN with region, account and name";
    let standard = "a standard topic or queue, not a FIFO one";
    for (arn, expected) in [
        ("outcomes", kinds),
        ("https://sqs.us-east-1.amazonaws.com/111122223333/outcomes", kinds),
        ("arn:aws:lambda:us-east-1:111122223333:outcomes", kinds),
        ("arn:aws:sns:us-east-1:111122223333", kinds),
        ("arn:aws:sns:us-east-1:111122223333:outcomes:8a21d249-4329-4871-acc6-7be709c6ea7f", kinds),
        ("arn:azure:sns:us-east-1:111122223333:outcomes", kinds),
        ("arn:aws-:sns:us-east-1:111122223333:outcomes", kinds),
        ("arn:awsiso:sns:us-east-1:111122223333:outcomes", kinds),
        ("arn:aws_cn:sns:us-east-1:111122223333:outcomes", kinds),
        ("arn::sns:us-east-1:111122223333:outcomes", kinds),
        ("ARN:aws:sns:us-east-1:111122223333:outcomes", kinds),
        ("arn:aws:sns::111122223333:outcomes", parts),
        ("arn:aws:sns:us east:111122223333:outcomes", parts),
        ("arn:aws:sns:us-east-1::outcomes", parts),
        ("arn:aws:sns:us-east-1:11112222333:outcomes", parts),
        ("arn:aws:sns:us-east-1:1111222233334:outcomes", parts),
        ("arn:aws:sns:us-east-1:11112222333x:outcomes", parts),
        ("arn:aws:sns:us-east-1:111122223333:", parts),
        ("arn:aws:sqs:us-east-1:111122223333:out comes", parts),
        ("arn:aws:sqs:us-east-1:111122223333:*", parts),
        ("arn:aws:sns:us-east-1:111122223333:outcomes.fifo", standard),
        ("arn:aws:sqs:us-east-1:111122223333:outcomes.fifo", standard),
        ("arn:aws:events:us-east-1:111122223333:rule/outcomes", "an event bus, its name after event-bus/"),
        ("arn:aws:events:us-east-1:111122223333:event-bus/", "an event bus, its name after event-bus/"),
        ("arn:aws:events:us-east-1:111122223333:outcomes", "an event bus, its name after event-bus/"),
        (
            "arn:aws:events:eu-west-1:111122223333:event-bus/outcomes",
            "an event bus in the function's region us-east-1",
        ),
    ] {
        let got: String = arn.chars().take(64).collect();
        let cut = if got == arn { "" } else { "…" };
        let expected = format!("{DESTINATION}: expected {expected}, got `{got}{cut}`");
        assert_eq!(problem(&[REGION, (DESTINATION, arn)]), expected);
    }
    let expected = format!(
        "{DESTINATION}: expected AWS_REGION to be set, the region that the event bus must be in, got `{BUS}`"
    );
    assert_eq!(problem(&[(DESTINATION, BUS)]), expected);
}

#[test]
fn an_outcome_source_is_one_that_a_bus_takes() {
    for source in ["countermand", "aws", "com.aws.x", &"é".repeat(256)] {
        assert_eq!(read(&[("COUNTERMAND_OUTCOME_SOURCE", source)]).unwrap().outcome_source, source);
    }
    for source in ["aws.", "aws.countermand", " ", &"é".repeat(257)] {
        let problem = problem(&[("COUNTERMAND_OUTCOME_SOURCE", source)]);
        let expected =
            "COUNTERMAND_OUTCOME_SOURCE: expected 1 to 256 characters that do not begin with aws., got `";
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn secrets_are_in_no_error_and_in_no_debug_output() {
    let keys = [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI-key-id"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "key-secret"),
        ("ALIBABA_CLOUD_SECURITY_TOKEN", "security-token"),
        ("AWS_SECRET_ACCESS_KEY", "aws-secret"),
    ];
    let working = read(&[&keys[..], &[CLOUDFLOW[0]]].concat()).unwrap();
    let lacking = read(&keys).unwrap();
    let wrong = [(ENDPOINT, "x"), ("COUNTERMAND_MAX_ATTEMPTS", "x"), ("COUNTERMAND_X", "x")];
    let refused = Config::read(
        [&keys[..], &wrong].concat().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let refused = refused.unwrap_err();
    for shown in [format!("{working:?}"), format!("{lacking:?}"), format!("{refused:?}"), refused.to_string()]
    {
        for (_, secret) in keys {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn authorities_are_those_of_a_file_and_of_folders_and_must_be_there() {
    let simulator =
        Simulator::start(World::default(), ([127, 0, 0, 1], 0).into()).await.expect("a simulator");
    let one = simulator.secure().await.expect("a listener");
    let two = simulator.secure().await.expect("a listener");
    let folder = std::env::temp_dir().join(format!("authorities-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("folder")).expect("a folder");
    let path = |name: &str| folder.join(name).display().to_string();
    for (name, text) in [
        ("one", one.authority_pem().into()),
        ("both", one.authority_pem().to_owned() + "a comment\n" + two.authority_pem()),
        (
            "partly",
            format!("-----BEGIN CERTIFICATE-----\nAQ*D\n-----END CERTIFICATE-----\n{}", one.authority_pem()),
        ),
        ("folder/two", two.authority_pem().into()),
        ("nothing", String::new()),
        ("no-certificate", "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n".into()),
    ] {
        std::fs::write(path(name), text).expect("a file");
    }
    let read = |variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, file)| ((*name).into(), path(file)));
        Config::read(variables).map(|config| config.authorities.map_or(0, |trusted| trusted.len()))
    };
    for (variables, trusted) in [
        (&[][..], 0),
        (&[("AWS_CA_BUNDLE", "one")], 1),
        (&[("SSL_CERT_FILE", "both")], 2),
        (&[("AWS_CA_BUNDLE", "partly")], 1),
        (&[("AWS_CA_BUNDLE", "one"), ("SSL_CERT_FILE", "both")], 1),
        (&[("SSL_CERT_DIR", "folder")], 1),
        (&[("AWS_CA_BUNDLE", "one"), ("SSL_CERT_DIR", "folder")], 2),
    ] {
        assert_eq!(read(variables), Ok(trusted), "{variables:?}");
    }
    for (name, file, why) in [
        ("AWS_CA_BUNDLE", "missing", "No such file"),
        ("AWS_CA_BUNDLE", "folder", "directory"),
        ("SSL_CERT_FILE", "nothing", "none was found"),
        ("SSL_CERT_FILE", "no-certificate", "none was found"),
        ("SSL_CERT_DIR", "missing", "No such file"),
    ] {
        let problem = read(&[(name, file)]).expect_err("a problem").to_string();
        let named = problem.starts_with(&format!("{name}: expected ")) && problem.contains("got `");
        assert!(named && problem.contains(why), "{problem}");
    }
    std::fs::remove_dir_all(folder).expect("a folder");
}
