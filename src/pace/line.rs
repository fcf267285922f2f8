//! The line of those who were sent away, and when each shall come again.
//!
//! A place is a time, and no two places handed out are the same, so that a backlog does not return all
//! at once. Where this process is the only one, the place is when the turn comes. Where there are more,
//! whoever is free will receive the record, so it comes again sooner, and the more patiently the more
//! often it was sent away: each time costs a receive.

use std::time::Duration;

use tokio::time::Instant;

/// Visibility ends at most so long after a receive; a quarter of an hour less leaves time for the invocation.
const FURTHEST: Duration = Duration::from_secs(12 * 3_600 - 900);

/// How a call stands among those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It cannot be sent away and come again soon, so it goes before those that can.
    Urgent,
    /// It was received so often, this time included.
    Received(u32),
}

impl Standing {
    /// Whichever has waited longer: what it shares a call with goes with it.
    pub fn or_senior(self, other: Self) -> Self {
        match (self, other) {
            (Self::Received(one), Self::Received(other)) => Self::Received(one.max(other)),
            _ => Self::Urgent,
        }
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
}

impl Line {
    pub fn new(processes: u32) -> Self {
        Self { processes, end: None }
    }

    /// How long the places that were handed out reach: whoever comes for the first time is behind them.
    /// Among several processes the line says too little of who will come here.
    pub fn ahead(&self, standing: Standing, rate: f64, now: Instant) -> Duration {
        match (standing, self.end) {
            (Standing::Received(0 | 1), Some(end)) if self.processes == 1 && end > now => {
                end - now + seconds(1.0 / rate)
            }
            _ => Duration::ZERO,
        }
    }

    /// Hands out a place: how long from `now`. `turn` is when this process could serve the next.
    pub fn place(&mut self, standing: Standing, turn: Duration, rate: f64, now: Instant) -> Duration {
        let end = self.end.filter(|end| *end > now);
        let (first, apart) = match self.processes {
            1 => (turn, 1.0 / rate),
            processes => patience(standing, turn, rate, processes),
        };
        let behind = end.map_or(Duration::ZERO, |end| end - now + seconds(apart));
        let place = first.max(behind).min(FURTHEST);
        self.end = Some(now + place);
        place
    }
}

/// Among several processes: when the first of those sent away comes again, and how far apart they are.
fn patience(standing: Standing, turn: Duration, rate: f64, processes: u32) -> (Duration, f64) {
    let (soonest, own) = (1.0 / (rate * f64::from(processes)), 1.0 / rate);
    let sent_away = standing.receives().unwrap_or(1).clamp(1, 64);
    let growth = 1.25_f64.powi(i32::try_from(sent_away - 1).unwrap_or(0));
    let apart = (soonest.max(own.min(1.0)) * growth).min(own);
    (turn.min(seconds(apart)), apart)
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(FURTHEST)
}

#[cfg(test)]
mod tests;
