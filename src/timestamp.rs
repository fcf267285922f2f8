//! A point in time as outcomes write it: UTC, RFC 3339, milliseconds.
//!
//! Envelopes and requests carry times in several spellings. They all become a [`Timestamp`] here,
//! so that the rest of the code compares numbers and prints one form. This module knows nothing of
//! clocks: what time it is comes from [`crate::invocation`].

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The last millisecond that RFC 3339 can write, 9999-12-31T23:59:59.999Z.
const LATEST: i64 = 253_402_300_799_999;
/// The first one, 0000-01-01T00:00:00.000Z.
const EARLIEST: i64 = -62_167_219_200_000;

/// Milliseconds since 1970-01-01T00:00:00Z, always within the years 0000 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// No time is later.
    pub const LATEST: Self = Self(LATEST);

    /// Milliseconds since the epoch, as SQS writes `SentTimestamp`; `None` outside the years 0000 to 9999.
    pub fn from_millis(millis: i64) -> Option<Self> {
        (EARLIEST..=LATEST).contains(&millis).then_some(Self(millis))
    }

    /// An RFC 3339 time in any offset; one in whole seconds is the end of its second.
    pub fn parse(text: &str) -> Option<Self> {
        Moment::parse(text).map(Moment::ends)
    }

    /// RFC 3339 without a fraction, as signatures are dated.
    pub fn to_seconds(self) -> String {
        let text = self.to_string();
        format!("{}Z", &text[..text.len() - ".000Z".len()])
    }

    /// This time, moved on by a duration and kept within the years that can be written.
    pub fn plus(self, duration: std::time::Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis).min(LATEST))
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Milliseconds from an earlier time to this one, 0 where it is not earlier.
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or_default()
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(0).plus(since)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The range is held by every constructor, so the fallback is never seen.
        let time = OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1_000))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        write!(
            formatter,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            time.year(),
            u8::from(time.month()),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            self.0.rem_euclid(1_000),
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// When something happened, as exactly as it is known.
///
/// A time in whole seconds lies anywhere in its second. What had started by then is asked of its end, so
/// that a run of :00.5 is not later than an event of :00; what has happened since, of its beginning, so
/// that what was done for that event at :00.5 is not earlier than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    begins: Timestamp,
    ends: Timestamp,
}

impl Moment {
    /// An RFC 3339 time in any offset.
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        // The parser is lenient about what separates date and time; RFC 3339 is about a blank only.
        if !text.get(10..11).is_some_and(|separator| "Tt ".contains(separator)) {
            return None;
        }
        if text.contains('.') {
            let millis = parsed.unix_timestamp_nanos().div_euclid(1_000_000);
            return Some(Timestamp::from_millis(i64::try_from(millis).ok()?)?.into());
        }
        let begins = Timestamp::from_millis(parsed.unix_timestamp() * 1_000)?;
        Some(Self { begins, ends: Timestamp::from_millis(begins.0 + 999)? })
    }

    /// The earlier of two, no end beyond a finer time that is known: an event of :00 in a message that was
    /// sent at :00.024 is of :00.024 at the latest.
    pub fn earlier(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        Self { begins: self.begins.min(other.begins), ends: self.ends.min(other.ends) }
    }

    /// From here on, what happens has happened since.
    pub fn begins(self) -> Timestamp {
        self.begins
    }

    /// What has started up to here had started by then. This is the time that outcomes show.
    pub fn ends(self) -> Timestamp {
        self.ends
    }
}

/// A time that is known to the millisecond.
impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self { begins: time, ends: time }
    }
}

/// From the first attempt of a call until its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub from: Timestamp,
    pub until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_spelling_and_written_in_one() {
        for (given, written) in [
            ("2026-01-02T03:04:05.678Z", Some("2026-01-02T03:04:05.678Z")),
            ("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05.999Z")),
            ("2026-01-02T03:04:05.000Z", Some("2026-01-02T03:04:05.000Z")),
            ("2026-01-02T05:04:05.5+02:00", Some("2026-01-02T03:04:05.500Z")),
            ("2026-01-02t03:04:05.123456789z", Some("2026-01-02T03:04:05.123Z")),
            ("1969-12-31T23:59:59.5Z", Some("1969-12-31T23:59:59.500Z")),
            ("0000-01-01T00:00:00+01:00", None),
            ("9999-12-31T23:59:59-01:00", None),
            ("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59.999Z")),
            ("2026-01-02_03:04:05Z", None),
            ("2026-02-30T00:00:00Z", None),
            ("2026-01-02", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(
                Timestamp::parse(given).map(|time| time.to_string()),
                written.map(String::from),
                "{given}"
            );
        }
    }

    #[test]
    fn a_whole_second_has_two_ends_and_none_is_beyond_a_finer_time() {
        let moment = |text: String| Moment::parse(&text).expect("a time");
        let second = |time: &str| format!("2026-01-02T03:04:{time}Z");
        for (times, begins, ends) in [
            (vec!["05"], "05.000", "05.999"),
            (vec!["05.5"], "05.500", "05.500"),
            (vec!["05", "05.024"], "05.000", "05.024"),
            (vec!["05", "04.990"], "04.990", "04.990"),
            (vec!["05", "06.5"], "05.000", "05.999"),
            (vec!["05", "04"], "04.000", "04.999"),
        ] {
            let all = times.iter().map(|time| moment(second(time)));
            let earliest = all.reduce(Moment::earlier).expect("a time");
            assert_eq!(earliest.begins().to_string(), second(begins), "{times:?}");
            assert_eq!(earliest.ends().to_string(), second(ends), "{times:?}");
        }
    }

    #[test]
    fn milliseconds_outside_the_calendar_are_not_a_time() {
        assert_eq!(
            Timestamp::from_millis(1_767_323_045_678).map(|time| time.to_string()),
            Some("2026-01-02T03:04:05.678Z".into())
        );
        assert_eq!(Timestamp::from_millis(i64::MAX), None);
        assert_eq!(Timestamp::from_millis(i64::MIN), None);
    }
}
