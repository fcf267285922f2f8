//! What CloudWatch counts: a line in its embedded metric format for each service and status of an
//! invocation.
//!
//! The line is data, not a message, so it is written whatever the log level: it carries the level that is
//! set, which Lambda's filter lets through, and the time without which that filter looks at no level. It
//! holds numbers, and nothing of a request. A metric has sums for the whole account, and sums for this function
//! alone, since several may run in one account.
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use crate::follow_up::Confirmation;
use crate::outcome::Outcome;
use crate::secrets::blotted;
use crate::timestamp::Timestamp;
use crate::vocabulary::Status;

const NAMESPACE: &str = "Countermand";
/// A metric has so many values in one line at most.
const MOST_VALUES: usize = 100;
/// The service of a request that names none that is known.
const NO_SERVICE: &str = "none";

/// What is measured of one request.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    service: &'static str,
    status: &'static str,
    /// It counts among the requests.
    counts: bool,
    attempts: u32,
    /// Attempts that were answered by throttling.
    throttles: u32,
    /// From the beginning of the invocation to the outcome; only where a call was made.
    latency_ms: Option<u64>,
    /// From when the request counts to the outcome.
    age_ms: Option<u64>,
    published: bool,
}

impl Sample {
    /// What an outcome tells; `latency_ms` from the beginning of the invocation.
    pub fn of(outcome: &Outcome, latency_ms: u64, published: bool) -> Self {
        Self {
            service: outcome.service.unwrap_or(NO_SERVICE),
            status: outcome.status.name(),
            counts: true,
            attempts: outcome.attempts,
            throttles: outcome.throttles,
            latency_ms: (outcome.attempts > 0).then_some(latency_ms),
            age_ms: Some(outcome.completed_at.millis_since(outcome.requested_at)),
            published,
        }
    }

    /// A step of a sweep: the attempts that it made, and those that were answered by throttling.
    pub fn of_step(
        service: &'static str,
        status: &'static str,
        (attempts, throttles): (u32, u32),
        published: bool,
    ) -> Self {
        let (latency_ms, age_ms) = (None, None);
        Self { service, status, counts: false, attempts, throttles, latency_ms, age_ms, published }
    }

    /// A confirmation that did not get out.
    pub fn of_unpublished(confirmation: &Confirmation) -> Self {
        let (service, status) = (confirmation.service, confirmation.verdict.name());
        let (attempts, throttles, latency_ms, age_ms) = (0, 0, None, None);
        Self { service, status, counts: false, attempts, throttles, latency_ms, age_ms, published: false }
    }
}

/// Writes metrics as one deployment wants them.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// The log level that is set, by Lambda's name.
    pub level: &'static str,
    /// The function's name, the dimension that tells it from others.
    pub function: Option<String>,
    /// Takes lines, each with its end.
    pub out: fn(&str),
}

/// Where Lambda reads.
pub fn to_standard_output(lines: &str) {
    // Whoever closed standard output wants no metrics either.
    let _ = std::io::stdout().lock().write_all(lines.as_bytes());
}

/// A line, as it is written.
#[derive(Serialize)]
struct Line<'a, Members> {
    level: &'static str,
    timestamp: Timestamp,
    #[serde(rename = "_aws")]
    aws: Metadata,
    service: &'static str,
    #[serde(flatten)]
    members: Members,
    #[serde(rename = "FunctionName", skip_serializing_if = "Option::is_none")]
    function: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive>,
}

type Dimensions = &'static [&'static str];

/// Metrics and the dimensions that they are counted by.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: Vec<Dimensions>,
    metrics: Vec<Metric>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

fn count(name: &'static str) -> Metric {
    Metric { name, unit: "Count" }
}

/// What a line says of samples of the same service and status.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sums {
    #[serde(rename = "status")]
    status: &'static str,
    requests: usize,
    attempts: u32,
    throttles: u32,
    deferred: usize,
    publish_failures: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    request_age: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cancel_latency: Vec<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Dropped {
    dropped_follow_ups: usize,
}

impl Metrics {
    /// Writes a line for each service and status, and one for the follow-ups that were dropped, if any.
    pub fn write(&self, samples: &[Sample], dropped: usize, now: Timestamp) {
        let mut lines = self.lines(samples, now);
        lines.extend((dropped > 0).then(|| self.dropped(dropped, now)));
        (self.out)(&lines.concat());
    }

