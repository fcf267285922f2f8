//! The simulator's calendar: the time of its start by the machine's, and from there on as tokio's
//! clock runs. On a paused clock it stands still and leaps with it, so that no service reports a
//! time that its own delays contradict.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::timestamp::Timestamp;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: SystemTime,
}

impl Clock {
    /// Reads both clocks within a millisecond: a pause between the two would date all that follows late.
    pub(crate) fn start() -> Clock {
        loop {
            let reading = std::time::Instant::now();
            let clock = Clock { started: Instant::now(), started_at: SystemTime::now() };
            if reading.elapsed() < Duration::from_millis(1) {
                return clock;
            }
        }
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// The start by the calendar, which undated things are dated by.
    pub(crate) fn started_at(&self) -> Timestamp {
        self.started_at.into()
    }

    /// That moment by the calendar.
    pub(crate) fn at(&self, moment: Instant) -> SystemTime {
        self.started_at + moment.duration_since(self.started)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.at(Instant::now()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_calendar_leaps_with_a_paused_clock() {
        let clock = Clock::start();
        assert_eq!(clock.now(), clock.started_at());
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!(clock.now(), clock.started_at() + Duration::from_secs(3_600));
    }
}
