//! The configuration, read once at the start.
//!
//! This is the only reader of our own environment variables and those of Alibaba Cloud; the AWS SDK
//! reads its own. It is given the variables, so that tests set nothing global. A value that cannot be
//! used ends the start, and so does one of our variables that does not exist: a misspelled limit must
//! not mean no limit.

mod rates;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use rustls::RootCertStore;

use crate::client::trust;
use crate::fields::violation::quote;
use crate::pace::Quota;
use crate::policy::{CancelAll, Pattern, Policy};
use crate::publisher::Destination;
use crate::request::CONFIRM_WITHIN_SECONDS;
use crate::targets::{Connect, SERVICES, Service};
use crate::variables::Variables;

/// What a deployment has chosen.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the function runs, as far as that is said.
    pub region: Option<String>,
    /// Where outcomes go; they are only logged without it.
    pub destination: Option<Destination>,
    /// The `source` of events on a bus.
    pub outcome_source: String,
    /// Attempts for each call, the first counted.
    pub max_attempts: u32,
    /// What is kept of an invocation's time for publishing and the response.
    pub deadline_margin: Duration,
    /// Calls under way at once.
    pub max_in_flight_calls: usize,
    /// From this receive count on, a record is not redelivered.
    pub max_receive_count: Option<u32>,
    /// From this age on, an open-ended request is pinned to the runs of its moment.
    pub pin_after: Duration,
    /// Nothing is ever canceled, only told what would be.
    pub dry_run: bool,
    /// So many pages of a flow's records are read to explain an outcome.
    pub explain_max_pages: u32,
    /// Quotas of the account that stand in for the published ones.
    pub rates: BTreeMap<&'static str, Quota>,
    /// So many processes may run, which share the quotas.
    pub function_concurrency: u32,
    /// Lambda's name of the log level.
    pub log_level: &'static str,
    /// Lambda's name of the function.
    pub function_name: Option<String>,
    /// Where AWS's services are called in place of where the SDK would call them.
    pub aws_endpoint: Option<&'static str>,
    /// The log holds the outcomes too.
    pub log_outcomes: bool,
    /// What requests are allowed.
    pub policy: Policy,
    /// Where follow-ups go; no request is followed without it.
    pub follow_up_queue: Option<Destination>,
    /// The id of the role whose follow-ups count; everybody's, where it is not set.
    pub follow_up_sender_id: Option<String>,
    /// Requests that do not say are followed too.
    pub confirm: bool,
    /// For so long, where a request does not say.
    pub confirm_within: Duration,
    /// Whom TLS trusts, in place of those that the machine does.
    pub authorities: Option<RootCertStore>,
    /// How each service is connected.
    pub services: Vec<(&'static Service, Connect)>,
}

/// `sam local` hands a function the credentials of whoever runs it, so a function that it runs calls nobody
/// whom it was not told to call. Nothing answers to this name.
const PLACEHOLDER: &str = "http://set-aws-endpoint-url.invalid";

/// Ten years, in seconds; nothing that is older can be waiting anywhere.
const LONGEST_AGE: u64 = 315_360_000;

/// Every variable of ours: those that reading asks for.
pub fn known() -> impl Iterator<Item = &'static str> {
    let mut none = Variables::new([]);
    Config::of(&mut none);
    none.asked_of_ours()
}

