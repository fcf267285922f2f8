//! The operations that have a pace, and what is published of it.
//!
//! A quota is a token bucket for a whole account: so many calls at once, and so many a second after that.

/// An operation that has a pace, as its service declares it.
#[derive(Debug, PartialEq)]
pub struct Operation {
    /// As the configuration names it: the service's name, a dot, and the API's own.
    pub name: &'static str,
    /// What is published for an account; none where the limit has to be found.
    pub quota: Option<Quota>,
    /// The regions in which more is published.
    pub in_regions: &'static [(&'static str, Quota)],
}

impl Operation {
    /// As the API names it.
    pub fn own_name(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, own)| own)
    }

    /// What is published for an account in a region.
    pub fn quota_in(&self, region: Option<&str>) -> Option<Quota> {
        let named = self.in_regions.iter().find(|(name, _)| Some(*name) == region);
        named.map(|(_, quota)| *quota).or(self.quota)
    }
}

/// So many calls at once, and so many a second after that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    pub per_second: f64,
    pub burst: f64,
}

impl Quota {
    /// So many a second, and so many at once.
    pub const fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst }
    }

    /// Where the search for a limit that is not published begins.
    pub const UNPUBLISHED: Self = Self { per_second: 10.0, burst: 10.0 };

    /// What one of so many processes may take of it. Without a burst of one nothing could ever go.
    pub fn part(self, processes: u32) -> Self {
        let processes = f64::from(processes);
        Self { per_second: self.per_second / processes, burst: (self.burst / processes).max(1.0) }
    }

    /// Reads `30/100`: per second, and at once.
    pub fn parse(text: &str) -> Option<Self> {
        let (per_second, burst) = text.split_once('/')?;
        let number = |text: &str| {
            let text = text.trim();
            let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            text.parse().ok().filter(|number| digits && (0.001..=100_000.0).contains(number))
        };
        Some(Self { per_second: number(per_second)?, burst: number(burst)? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::targets::SERVICES;

    #[test]
    fn the_quotas_are_those_that_are_published() {
        let facts: Value =
            serde_json::from_str(include_str!("../../tests/facts/quotas.json")).expect("the facts are JSON");
        let operations = || SERVICES.iter().flat_map(|service| service.operations());
        for (operation, region) in
            operations().flat_map(|it| [None, Some("eu-north-1"), Some("us-east-1")].map(|at| (it, at)))
        {
            let (service, name) = operation.name.split_once('.').expect("a service and an operation");
            let of_service = match service {
                "swf" => &facts["swf_account"],
                service => &facts[service],
            };
            let published = region.and_then(|region| of_service.get(region)).unwrap_or(of_service);
            let published = match (service, name) {
                ("cloudflow", "StopExecution" | "ListExecutions") => {
                    &published["other_incl_StopExecution_ListExecutions"]
                }
                _ => &published[name],
            };
            let expected = published["bucket"].as_f64().zip(published["refill_per_s"].as_f64());
            let quota = operation.quota_in(region).map(|quota| (quota.burst, quota.per_second));
            assert_eq!(quota, expected, "{} {region:?}", operation.name);
        }
        let more = operations().filter(|operation| !operation.in_regions.is_empty());
        for operation in more {
            for region in ["us-west-2", "eu-west-1"] {
                assert_eq!(operation.quota_in(Some(region)), operation.quota_in(Some("us-east-1")));
            }
        }
    }

    #[test]
    fn each_process_takes_its_part_and_a_burst_of_at_least_one() {
        let quota = Quota { per_second: 2.0, burst: 10.0 };
        for (processes, per_second, burst) in [(1, 2.0, 10.0), (4, 0.5, 2.5), (20, 0.1, 1.0)] {
            assert_eq!(quota.part(processes), Quota { per_second, burst });
        }
    }

    #[test]
    fn a_quota_is_read_with_decimal_fractions_and_nothing_else() {
        let quota = |per_second, burst| Some(Quota { per_second, burst });
        for (text, expected) in [
            ("30/100", quota(30.0, 100.0)),
            ("0.5/1.25", quota(0.5, 1.25)),
            (" 30 / 100 ", quota(30.0, 100.0)),
            ("30", None),
            ("/", None),
            ("0/1", None),
            ("1/0", None),
            ("-1/1", None),
            ("+1/1", None),
            ("1e3/1", None),
            ("inf/1", None),
            ("nan/1", None),
            ("1/2/3", None),
            ("100001/1", None),
        ] {
            assert_eq!(Quota::parse(text), expected, "{text}");
        }
    }
}
