//! The command line, read by hand: which events to run, what goes wrong on the way, and how the
//! result is shown. It knows the words a user writes; it starts nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use countermand_simulator::{Fault, Operation};

use crate::faults::{fault, throttles};

const USAGE: &str = "\
Runs cancel requests through the real function, against simulated services, and
shows what happened.

  cargo run --example local -- [options] <event file>…
  cargo run --example local -- --follow [options] <event file>…
  cargo run --example local -- --serve [options]

Several events go to one function, one after the other, in one simulated world.
A file named - is standard input.

  --throttle [N]              throttle the first N cancels of each service (2)
  --fault OPERATION=KIND[:N]  let the first N calls of it go wrong (1); may be
                              given more than once
  --destination WHERE         where outcomes go: bus, topic, queue or none (bus)
  --timeout SECONDS           what each invocation may take (30)
  --json                      one JSON object for each event, on its own line
  --log                       the function's own log, on standard error
  --follow                    in simulated time, until what asks for it is
                              confirmed; an event that asks needs no option
  --settle SECONDS            how long what was asked to end takes then (40)
  --serve                     keep the simulator running, print how to reach it
  --address ADDRESS           where the simulator listens (127.0.0.1); for
                              containers, their bridge's address
  --port PORT                 and on which port (4180 with --serve, else any)
  --help                      this text

OPERATION is a full name, as swf.RequestCancelWorkflowExecution, or a service
for the operation that the function calls it for:
{services}

KIND is one of

  throttle     the service says that it is called too often
  error        the service reports an internal error, as a 500
  drop         the connection closes without a reply, and nothing was done
  loseReply    the connection closes without a reply, but the work was done
  hang         no reply ever comes
  delay        the reply comes a second late
  unreadable   a 502 with a page of HTML
  failEntries  the first entry of a batch fails in a 200 ({batches})

or any fault as JSON: --fault '{\"operation\": \"appflow.CancelFlowExecutions\",
\"kind\": \"error\", \"status\": 403, \"code\": \"AccessDeniedException\"}'. Variables
whose names begin with COUNTERMAND_ reach the function.

With --follow all that is in the events comes through the function's own queue,
which takes its follow-ups too, and the decider of invoice-2041 ignores requests
to cancel.

The exit code is 0 where every request was taken, found canceled, or a dry run;
1 where one was not, or an outcome was not published; 2 where the command or a
file was wrong.";

/// The help, with the services that are simulated.
pub fn usage() -> String {
    let batches = Operation::all().filter(|operation| operation.takes_entries());
    USAGE.replace("{services}", &services(Operation::all())).replace("{batches}", &services(batches))
}

fn services(operations: impl Iterator<Item = Operation>) -> String {
    let mut names: Vec<_> = operations.filter_map(|it| Some(it.name().split_once('.')?.0)).collect();
    names.dedup();
    // As many as a line of a terminal holds.
    names.chunks(6).map(|names| names.join(", ")).collect::<Vec<_>>().join(",\n")
}

/// Where `--serve` listens unless it is told otherwise, so that what was exported once stays true.
const SERVE_PORT: u16 = 4180;

/// What the user asks for.
#[derive(Debug, PartialEq)]
pub enum Command {
    Help,
    Run(Options, Vec<PathBuf>),
    Follow(Options, Vec<PathBuf>),
    Serve(Options),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub faults: Vec<Fault>,
    pub destination: Destination,
    pub timeout: Duration,
    /// What was asked to end takes so long, where a story is followed.
    pub settle: Duration,
    pub json: bool,
    pub log: bool,
    pub address: IpAddr,
    pub port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Destination {
    Bus,
    Topic,
    Queue,
    None,
}

impl Destination {
    /// The ARN of the seeded bus, topic or queue.
    pub fn arn(self) -> Option<&'static str> {
        match self {
            Self::Bus => Some("arn:aws:events:us-east-1:111122223333:event-bus/outcomes"),
            Self::Topic => Some("arn:aws:sns:us-east-1:111122223333:outcomes"),
            Self::Queue => Some("arn:aws:sqs:us-east-1:111122223333:outcomes"),
            Self::None => None,
        }
    }
}