/// Everything that is wrong with the configuration.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// Each problem names its variable, the value and what was expected.
    pub fn read(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut variables = Variables::new(variables);
        variables.refuse_garbled();
        variables.refuse_unknown(&known().collect::<Vec<_>>());
        let config = Self::of(&mut variables);
        variables.problems.extend(config.contradictions());
        match variables.problems {
            problems if problems.is_empty() => Ok(config),
            problems => Err(ConfigError(problems)),
        }
    }

    fn of(variables: &mut Variables) -> Self {
        let region = variables.text("AWS_REGION").or_else(|| variables.text("AWS_DEFAULT_REGION"));
        let placeholder = variables.text("AWS_SAM_LOCAL").map(|_| PLACEHOLDER);
        let destination = variables
            .parsed("COUNTERMAND_OUTCOME_DESTINATION", |arn| Destination::parse(arn, region.as_deref()));
        Self {
            region,
            log_outcomes: placeholder.is_some() || destination.is_none(),
            destination,
            outcome_source: variables
                .parsed("COUNTERMAND_OUTCOME_SOURCE", outcome_source)
                .unwrap_or_else(|| "countermand".into()),
            max_attempts: variables.number("COUNTERMAND_MAX_ATTEMPTS", 1..=100).unwrap_or(6),
            deadline_margin: Duration::from_millis(
                variables.number("COUNTERMAND_DEADLINE_MARGIN_MS", 100..=60_000).unwrap_or(1_500),
            ),
            max_in_flight_calls: variables.number("COUNTERMAND_MAX_IN_FLIGHT_CALLS", 1..=1_000).unwrap_or(10),
            max_receive_count: variables.number("COUNTERMAND_MAX_RECEIVE_COUNT", 1..=1_000),
            pin_after: Duration::from_secs(
                variables.number("COUNTERMAND_PIN_AFTER_SECONDS", 0..=LONGEST_AGE).unwrap_or(60),
            ),
            dry_run: variables
                .word("COUNTERMAND_MODE", &[("active", false), ("dry-run", true)])
                .unwrap_or(false),
            explain_max_pages: variables.number("COUNTERMAND_EXPLAIN_MAX_PAGES", 0..=1_000).unwrap_or(10),
            rates: variables.parsed("COUNTERMAND_RATES", rates::parse).unwrap_or_default(),
            function_concurrency: variables
                .number("COUNTERMAND_FUNCTION_CONCURRENCY", 1..=10_000)
                .unwrap_or(1),
            log_level: log_level(variables.text("AWS_LAMBDA_LOG_LEVEL").as_deref()),
            function_name: variables.text("AWS_LAMBDA_FUNCTION_NAME"),
            aws_endpoint: placeholder.filter(|_| variables.text("AWS_ENDPOINT_URL").is_none()),
            policy: policy(variables),
            follow_up_queue: variables.parsed("COUNTERMAND_FOLLOW_UP_QUEUE_ARN", Destination::queue),
            follow_up_sender_id: variables.parsed("COUNTERMAND_FOLLOW_UP_SENDER_ID", principal_id),
            confirm: variables
                .word("COUNTERMAND_CONFIRM", &[("true", true), ("false", false)])
                .unwrap_or(false),
            confirm_within: Duration::from_secs(
                variables
                    .number("COUNTERMAND_CONFIRM_WITHIN_SECONDS", CONFIRM_WITHIN_SECONDS)
                    .unwrap_or(3_600),
            ),
            authorities: authorities(variables),
            services: SERVICES.iter().map(|it| (*it, (it.configure)(variables, placeholder))).collect(),
        }
    }

    /// What is wrong with values that are right by themselves.
    fn contradictions(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.confirm && self.follow_up_queue.is_none() {
            let expected = "expected false, as COUNTERMAND_FOLLOW_UP_QUEUE_ARN is not set, got `true`";
            problems.push(format!("COUNTERMAND_CONFIRM: {expected}"));
        }
        if let (Some(queue), Some(destination)) = (&self.follow_up_queue, &self.destination)
            && queue.arn == destination.arn
        {
            let expected = "expected another queue than COUNTERMAND_OUTCOME_DESTINATION";
            problems.push(format!("COUNTERMAND_FOLLOW_UP_QUEUE_ARN: {expected}, got {}", quote(&queue.arn)));
        }
        problems
    }
}

/// The process's variables, as text. What is none has U+FFFD in its place.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |value: OsString| value.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// The log level by Lambda's name, and whether lines are to be JSON, as they are unless text is asked for.
pub fn logging() -> (&'static str, bool) {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().filter(|level| !level.is_empty());
    let level = level.or_else(|| std::env::var("RUST_LOG").ok());
    let format = std::env::var("AWS_LAMBDA_LOG_FORMAT").unwrap_or_default();
    (log_level(level.as_deref()), !format.trim().eq_ignore_ascii_case("text"))
}

