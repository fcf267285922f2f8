//! The table, in Markdown, so that it can stand in a document as it is: measures as rows, contestants as
//! columns, with ratios to Countermand, and what is to be reached.

use std::fmt::Write;

use crate::contestant::{Contestant, Kind};
use crate::measure::{Goal, Measure, Samples};

pub fn markdown(contestants: &[Contestant], samples: &Samples) -> String {
    let kinds: Vec<Kind> = contestants.iter().map(|contestant| contestant.kind).collect();
    let titles: String = kinds.iter().map(|kind| format!(" {} |", kind.title())).collect();
    let mut table = format!("| |{titles} goal |\n| --- |{} --- |", " ---: |".repeat(kinds.len()));
    for measure in Measure::ALL {
        let _ = write!(table, "\n| {} |", measure.name());
        for kind in &kinds {
            let _ = write!(table, " {} |", cell(*kind, measure, samples));
        }
        let goals: Vec<String> = measure.goals().iter().map(|goal| judged(*goal, measure, samples)).collect();
        let _ = write!(table, " {} |", goals.join("; "));
    }
    if kinds.contains(&Kind::Python) {
        table += "\n\nThe zip of Python is the handler alone: boto3 comes with Lambda's runtime.";
    }
    table
}

fn cell(kind: Kind, measure: Measure, samples: &Samples) -> String {
    let Some(value) = samples.median(kind, measure) else { return "not measured".into() };
    let ratio = match samples.median(Kind::Countermand, measure) {
        Some(own) if kind != Kind::Countermand => format!(" ({}×)", digits(value / own)),
        _ => String::new(),
    };
    format!("{} {}{ratio}", digits(value), measure.unit())
}

/// The goal, and whether it was reached; only the goal where that cannot be told.
fn judged(goal: Goal, measure: Measure, samples: &Samples) -> String {
    let of = |kind| samples.median(kind, measure);
    let (text, most) = match goal {
        Goal::AtMost(most) => (format!("≤ {most} {}", measure.unit()), Some(most)),
        Goal::TimesOf(kind, times) => {
            (format!("≤ {times}× {}", kind.title()), of(kind).map(|value| value * times))
        }
        Goal::PartOf(kind, part) => {
            (format!("≤ 1/{part} of {}", kind.title()), of(kind).map(|value| value / part))
        }
    };
    match of(Kind::Countermand).zip(most) {
        Some((own, most)) if own <= most => format!("{text}: met"),
        Some((own, most)) => format!("{text}: missed, {}×", digits(own / most)),
        None => text,
    }
}

/// Two or three digits that count, and thousands set apart.
pub fn digits(value: f64) -> String {
    match value {
        ..0.0005 => "<0.001".into(),
        ..0.0995 => format!("{value:.3}"),
        ..0.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        ..999.5 => format!("{value:.0}"),
        _ => {
            let whole = value.round() as u64;
            format!("{},{:03}", whole / 1000, whole % 1000)
        }
    }
}