impl Options {
    /// A story can be told with these.
    pub fn can_follow(&self) -> bool {
        !self.log && self.destination != Destination::None
    }
}

impl Command {
    /// Reads the arguments, without the program's name.
    ///
    /// # Errors
    /// What is wrong with them, in a sentence for the user.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Command, String> {
        let mut options = Options {
            faults: Vec::new(),
            destination: Destination::Bus,
            timeout: Duration::from_secs(30),
            settle: Duration::from_secs(40),
            json: false,
            log: false,
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
        };
        let (mut events, mut port, mut settle) = (Vec::new(), None, None);
        let (mut serve, mut follow) = (false, false);
        let mut arguments = arguments.into_iter().peekable();
        while let Some(argument) = arguments.next() {
            let (name, attached) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (argument, None),
            };
            let flag = |attached: Option<String>| match attached {
                None => Ok(true),
                Some(value) => Err(format!("{name} takes no value, got `{value}`")),
            };
            match name.as_str() {
                "--help" | "-h" => return Ok(Command::Help),
                "--json" => options.json = flag(attached)?,
                "--log" => options.log = flag(attached)?,
                "--serve" => serve = flag(attached)?,
                "--follow" => follow = flag(attached)?,
                "--throttle" => {
                    // A number that follows is how often; anything else is the next argument.
                    let times = attached.or_else(|| arguments.next_if(|next| is_number(next)));
                    options.faults.extend(throttles(times.as_deref().unwrap_or("2"))?);
                }
                "--fault" | "--destination" | "--timeout" | "--settle" | "--address" | "--port" => {
                    let value = attached.or_else(|| arguments.next());
                    let value = value.ok_or_else(|| format!("{name} needs a value"))?;
                    match name.as_str() {
                        "--fault" => options.faults.push(fault(&value)?),
                        "--destination" => options.destination = destination(&value)?,
                        "--timeout" => options.timeout = timeout(&value)?,
                        "--settle" => settle = Some(read_as(&name, "seconds", &value)?),
                        "--address" => options.address = read_as(&name, "an IP address", &value)?,
                        _ => port = Some(read_as(&name, "a port", &value)?),
                    }
                }
                unknown if unknown.starts_with('-') && unknown != "-" => {
                    return Err(format!("there is no option {unknown}"));
                }
                event => events.push(PathBuf::from(event)),
            }
        }
        options.port = port.unwrap_or(if serve { SERVE_PORT } else { 0 });
        options.settle = settle.map_or(options.settle, Duration::from_secs);
        match (serve, follow, events.is_empty()) {
            (true, true, _) => Err("--serve and --follow do not go together".into()),
            (_, false, _) if settle.is_some() => Err("--settle goes with --follow".into()),
            (_, true, _) if options.log => Err("--follow has no log to show".into()),
            (_, true, _) if options.destination == Destination::None => {
                Err("--follow needs a destination to be told of confirmations".into())
            }
            (true, _, true) => Ok(Command::Serve(options)),
            (true, _, false) => Err("--serve takes no event files".into()),
            (false, _, true) => Err("expected an event file".into()),
            (false, true, false) => Ok(Command::Follow(options, events)),
            (false, false, false) => Ok(Command::Run(options, events)),
        }
    }
}

fn read_as<T: std::str::FromStr>(name: &str, expected: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name}: expected {expected}, got `{value}`"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn destination(name: &str) -> Result<Destination, String> {
    match name {
        "bus" => Ok(Destination::Bus),
        "topic" => Ok(Destination::Topic),
        "queue" => Ok(Destination::Queue),
        "none" => Ok(Destination::None),
        other => Err(format!("--destination: expected bus, topic, queue or none, got `{other}`")),
    }
}

