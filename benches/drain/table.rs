//! The table: one line for each case.

use crate::case::Case;
use crate::watch::Drained;

/// A case and what became of it.
pub struct Row {
    pub case: Case,
    pub drained: Drained,
}

/// The first two lines, in Markdown, so that they can stand in a document.
pub fn head() {
    println!(
        "| case | ideal | drained | over | calls each | refused | receives each | most | dead | cut off |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
}

impl Row {
    pub fn new(case: &Case, drained: Drained) -> Self {
        Self { case: case.clone(), drained }
    }

    /// When the last request was done; never, where one was not.
    pub fn took(&self) -> Option<f64> {
        let (at, done) = self.drained.done.last()?;
        (*done == self.case.requests).then_some(*at)
    }

    /// What must not happen at the function's own pace, however fast or slow the machine.
    pub fn problem(&self) -> Option<String> {
        let Self { case, drained } = self;
        let lost = drained.dead > 0 || drained.too_late > 0 || self.took().is_none();
        let uncalled = drained.calls < case.requests as u64;
        let refused = drained.refused * 5 > drained.calls;
        let paced = !case.name.ends_with("pacing off");
        (paced && (lost || refused || uncalled)).then(|| {
            format!(
                "{}: expected all called and done, none dead, none cut off and at most a fifth refused, got {} calls for {}, {} dead, \
                 {} cut off, {} of {} refused",
                case.name, drained.calls, case.requests, drained.dead, drained.too_late, drained.refused, drained.calls
            )
        })
    }

    pub fn print(&self) {
        let Self { case, drained } = self;
        let requests = case.requests as f64;
        let (took, over) = match self.took() {
            Some(took) => (format!("{took:.1} s"), format!("{:+.0} %", (took / case.ideal() - 1.0) * 100.0)),
            None => ("never".into(), "".into()),
        };
        println!(
            "| {} | {:.1} s | {took} | {over} | {:.2} | {:.1} % | {:.1} | {} | {} | {} |",
            case.name,
            case.ideal(),
            drained.calls as f64 / requests,
            drained.refused as f64 / (drained.calls.max(1)) as f64 * 100.0,
            drained.receives as f64 / requests,
            drained.most_receives,
            drained.dead,
            drained.too_late,
        );
    }
}
