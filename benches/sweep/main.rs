//! How far a sweep reaches: `cargo bench --bench sweep`.
//!
//! One process of the function, in simulated time and without sockets, sweeps executions through its own queue,
//! against token buckets like the services' own. While it does, executions start that are not meant. The table goes
//! to the terminal, the plot to `docs/sweep.svg`. The memory is that of the release binary, which sweeps as many over
//! real sockets, at no pace. `-- small` runs small cases in simulated time alone; a name, or a part of one, chooses
//! cases. It fails where one that was meant was not asked, or asked twice, where another was asked, and where SWF's take
//! 5 % longer than quota and burst allow.

#[path = "../../src/main.rs"]
#[expect(dead_code, reason = "the composition root is a program of its own")]
mod bootstrap;

#[path = "../../tests/simulated/mod.rs"]
mod simulated;

#[path = "../../tests/whole_path/services/mod.rs"]
#[expect(dead_code, reason = "tests ask for more")]
mod services;

mod case;
mod memory;
mod plot;
mod swept;

use std::io::Error;

use case::Case;
use swept::{Swept, sweep};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let small = arguments.iter().any(|argument| argument == "small");
    let names: Vec<&String> = arguments.iter().filter(|argument| *argument != "small").collect();
    let all = names.is_empty();
    let mut cases = Case::all(small);
    cases.retain(|case| all || names.iter().any(|name| case.name.contains(name.as_str())));
    println!(
        "| case | ideal | asked | summary | over | cancels | reads | refused | steps | messages | memory | cost |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut rows = Vec::new();
    let mut problem = None;
    for case in cases {
        let swept = sweep(&case);
        let memory = if small { None } else { Some(memory::most(&case)?) };
        print(&case, &swept, memory);
        problem = problem.or(swept.problem(&case)).or(is_late(&case, &swept, small));
        rows.push((case, swept));
    }
    if all && !small {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sweep.svg"), plot::svg(&rows))?;
        println!("\ndocs/sweep.svg shows the executions asked over time");
    }
    problem.map_or(Ok(()), |problem| Err(Error::other(problem)))
}

fn print(case: &Case, swept: &Swept, memory: Option<f64>) {
    println!(
        "| {} | {:.0} s | {:.0} s | {:.0} s | {:+.1} % | {} | {} | {} | {} | {} | {} | {:.2} ¢ |",
        case.name,
        case.ideal(),
        swept.asked_after,
        swept.told_after,
        (swept.asked_after / case.ideal() - 1.0) * 100.0,
        swept.cancels,
        swept.reads,
        swept.refused,
        swept.summary["steps"],
        swept.messages,
        memory.map_or("".into(), |memory| format!("{memory:.1} MB")),
        swept.dollars() * 100.0,
    );
}

/// Of a small sweep the pauses are a large part.
fn is_late(case: &Case, swept: &Swept, small: bool) -> Option<String> {
    let most = case.ideal() * if small { 1.6 } else { 1.05 };
    let is_late = case.service.name() == "swf" && swept.asked_after > most;
    is_late.then(|| format!("{}: expected at most {most:.0} s, got {:.0} s", case.name, swept.asked_after))
}