/// Lambda's name of a level, which metrics carry past Lambda's filter; what is none is as if nothing was said.
fn log_level(name: Option<&str>) -> &'static str {
    let name = name.unwrap_or_default().trim();
    let known = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    known.into_iter().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or("INFO")
}

/// Where Lambda's runtime API is; absent where the process was not started by Lambda.
pub fn runtime_api() -> Option<String> {
    std::env::var("AWS_LAMBDA_RUNTIME_API").ok()
}

/// Whether Lambda takes a snapshot of the process once it has started, and goes on from there.
pub fn is_snap_started() -> bool {
    std::env::var("AWS_LAMBDA_INITIALIZATION_TYPE").is_ok_and(|kind| kind == "snap-start")
}

fn outcome_source(source: &str) -> Result<String, String> {
    if source.is_empty() || source.chars().count() > 256 || source.starts_with("aws.") {
        return Err("1 to 256 characters that do not begin with aws.".into());
    }
    Ok(source.into())
}

/// SQS names a role's session as this id, a colon and the session's name.
fn principal_id(id: &str) -> Result<String, String> {
    let valid = id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    valid
        .then(|| id.into())
        .ok_or_else(|| "the id of a role, such as AROAEXAMPLE, and nothing behind it".into())
}

/// The authorities of a file and of folders, together. A file for AWS alone goes before one for all programs.
fn authorities(variables: &mut Variables) -> Option<RootCertStore> {
    let file = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"].into_iter().find(|name| variables.text(name).is_some());
    let of_file = file.and_then(|name| variables.parsed(name, trust::of_file));
    let mut trusted = variables.parsed("SSL_CERT_DIR", trust::of_folders);
    match (&mut trusted, of_file) {
        (Some(trusted), Some(of_file)) => trusted.extend(of_file.roots),
        (None, of_file) => trusted = of_file,
        (Some(_), None) => {}
    }
    trusted
}

fn policy(variables: &mut Variables) -> Policy {
    let allowed = variables.parsed("COUNTERMAND_ALLOWED_TARGETS", |list| {
        let patterns: Option<Vec<Pattern>> = list.split(',').map(|item| Pattern::new(item.trim())).collect();
        let patterns = patterns.ok_or("patterns separated by single commas")?;
        // One that matches nothing is a name that was misspelled, and would allow nothing unseen.
        let idle = patterns.iter().find(|pattern| !SERVICES.iter().any(|service| pattern.can_match(service)));
        let Some(idle) = idle.map(|idle| quote(idle.as_str())) else { return Ok(patterns) };
        let forms = SERVICES.iter().map(|service| service.key_form).collect::<Vec<_>>().join(", ");
        Err(format!("patterns that targets can match, as {forms} or * ({idle} matches none)"))
    });
    let cancel_all = variables.parsed("COUNTERMAND_CANCEL_ALL", |name| match name {
        "allow" => Ok(CancelAll::Allow),
        "explicit" => Ok(CancelAll::Explicit),
        "deny" => Ok(CancelAll::Deny),
        _ => Err("allow, explicit or deny".into()),
    });
    let allows = [("allow", true), ("deny", false)];
    let beyond = SERVICES.iter().copied().filter(|service| {
        let variable = service.beyond.map(|beyond| beyond.variable);
        variable.and_then(|variable| variables.word(variable, &allows)).unwrap_or(false)
    });
    let beyond = beyond.collect();
    let max_age = variables.number("COUNTERMAND_MAX_REQUEST_AGE_SECONDS", 0..=LONGEST_AGE);
    Policy {
        allowed_targets: allowed.unwrap_or_else(|| Pattern::new("*").into_iter().collect()),
        cancel_all: cancel_all.unwrap_or(CancelAll::Allow),
        beyond,
        max_age: max_age.filter(|seconds| *seconds > 0).map(Duration::from_secs),
    }
}

#[cfg(test)]
mod tests;