/// Lambda's own bounds.
fn timeout(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=900.0).contains(seconds));
    let seconds = seconds.ok_or_else(|| format!("--timeout: expected 0.1 to 900 seconds, got `{text}`"))?;
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        Command::read(line.split_whitespace().map(String::from))
    }

    fn faults(line: &str) -> Vec<(String, &'static str, u32)> {
        match read(line) {
            Ok(Command::Run(options, _)) => {
                let faults = options.faults.iter();
                faults.map(|fault| (fault.operation.to_string(), fault.kind.name(), fault.times)).collect()
            }
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn faults_are_read() {
        let cases = [
            ("--fault appflow=drop e.json", ("appflow.CancelFlowExecutions", "drop", 1)),
            (
                "--fault=swf.RequestCancelWorkflowExecution=hang:3 e.json",
                ("swf.RequestCancelWorkflowExecution", "hang", 3),
            ),
            ("--fault sns=failEntries e.json", ("sns.PublishBatch", "failEntries", 1)),
            (
                r#"--fault {"operation":"cloudflow.StopExecution","kind":"loseReply","times":2} e.json"#,
                ("cloudflow.StopExecution", "loseReply", 2),
            ),
        ];
        for (line, (operation, kind, times)) in cases {
            assert_eq!(faults(line), [(operation.into(), kind, times)], "{line}");
        }
    }

    #[test]
    fn throttle_takes_a_number_or_leaves_the_next_argument_alone() {
        for (line, times) in
            [("--throttle e.json", 2), ("--throttle 5 e.json", 5), ("--throttle=1 e.json", 1)]
        {
            let faults = faults(line);
            assert_eq!(faults.len(), Operation::canceling().count(), "{line}");
            assert!(faults.iter().all(|(_, kind, given)| (*kind, *given) == ("throttle", times)), "{line}");
        }
    }

    #[test]
    fn wrong_commands_are_refused_with_a_reason() {
        let cases = [
            ("", "expected an event file"),
            ("--json", "expected an event file"),
            ("--serve e.json", "--serve takes no event files"),
            ("--nothing e.json", "there is no option --nothing"),
            ("--json=yes e.json", "--json takes no value"),
            ("e.json --fault", "--fault needs a value"),
            ("--fault appflow e.json", "expected OPERATION=KIND"),
            ("--fault appflow=explode e.json", "unknown kind `explode`"),
            ("--fault kinesis=drop e.json", "unknown operation `kinesis`"),
            ("--fault appflow=drop:0 e.json", "from 1, got `0`"),
            ("--fault appflow=failEntries e.json", "has no entries"),
            ("--throttle=many e.json", "got `many`"),
            ("--destination mail e.json", "got `mail`"),
            ("--timeout 0 e.json", "got `0`"),
            ("--port 99999 --serve", "got `99999`"),
            ("--address here --serve", "an IP address"),
            ("--follow", "expected an event file"),
            ("--follow --serve", "do not go together"),
            ("--follow --log e.json", "no log"),
            ("--follow --destination none e.json", "needs a destination"),
            ("--settle 5 e.json", "goes with --follow"),
            ("--settle soon --follow e.json", "got `soon`"),
        ];
        for (line, reason) in cases {
            let error = read(line).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }

    #[test]
    fn a_story_takes_its_time() {
        for (line, seconds) in [("--follow e.json", 40), ("--settle 5 --follow e.json", 5)] {
            let settle = Duration::from_secs(seconds);
            assert!(
                matches!(read(line), Ok(Command::Follow(options, _)) if options.settle == settle),
                "{line}"
            );
        }
    }

    #[test]
    fn serving_has_a_port_of_its_own() {
        for (line, port) in [("--serve", SERVE_PORT), ("--serve --port 0", 0), ("--port=81 --serve", 81)] {
            assert!(matches!(read(line), Ok(Command::Serve(options)) if options.port == port), "{line}");
        }
        assert_eq!(read("--help --nothing"), Ok(Command::Help));
    }
}
