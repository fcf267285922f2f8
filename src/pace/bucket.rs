//! How many calls may go now: the arithmetic of a token bucket whose rate is learned.
//!
//! The rate never exceeds this process's part of a published quota. A throttle answer lowers it at once,
//! once for all calls that were under way together and the first after them. Each success raises it a little, and
//! more where the quota is known. Where none is published the rate doubles each second until the first
//! throttle answer, as long as calls use it. Time is an input, and nothing waits here.

use std::time::Duration;

use tokio::time::Instant;

use super::Quota;

/// What is left of the rate after the answer that ends the doubling: the rate before was fine.
const FIRST_CUT: f64 = 0.5;
/// What is left of the rate after each later throttle answer.
const CUT: f64 = 0.7;
/// What is left in the bucket then: the refused call took nothing of the service's, and its repeat has
/// little time.
const LEFT: f64 = 0.5;
/// The same where the limit has to be found, since refusals belong to the search. A repeat that comes too late
/// costs a receive and the wait of a failed record.
const LEFT_IN_SEARCH: f64 = 0.8;
/// What each success adds. How many calls [`CUT`] and this let be refused at a limit that has to be found, the
/// benchmark `drain` shows; none is where the quota is known and nobody else uses it.
const RAISE: f64 = 1.02;
/// What it adds where the quota is known, up to this part of the rate that was refused.
const RETURN: f64 = 1.1;
const SURE: f64 = 0.9;
/// The slowest pace, as a part of that at the start: one that never went on could never learn.
const SLOWEST: f64 = 0.05;
/// No rate is greater; nobody's limit is, and numbers stay numbers.
const FASTEST: f64 = 10_000.0;
/// Doubling takes so long.
const DOUBLES_EACH: Duration = Duration::from_secs(1);
/// No wait is told to be longer.
const LONGEST: Duration = Duration::from_secs(86_400);
/// What adding up many parts of a token may lose.
const ROUNDING: f64 = 1e-6;

/// A token bucket.
#[derive(Debug)]
pub struct Bucket {
    start: Quota,
    /// No rate above this.
    ceiling: f64,
    published: bool,
    rate: f64,
    /// Up to here a rate that is known comes back fast.
    sure: f64,
    tokens: f64,
    filled: Instant,
    /// Since when nothing more fits in.
    full: Option<Instant>,
    /// When the doubling last happened; absent before the first call, and after the first refusal.
    doubled: Option<Instant>,
    lowered: Option<Instant>,
    /// Calls since then.
    since_lowered: u32,
    /// When a call last had to wait, or was sent away: calls use the rate up.
    wanted: Option<Instant>,
    /// Calls in this second, and in the one before.
    second: Instant,
    calls: [f64; 2],
}

impl Bucket {
    /// A full bucket. `published` says that `part` is a limit and not only a start.
    pub fn new(part: Quota, published: bool, now: Instant) -> Self {
        Self {
            start: part,
            ceiling: if published { part.per_second } else { FASTEST },
            published,
            rate: part.per_second,
            sure: part.per_second,
            tokens: part.burst,
            filled: now,
            full: None,
            doubled: None,
            lowered: None,
            since_lowered: 0,
            wanted: None,
            second: now,
            calls: [0.0; 2],
        }
    }

    /// Calls a second, as far as is known.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Adds what has come since.
    pub fn fill(&mut self, now: Instant) {
        let (burst, passed) = (self.burst(), now.saturating_duration_since(self.filled).as_secs_f64());
        let until_full = ((burst - self.tokens) / self.rate).max(0.0);
        if passed >= until_full {
            let full = Duration::try_from_secs_f64(until_full).unwrap_or_default();
            self.full.get_or_insert(self.filled + full);
        }
        self.tokens = (self.tokens + passed * self.rate).min(burst);
        self.filled = now;
    }

    /// For how long calls could have gone, and none did.
    pub fn unused(&self) -> Duration {
        let kept = Duration::try_from_secs_f64((self.tokens - 1.0).max(0.0) / self.rate).unwrap_or(LONGEST);
        kept + self.full.map_or(Duration::ZERO, |full| self.filled.saturating_duration_since(full))
    }

    /// A slower pace has a smaller burst.
    fn burst(&self) -> f64 {
        (self.start.burst * (self.rate / self.start.per_second).min(1.0)).max(1.0)
    }

