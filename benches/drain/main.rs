//! How a backlog drains: `cargo bench --bench drain`.
//!
//! A simulated queue, with visibility timeouts and receive counts, feeds ten processes of the real
//! binary; the simulator's token buckets refuse what is too fast. Each case runs with the function's own
//! pace and with pacing off, and is held against the ideal, (requests − burst) / rate. The table goes to
//! the terminal, the plot to `docs/drain.svg`. `-- simulated` runs the same cases in simulated time
//! without sockets; a name, or a part of one, chooses cases, `100,000` the one of so many requests, which is
//! only in simulated time. It fails where a request at the function's own pace is lost.

#[path = "../../src/main.rs"]
#[expect(dead_code, reason = "the composition root is a program of its own")]
mod bootstrap;

#[path = "../../tests/simulated/mod.rs"]
mod simulated;

#[path = "../../tests/whole_path/services/mod.rs"]
#[expect(dead_code, reason = "tests ask for more")]
mod services;

mod case;
mod in_process;
mod plot;
mod processes;
mod table;
mod watch;

use std::time::Duration;

use case::Case;
use table::Row;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let simulated = arguments.iter().any(|argument| argument == "simulated");
    let named = |case: &Case| {
        let names: Vec<&String> = arguments.iter().filter(|argument| *argument != "simulated").collect();
        names.is_empty() || names.iter().any(|name| case.name.contains(name.as_str()))
    };
    let mut rows = Vec::new();
    let many = simulated && arguments.iter().any(|argument| argument == "100,000");
    let cases: Vec<Case> = Case::all(many).into_iter().filter(named).collect();
    table::head();
    for case in &cases {
        let drained = match simulated {
            true => in_process::drain(case),
            false => processes::drain(case)?,
        };
        let row = Row::new(case, drained);
        row.print();
        if std::env::var_os("TIMELINE").is_some() {
            eprintln!("{:?}", row.drained.done);
        }
        rows.push(row);
    }
    if !simulated && rows.len() == cases.len() && arguments.is_empty() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/drain.svg"), plot::svg(&rows))?;
        println!("\ndocs/drain.svg shows the requests done over time");
    }
    match rows.iter().find_map(Row::problem) {
        Some(problem) => Err(std::io::Error::other(problem)),
        None => Ok(()),
    }
}

/// No case is worth more time than this.
const FIRST_WAIT: Duration = Duration::from_secs(300);