    /// So many follow-ups were dropped. What they say of themselves is not believed, their service included.
    fn dropped(&self, count_of_them: usize, now: Timestamp) -> String {
        let directives = vec![self.sums_by_service(vec![count("DroppedFollowUps")])];
        self.finished(directives, NO_SERVICE, Dropped { dropped_follow_ups: count_of_them }, now)
    }

    fn lines(&self, samples: &[Sample], now: Timestamp) -> Vec<String> {
        let mut groups: BTreeMap<_, Vec<Sample>> = BTreeMap::new();
        for sample in samples {
            groups.entry((sample.service, sample.status)).or_default().push(*sample);
        }
        let groups = groups.values().flat_map(|samples| samples.chunks(MOST_VALUES));
        groups.map(|samples| self.line(samples, now)).collect()
    }

    /// One line for samples of the same service and status; there is at least one.
    fn line(&self, samples: &[Sample], now: Timestamp) -> String {
        let number = |of: fn(&Sample) -> bool| samples.iter().filter(|sample| of(sample)).count();
        let sums = Sums {
            status: samples[0].status,
            requests: number(|sample| sample.counts),
            attempts: samples.iter().map(|sample| sample.attempts).sum(),
            throttles: samples.iter().map(|sample| sample.throttles).sum(),
            deferred: number(|sample| sample.status == Status::Deferred.name()),
            publish_failures: number(|sample| !sample.published),
            request_age: samples.iter().filter_map(|sample| sample.age_ms).collect(),
            cancel_latency: samples.iter().filter_map(|sample| sample.latency_ms).collect(),
        };
        let times = [("RequestAge", &sums.request_age), ("CancelLatency", &sums.cancel_latency)];
        let times = times.into_iter().filter(|(_, values)| !values.is_empty());
        let times: Vec<_> = times.map(|(name, _)| Metric { name, unit: "Milliseconds" }).collect();
        // An alarm watches sums of a function over all services; times have no use for them.
        let mut directives = vec![
            self.directive(
                vec![count("Requests")],
                &[&["service"], &["service", "status"]],
                &[&["FunctionName", "service", "status"], &["FunctionName", "status"]],
            ),
            self.sums_by_service(["Attempts", "Throttles", "Deferred", "PublishFailures"].map(count).into()),
        ];
        if !times.is_empty() {
            directives.push(self.directive(times, &[&["service"]], &[&["FunctionName", "service"]]));
        }
        self.finished(directives, samples[0].service, sums, now)
    }

    fn finished(
        &self,
        cloud_watch_metrics: Vec<Directive>,
        service: &'static str,
        members: impl Serialize,
        now: Timestamp,
    ) -> String {
        let line = Line {
            level: self.level,
            timestamp: now,
            aws: Metadata { timestamp: now.millis(), cloud_watch_metrics },
            service,
            members,
            // Nothing else of a line is of anybody's choice.
            function: self.function.as_deref().map(blotted),
        };
        // Nothing in a line can fail to be written.
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }

    fn sums_by_service(&self, metrics: Vec<Metric>) -> Directive {
        self.directive(metrics, &[&["service"]], &[&["FunctionName", "service"], &["FunctionName"]])
    }

