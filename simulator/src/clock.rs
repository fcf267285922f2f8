//! The simulator's calendar: the time of its start by the machine's, and from there on as tokio's
//! clock runs. On a paused clock it stands still and leaps with it, so that no service reports a
//! time that its own delays contradict.

use std::time::SystemTime;

use tokio::time::Instant;

use crate::timestamp::Timestamp;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: SystemTime,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock { started: Instant::now(), started_at: SystemTime::now() }
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
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_calendar_leaps_with_a_paused_clock() {
        let clock = Clock::start();
        assert_eq!(clock.now(), clock.started_at());
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!(clock.now(), clock.started_at() + Duration::from_secs(3_600));
    }
}
