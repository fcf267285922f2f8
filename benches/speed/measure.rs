//! What is measured, in which unit, and what is to be reached; and the samples of it. It knows numbers, and
//! not where they come from.

use std::collections::HashMap;
use std::time::Duration;

use crate::contestant::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    FirstPoll,
    FirstResponse,
    CpuUntilPoll,
    CpuUntilResponse,
    FirstInvocation,
    LimitedInvocation,
    Warm,
    WarmTail,
    Batch,
    ThousandAlone,
    Thousand,
    ThousandShared,
    TenThousand,
    MemoryAfterFirst,
    Memory,
    TenThousandMemory,
    Zip,
}

/// What Countermand is to reach.
#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    /// So many times what another needs, at most.
    TimesOf(Kind, f64),
    /// A part of what another needs, one in so many, at most.
    PartOf(Kind, f64),
}

impl Measure {
    pub const ALL: [Measure; 17] = [
        Measure::FirstPoll,
        Measure::FirstResponse,
        Measure::CpuUntilPoll,
        Measure::CpuUntilResponse,
        Measure::FirstInvocation,
        Measure::LimitedInvocation,
        Measure::Warm,
        Measure::WarmTail,
        Measure::Batch,
        Measure::ThousandAlone,
        Measure::Thousand,
        Measure::ThousandShared,
        Measure::TenThousand,
        Measure::MemoryAfterFirst,
        Measure::Memory,
        Measure::TenThousandMemory,
        Measure::Zip,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Measure::FirstPoll => "cold start, spawn to first poll",
            Measure::FirstResponse => "cold start, spawn to first response",
            Measure::CpuUntilPoll => "CPU of a cold start, to first poll",
            Measure::CpuUntilResponse => "CPU of a cold start, to first response",
            Measure::FirstInvocation => "first invocation",
            Measure::LimitedInvocation => "first invocation at 128 MB (7 % of a core)",
            Measure::Warm => "warm invocation, median",
            Measure::WarmTail => "warm invocation, 99th percentile",
            Measure::Batch => "batch of ten, 50 ms for each reply",
            Measure::ThousandAlone => "CPU for 1,000 records one by one",
            Measure::Thousand => "CPU for 1,000 records in batches of ten",
            Measure::ThousandShared => "the same, each batch for runs of one flow",
            Measure::TenThousand => "CPU for 10,000 records of one flow in one batch",
            Measure::MemoryAfterFirst => "peak memory after the first response",
            Measure::Memory => "peak memory after all of it",
            Measure::TenThousandMemory => "peak memory after 10,000 records in one batch",
            Measure::Zip => "zip",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Measure::MemoryAfterFirst | Measure::Memory | Measure::TenThousandMemory | Measure::Zip => "MB",
            _ => "ms",
        }
    }

    pub fn goals(self) -> &'static [Goal] {
        match self {
            Measure::LimitedInvocation => &[Goal::AtMost(10.0), Goal::PartOf(Kind::Python, 100.0)],
            Measure::CpuUntilResponse => &[Goal::TimesOf(Kind::Empty, 2.5)],
            // Two round trips are 100 ms.
            Measure::Batch => &[Goal::AtMost(115.0)],
            Measure::Warm => &[Goal::TimesOf(Kind::Plain, 1.0)],
            Measure::ThousandAlone => &[Goal::TimesOf(Kind::Plain, 0.86)],
            Measure::Thousand => &[Goal::TimesOf(Kind::Plain, 0.8), Goal::AtMost(100.0)],
            Measure::ThousandShared => &[Goal::AtMost(100.0)],
            Measure::TenThousand => &[Goal::AtMost(250.0)],
            Measure::TenThousandMemory => &[Goal::AtMost(45.0)],
            Measure::Memory => &[Goal::AtMost(14.0)],
            Measure::Zip => &[Goal::AtMost(4.0)],
            _ => &[],
        }
    }
}

/// Every sample of every measure.
#[derive(Default)]
pub struct Samples(HashMap<(Kind, Measure), Vec<f64>>);

impl Samples {
    pub fn add(&mut self, kind: Kind, measure: Measure, value: f64) {
        self.0.entry((kind, measure)).or_default().push(value);
    }

    /// Nothing where it was not measured.
    pub fn median(&self, kind: Kind, measure: Measure) -> Option<f64> {
        self.0.get(&(kind, measure)).map(|samples| median(samples))
    }
}

pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

pub fn median(samples: &[f64]) -> f64 {
    percentile(samples, 50)
}

/// The smallest sample that so many of a hundred do not exceed.
pub fn percentile(samples: &[f64], percent: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}
