//! The local run: hands event files to the real function, over a simulated Lambda, in a simulated
//! world of services, and shows what happened. The function is this program once more, in a process
//! of its own, so that nothing has to be built or started beside it.
//!
//! ```sh
//! cargo run --example local -- events/sqs-appflow-partial.json
//! cargo run --example local -- --throttle events/sqs-mixed-batch.json
//! ```
//!
//! A story that takes hours is told in simulated time instead, with the function in this process
//! ([`follow`]).

mod arguments;
mod arrival;
mod faults;
mod follow;
mod input;
mod moment;
mod process;
mod report;
mod rows;
mod screen;
mod serve;
mod timeline;

#[path = "../../src/main.rs"]
mod bootstrap;

#[path = "../../tests/simulated/mod.rs"]
mod simulated;

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use countermand_simulator::{Invocation, Simulator, World};
use tokio::time::{Instant, interval, timeout};

use crate::arguments::{Command, Options};
use crate::arrival::Arrival;
use crate::input::Event;
use crate::moment::Story;
use crate::process::Function;
use crate::report::{Answer, Report, logged_outcome};
use crate::screen::{Screen, note, say};

/// A command that was wrong, as shells know it.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(process::MARKER) {
        return bootstrap::main();
    }
    let done = match Command::read(std::env::args().skip(1)) {
        Ok(Command::Help) => say(&format!("{}\n", arguments::usage())).map(|()| true),
        Ok(Command::Serve(options)) => run(&options, None),
        Ok(Command::Run(options, files)) => match Event::read_all(&files) {
            // Only the story shows what a request asks for that is to be followed.
            Ok(events) if options.can_follow() && events.iter().any(Event::asks_to_be_followed) => {
                follow(&options, &events)
            }
            Ok(events) => run(&options, Some(&events)),
            Err(error) => return wrong(&error),
        },
        Ok(Command::Follow(options, files)) => match Event::read_all(&files) {
            Ok(events) => follow(&options, &events),
            Err(error) => return wrong(&error),
        },
        Err(error) => return wrong(&format!("{error}\n\n--help tells what can be asked for")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever read the output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            note(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn follow(options: &Options, events: &[Event]) -> io::Result<bool> {
    follow::follow(options, events, |story| tell(options, story))
}

/// Shows a story.
fn tell(options: &Options, story: &Story) -> io::Result<()> {
    match options.json {
        true => say(&format!("{}\n", serde_json::to_string(story)?)),
        false => say(&Screen::new().story(story)),
    }
}

fn wrong(error: &str) -> ExitCode {
    note(error);
    ExitCode::from(USAGE_ERROR)
}

/// Runs the events, or serves where there are none; tells whether every request was taken.
#[tokio::main]
async fn run(options: &Options, events: Option<&[Event]>) -> io::Result<bool> {
    let started = Instant::now();
    let address = SocketAddr::new(options.address, options.port);
    let taken =
        |error: io::Error| io::Error::new(error.kind(), format!("the simulator at {address}: {error}"));
    let mut simulator = Simulator::start(World::seeded(), address).await.map_err(taken)?;
    options.faults.iter().for_each(|fault| simulator.script(fault.clone()));
    let Some(events) = events else {
        return serve::serve(&mut simulator, options).await.map(|()| true);
    };
    let mut variables = serve::variables(&simulator, options);
    // A message that the function sent to itself counts only where it follows requests.
    if events.iter().any(Event::follows_up) {
        variables.push(("COUNTERMAND_FOLLOW_UP_QUEUE_ARN".into(), follow::QUEUE_ARN.into()));
    }
    let mut local = Local { simulator, started, options, variables, function: None };
    let mut all = true;
    for event in events {
        all &= local.run(event).await?;
    }
    Ok(all)
}

struct Local<'a> {
    simulator: Simulator,
    started: Instant,
    options: &'a Options,
    variables: Vec<(String, String)>,
    function: Option<Function>,
}

impl Local<'_> {
    /// One event, from its arrival to the answer.
    async fn run(&mut self, Event { name, text: event }: &Event) -> io::Result<bool> {
        let screen = Screen::new();
        let arrived = Arrival::read(event);
        if !self.options.json {
            say(&screen.opening(name, arrived.as_ref()))?;
        }
        let mut function = match self.function.take().and_then(Function::still_alive) {
            Some(function) => function,
            None => Function::start(&self.variables, self.options.log)?,
        };
        let (calls, published) = (self.simulator.ledger().len(), self.simulator.published().len());
        let logged = function.output().len();
        let handed_over = self.started.elapsed();
        let answer = self.answer(&mut function, event).await;
        let expected = arrived.as_ref().map_or(0, |arrived| arrived.records.len());
        let log = self.log(&function, logged, expected, &answer).await;
        let seen =
            (self.simulator.ledger().split_off(calls), self.simulator.published().split_off(published));
        let report = Report::new(name.clone(), arrived, seen, handed_over, answer, &log);
        // Lambda ends a function that did not answer in time, and starts a new one for the next event.
        self.function = (report.response != Answer::TimedOut).then_some(function);
        if self.options.json {
            say(&format!("{}\n", serde_json::to_string(&report)?))?;
        } else {
            say(&screen.rest(&report))?;
        }
        Ok(report.succeeded)
    }

    /// Hands the event over and waits for the answer, or for the function's end.
    async fn answer(&self, function: &mut Function, event: &str) -> Answer {
        let invocation = Invocation { timeout: self.options.timeout, ..Invocation::default() };
        let mut reply = std::pin::pin!(self.simulator.invoke(event.to_owned(), invocation));
        let how = tokio::select! {
            biased;
            reply = &mut reply => return reply.into(),
            how = function.ended() => how,
            never = self.progress() => match never {},
        };
        // The last thing a function does may be to say why it ends.
        match timeout(Duration::ZERO, reply).await {
            Ok(reply) => reply.into(),
            Err(_) => {
                let mut last_words = function.output();
                last_words.drain(..last_words.len().saturating_sub(20));
                Answer::Died { how, last_words }
            }
        }
    }

    /// What the function logged since a line. Where nothing is published the log alone holds the
    /// outcomes, and it may come a moment after the answer.
    async fn log(&self, function: &Function, since: usize, expected: usize, answer: &Answer) -> Vec<String> {
        const FIRST_WAIT: Duration = Duration::from_millis(500);
        let lines = || function.output().split_off(since);
        let complete = || lines().iter().filter(|line| logged_outcome(line).is_some()).count() >= expected;
        let answered = matches!(answer, Answer::Response(_) | Answer::FunctionError { .. });
        if self.options.destination == arguments::Destination::None && answered {
            let mut ticks = interval(Duration::from_millis(5));
            // Some events have fewer outcomes than records: then the patience ends the wait.
            let _ = timeout(FIRST_WAIT, async {
                while !complete() {
                    ticks.tick().await;
                }
            })
            .await;
        }
        lines()
    }

    /// Tells a person at a terminal that something is going on. It never ends by itself.
    async fn progress(&self) -> Infallible {
        let mut line = Transient { shown: false };
        let handed_over = Instant::now();
        let before = self.simulator.ledger().len();
        let mut ticks = interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            let seconds = handed_over.elapsed().as_secs_f64();
            if screen::is_smart() && io::stderr().is_terminal() && !self.options.log && seconds > 0.3 {
                let calls = timeline::count(self.simulator.ledger().len() - before, "call", "calls");
                line.show(&format!("   {seconds:.1} s, {calls} so far"));
            }
        }
    }
}

/// A line on standard error that is wiped out when it is no longer true.
struct Transient {
    shown: bool,
}

impl Transient {
    fn show(&mut self, text: &str) {
        self.shown = true;
        let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("\r\x1b[2K{text}"));
    }
}

impl Drop for Transient {
    fn drop(&mut self) {
        if self.shown {
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("\r\x1b[2K"));
        }
    }
}
