//! The line of those who were sent away, and when each shall be redelivered.
//!
//! A place is a time, and no two places handed out are the same, so that a backlog does not return all
//! at once. Where this process is the only one, the place is when the permit comes. Where there are more,
//! whoever is free will receive the record, so it is redelivered sooner, and the more patiently the more
//! often it was sent away: each time costs a receive.

use std::time::Duration;

use tokio::time::Instant;

/// Visibility ends at most so long after a receive; a quarter of an hour less leaves time for the invocation.
const FURTHEST: Duration = Duration::from_secs(12 * 3_600 - 900);

/// How much closer places are than the permits of the whole account, at first. The benchmark `drain` shows
/// what this and the next three cost and gain.
const EAGERNESS: f64 = 0.7;
/// No two places are closer, in seconds times processes, whatever a search for the limit believes; for few
/// processes it is that of ten.
const CLOSEST: f64 = 2.5;
/// No place is sooner, in seconds.
const SOONEST: f64 = 0.5;
/// So many receives are spent on finding a free process; each one after that doubles the deadline.
const SPENDABLE: u32 = 12;

/// Who is in line and lets permits go by for so long, or two of them, does not come any more.
const GONE: Duration = Duration::from_secs(4);

/// How a call stands among those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// It cannot be sent away and be redelivered soon, so it goes before those that can.
    Urgent,
    /// It was received so often, this time included.
    Received(u32),
}

impl Priority {
    /// That of what has waited longest: what shares a call with it goes with it.
    pub fn highest(of: impl Iterator<Item = Self>) -> Self {
        let higher = |one, other| match (one, other) {
            (Self::Received(one), Self::Received(other)) => Self::Received(one.max(other)),
            _ => Self::Urgent,
        };
        of.reduce(higher).unwrap_or(Self::Urgent)
    }

    /// How often it was received; nothing where it does not come that way.
    pub fn receives(self) -> Option<u32> {
        match self {
            Self::Urgent => None,
            Self::Received(count) => Some(count),
        }
    }
}

/// The places handed out.
#[derive(Debug)]
pub struct Line {
    processes: u32,
    end: Option<Instant>,
    /// When somebody last came who had been sent away.
    returned: Option<Instant>,
}

impl Line {
    pub fn new(processes: u32) -> Self {
        Self { processes, end: None, returned: None }
    }

    /// Somebody comes. Where permits went `unused` and nobody took them who had been sent away, all are gone,
    /// as when a queue is purged, and their places are given up.
    pub fn comes(&mut self, priority: Priority, unused: Duration, rate: f64, now: Instant) {
        let gone = GONE.max(seconds(2.0 / rate));
        let lately = self.returned.is_some_and(|returned| now - returned < gone);
        match priority {
            Priority::Received(2..) => self.returned = Some(now),
            _ if unused >= gone && !lately => self.end = None,
            _ => {}
        }
    }

    /// How long the places that were handed out reach: whoever comes for the first time is behind them.
    /// Among several processes the line says too little of who will come here.
    pub fn ahead(&self, priority: Priority, rate: f64, now: Instant) -> Duration {
        match (priority, self.end) {
            (Priority::Received(0 | 1), Some(end)) if self.processes == 1 && end > now => {
                end - now + seconds(1.0 / rate)
            }
            _ => Duration::ZERO,
        }
    }

    /// Hands out a place: how long from `now`. `permit` is when this process could serve the next.
    pub fn place(&mut self, priority: Priority, permit: Duration, rate: f64, now: Instant) -> Duration {
        let end = self.end.filter(|end| *end > now);
        let (first, apart) = match self.processes {
            1 => (permit, 1.0 / rate),
            processes => deadline(priority, permit, rate, processes),
        };
        let behind = end.map_or(Duration::ZERO, |end| end - now + seconds(apart));
        let place = first.max(behind).min(FURTHEST);
        // Who does not come that way keeps nobody waiting.
        if priority != Priority::Urgent {
            self.end = Some(now + place);
        }
        place
    }
}

/// Among several processes: when the first of those sent away is redelivered, and how far apart they are.
///
/// If all others are free, the permits come as fast as the account allows; if all are busy, as fast as this
/// process may call. It begins a little faster than the first, since a record can meet a process whose permit
/// is not there while another one's is, and ends at the second.
fn deadline(priority: Priority, permit: Duration, rate: f64, processes: u32) -> (Duration, f64) {
    let (all_free, all_busy) = (1.0 / (rate * f64::from(processes)), 1.0 / rate);
    let sent_away = priority.receives().unwrap_or(1).saturating_sub(1).min(64);
    let (few, many) = (sent_away.min(SPENDABLE), sent_away.saturating_sub(SPENDABLE));
    let growth = 1.15_f64.powf(f64::from(few)) * 2.0_f64.powf(f64::from(many));
    let apart = ((all_free * EAGERNESS).max(CLOSEST / f64::from(processes.max(10))) * growth).min(all_busy);
    (permit.min(seconds(apart.max(SOONEST))), apart)
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(FURTHEST)
}

#[cfg(test)]
mod tests;