    /// Counted by the dimensions of all functions together, and by those of one where its name is known.
    fn directive(
        &self,
        metrics: Vec<Metric>,
        of_all: &[Dimensions],
        of_function: &[Dimensions],
    ) -> Directive {
        let of_function = of_function.iter().filter(|_| self.function.is_some());
        let dimensions = of_all.iter().chain(of_function).copied().collect();
        Directive { namespace: NAMESPACE, dimensions, metrics }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sample(service: &'static str, status: Status) -> Sample {
        let status = status.name();
        Sample {
            service,
            status,
            counts: true,
            attempts: 2,
            throttles: 1,
            latency_ms: Some(40),
            age_ms: Some(1_000),
            published: true,
        }
    }

    fn metrics(function: Option<&str>) -> Metrics {
        Metrics { level: "WARN", function: function.map(Into::into), out: |_| {} }
    }

    fn read(line: &str) -> Value {
        serde_json::from_str(line).expect("a line is JSON")
    }

    fn lines(samples: &[Sample]) -> Vec<Value> {
        let now = Timestamp::from_millis(1_700_000_000_123).expect("a time");
        metrics(Some("cancels")).lines(samples, now).iter().map(|line| read(line)).collect()
    }

    #[test]
    fn each_service_and_status_has_a_line_with_its_sums_and_values() {
        let lines = lines(&[
            sample("swf", Status::Accepted),
            Sample {
                latency_ms: Some(50),
                age_ms: Some(2_000),
                published: false,
                ..sample("swf", Status::Accepted)
            },
            Sample { attempts: 0, throttles: 0, latency_ms: None, ..sample("appflow", Status::Deferred) },
        ]);
        let numbers = |line: &Value| {
            [
                "Requests",
                "Attempts",
                "Throttles",
                "Deferred",
                "PublishFailures",
                "RequestAge",
                "CancelLatency",
            ]
            .map(|name| line[name].clone())
        };
        let deferred = json!([1, 0, 0, 1, 0, [1_000], null]);
        let accepted = json!([2, 4, 2, 0, 1, [1_000, 2_000], [40, 50]]);
        assert_eq!(json!(lines.iter().map(numbers).collect::<Vec<_>>()), json!([deferred, accepted]));
        let named = lines.iter().map(|line| (line["service"].as_str(), line["status"].as_str()));
        let expected = [(Some("appflow"), Some("DEFERRED")), (Some("swf"), Some("ACCEPTED"))];
        assert_eq!(named.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_line_declares_every_metric_that_it_holds_and_no_other() {
        for line in lines(&[
            sample("swf", Status::Accepted),
            Sample { latency_ms: None, ..sample("swf", Status::Failed) },
        ]) {
            assert_eq!(
                (&line["level"], &line["_aws"]["Timestamp"]),
                (&json!("WARN"), &json!(1_700_000_000_123_i64))
            );
            let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
            let declared =
                directives.iter().flat_map(|directive| directive["Metrics"].as_array().expect("metrics"));
            let mut declared: Vec<&str> = declared.filter_map(|metric| metric["Name"].as_str()).collect();
            let mut held: Vec<&str> =
                line.as_object().expect("an object").keys().map(String::as_str).collect();
            held.retain(|name| name.starts_with(char::is_uppercase) && *name != "FunctionName");
            declared.sort_unstable();
            held.sort_unstable();
            assert_eq!(declared, held);
        }
    }

    #[test]
    fn each_metric_has_sums_for_the_account_and_for_the_function_alone() {
        let sums = |function| {
            let now = Timestamp::from_millis(1_700_000_000_123).expect("a time");
            let line = read(&metrics(function).line(&[sample("swf", Status::Accepted)], now));
            let directives = line["_aws"]["CloudWatchMetrics"].as_array().cloned().unwrap_or_default();
            let sums: serde_json::Map<_, _> = directives
                .iter()
                .filter_map(|directive| {
                    let name = directive["Metrics"][0]["Name"].as_str()?;
                    Some((name.to_owned(), directive["Dimensions"].clone()))
                })
                .collect();
            (Value::from(sums), line["FunctionName"].clone())
        };
        let expected = json!({
            "Requests": [
                ["service"],
                ["service", "status"],
                ["FunctionName", "service", "status"],
                ["FunctionName", "status"],
            ],
            "Attempts": [["service"], ["FunctionName", "service"], ["FunctionName"]],
            "RequestAge": [["service"], ["FunctionName", "service"]],
        });
        assert_eq!(sums(Some("cancels")), (expected, json!("cancels")));
        let unnamed = json!({
            "Requests": [["service"], ["service", "status"]],
            "Attempts": [["service"]],
            "RequestAge": [["service"]],
        });
        assert_eq!(sums(None), (unnamed, Value::Null));
    }

    #[test]
    fn dropped_follow_ups_are_counted_and_nothing_else_of_them_is_told() {
        let now = Timestamp::from_millis(1_700_000_000_123).expect("a time");
        let line = read(&metrics(Some("cancels")).dropped(3, now));
        assert_eq!((&line["service"], &line["DroppedFollowUps"]), (&json!("none"), &json!(3)));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Metrics"], json!([{"Name": "DroppedFollowUps", "Unit": "Count"}]));
        let dimensions = json!([["service"], ["FunctionName", "service"], ["FunctionName"]]);
        assert_eq!((&line["level"], &directive["Dimensions"]), (&json!("WARN"), &dimensions));
    }

    #[test]
    fn no_metric_has_more_values_in_a_line_than_cloudwatch_takes() {
        let lines = lines(&vec![sample("swf", Status::Accepted); 250]);
        let values: Vec<_> = lines.iter().map(|line| line["RequestAge"].as_array().map(Vec::len)).collect();
        assert_eq!(values, [Some(100), Some(100), Some(50)]);
    }
}