    /// How long it takes until `count` more calls may have gone, the doubling foreseen.
    pub fn wait_for(&self, count: f64) -> Duration {
        let mut missing = count - self.tokens - ROUNDING;
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        let (mut waited, mut rate) = (0.0, self.rate);
        if self.searches() {
            // Before the first call the doubling begins with it.
            let doubled = self.doubled.unwrap_or(self.filled);
            let passed = self.filled.saturating_duration_since(doubled);
            let mut until_next = DOUBLES_EACH.saturating_sub(passed).as_secs_f64();
            while missing > rate * until_next && rate < FASTEST {
                missing -= rate * until_next;
                waited += until_next;
                rate *= 2.0;
                until_next = DOUBLES_EACH.as_secs_f64();
            }
        }
        Duration::try_from_secs_f64(waited + missing / rate).map_or(LONGEST, |wait| wait.min(LONGEST))
    }

    /// How long two repeats of a call that is refused now would take; nothing where none need be refused.
    pub fn time_to_repeat(&self) -> Duration {
        match self.published && self.lowered.is_none() {
            true => Duration::ZERO,
            false => {
                Duration::try_from_secs_f64(2.0 * (1.0 - self.left()) / (self.rate * CUT)).unwrap_or(LONGEST)
            }
        }
    }

    /// A call cannot go at once.
    pub fn wanted(&mut self, now: Instant) {
        self.wanted = Some(now);
    }

    /// Takes the token of one call.
    pub fn take(&mut self, now: Instant) {
        self.tokens -= 1.0;
        self.since_lowered = self.since_lowered.saturating_add(1);
        self.full = None;
        self.count(now);
        self.calls[0] += 1.0;
        if self.searches() {
            self.doubled.get_or_insert(now);
        }
    }

    /// A call that started at `started` was answered otherwise than by throttling. Where no quota is
    /// published the rate rises only if calls use it up: a pace that nobody needs teaches nothing. True
    /// where the pace is higher now.
    pub fn taken(&mut self, started: Instant, now: Instant) -> bool {
        self.fill(now);
        let lately = DOUBLES_EACH.max(self.wait_for(self.tokens.max(0.0) + 1.0) * 2);
        let used_up = self.wanted.is_some_and(|wanted| wanted + lately >= started)
            && self.rate <= self.calls_a_second(now) * 2.0;
        let rate = self.rate;
        if !self.searches() {
            if used_up || self.published {
                let returns = self.published && rate < self.sure;
                let raised = if returns { (rate * RETURN).min(self.sure) } else { rate * RAISE };
                self.rate = raised.min(self.ceiling);
            }
        } else if used_up
            && self.doubled.is_some_and(|doubled| now.saturating_duration_since(doubled) >= DOUBLES_EACH)
        {
            self.rate = (rate * 2.0).min(FASTEST);
            self.doubled = Some(now);
        }
        self.rate > rate
    }

    /// A call that started at `started` was throttled. Those that were under way when the pace was last
    /// lowered say nothing new, and the first after it says nothing of the new pace: with what was left it came
    /// sooner. True where permits have moved.
    pub fn refused(&mut self, started: Instant, now: Instant) -> bool {
        self.fill(now);
        if self.lowered.is_some_and(|lowered| started <= lowered) {
            return false;
        }
        let cut = if self.searches() { FIRST_CUT } else { CUT };
        (self.tokens, self.full) = (self.left(), None);
        let is_first_since = self.lowered.replace(now).is_some() && self.since_lowered <= 1;
        if is_first_since {
            return true;
        }
        self.since_lowered = 0;
        let lately = self.calls_a_second(now);
        // Where calls came more slowly than they might, half of the rate may not have been tried at all.
        let tried = self.rate.min(lately.max(self.rate / 2.0));
        // More calls than the part a second were a burst: that it was refused says nothing of the rate.
        if lately < self.start.per_second.max(1.0) + 1.0 {
            self.sure = tried * SURE;
        }
        self.rate = (tried * cut).max(self.start.per_second * SLOWEST);
        true
    }

    fn left(&self) -> f64 {
        if self.published { LEFT } else { LEFT_IN_SEARCH }
    }

    /// What was really called lately; one a second at least, since less cannot be told from nothing.
    fn calls_a_second(&mut self, now: Instant) -> f64 {
        self.count(now);
        self.calls[0].max(self.calls[1]).max(1.0)
    }

    /// Begins a new second where one is over.
    fn count(&mut self, now: Instant) {
        match now.saturating_duration_since(self.second).as_secs() {
            0 => {}
            passed => {
                self.calls = [0.0, if passed == 1 { self.calls[0] } else { 0.0 }];
                self.second += Duration::from_secs(passed);
            }
        }
    }

    /// Whether the limit is not known and was not met yet.
    fn searches(&self) -> bool {
        !self.published && self.lowered.is_none()
    }
}

#[cfg(test)]
mod tests;
