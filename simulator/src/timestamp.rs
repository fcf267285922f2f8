//! Moments as worlds write them and services report them: RFC 3339 in UTC with milliseconds in a
//! world and in CloudFlow's replies, seconds since the epoch with a fraction in AppFlow's and SWF's.
//! It knows nothing of what happened at a moment.

use std::fmt;
use std::num::NonZeroU8;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};
use time::format_description::well_known::{Iso8601, Rfc3339};

const MILLISECONDS: EncodedConfig =
    Config::DEFAULT.set_time_precision(TimePrecision::Second { decimal_digits: NonZeroU8::new(3) }).encode();

/// A moment, to the millisecond. As JSON it is a text like `2025-11-20T01:15:00.250Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    pub fn now() -> Timestamp {
        SystemTime::now().into()
    }

    /// The moment so long before now.
    pub fn ago(duration: Duration) -> Timestamp {
        Timestamp::now() - duration
    }

    /// As the AWS services write it in JSON: seconds since the epoch, with a fraction.
    pub(crate) fn epoch_seconds(self) -> Value {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age fit an f64 exactly")]
        let milliseconds = (self.microseconds() / 1_000) as f64;
        json!(milliseconds / 1_000.0)
    }

    /// The same, or a millisecond later: a time in whole seconds would stand for any moment of its second.
    pub(crate) fn within_a_second(self) -> Timestamp {
        if self.0.millisecond() == 0 { self + Duration::from_millis(1) } else { self }
    }

    /// Since the epoch.
    pub(crate) fn microseconds(self) -> i64 {
        i64::try_from(self.0.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(time: OffsetDateTime) -> Timestamp {
        let fraction = u32::from(time.millisecond()) * 1_000_000;
        let time = time.to_offset(time::UtcOffset::UTC);
        Timestamp(time.replace_nanosecond(fraction).unwrap_or(time))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Timestamp {
        OffsetDateTime::from(time).into()
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> SystemTime {
        timestamp.0.into()
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, duration: Duration) -> Timestamp {
        (self.0 + duration).into()
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;

    fn sub(self, duration: Duration) -> Timestamp {
        (self.0 - duration).into()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.format(&Iso8601::<MILLISECONDS>).map_err(|_| fmt::Error)?;
        formatter.write_str(&text)
    }
}

impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        OffsetDateTime::parse(text, &Rfc3339).map(Timestamp::from).map_err(|error| {
            format!("expected a time as 2025-11-20T01:15:00.250Z (RFC 3339), got `{text}`: {error}")
        })
    }
}

impl TryFrom<String> for Timestamp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(timestamp: Timestamp) -> String {
        timestamp.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_and_to_the_millisecond() {
        let cases = [
            ("2025-11-20T01:15:00Z", "2025-11-20T01:15:00.000Z", "1763601300.0"),
            ("2025-11-20T01:15:00.25Z", "2025-11-20T01:15:00.250Z", "1763601300.25"),
            ("2025-11-20T09:15:00.0019+08:00", "2025-11-20T01:15:00.001Z", "1763601300.001"),
        ];
        for (text, written, seconds) in cases {
            let timestamp: Timestamp = text.parse().unwrap();
            assert_eq!(timestamp.to_string(), written);
            assert_eq!(timestamp.epoch_seconds().to_string(), seconds);
            assert_eq!(timestamp, written.parse().unwrap());
        }
        for text in ["", "yesterday", "2025-11-20", "2025-11-20T01:15:00"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn moments_before_and_after_are_told_apart() {
        let now = Timestamp::now();
        let minute = Duration::from_secs(60);
        assert!(Timestamp::ago(minute) < now && now < Timestamp::now() + minute);
        assert_eq!((now + minute).microseconds() - (now - minute).microseconds(), 120_000_000);
    }
}
