//! What a user can let go wrong, in a few words on the command line, as the faults of the simulator.
//! Where the words do not reach, a fault is taken as the JSON that tests write.

use countermand_simulator::{Fault, FaultKind, Operation};

fn times(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|times| *times > 0);
    number.ok_or_else(|| format!("how often: expected a whole number from 1, got `{text}`"))
}

/// What `--throttle` stands for: every service that cancels refuses its first calls.
pub fn throttles(text: &str) -> Result<Vec<Fault>, String> {
    let times = times(text).map_err(|error| format!("--throttle: {error}"))?;
    let throttle =
        |operation| Fault::new(operation, FaultKind::Throttle { retry_after_ms: None }).times(times);
    Ok(Operation::canceling().map(throttle).collect())
}

/// What `--fault` stands for: `OPERATION=KIND[:N]`, or any fault as JSON.
pub fn fault(text: &str) -> Result<Fault, String> {
    let wrong = |error: String| format!("--fault {text}: {error}");
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|error| wrong(error.to_string()));
    }
    let (name, rest) =
        text.split_once('=').ok_or_else(|| wrong("expected OPERATION=KIND, as appflow=drop".into()))?;
    let (kind, number) = rest.split_once(':').unwrap_or((rest, "1"));
    let operation = operation(name).map_err(wrong)?;
    let kind = kind_of(kind, operation).map_err(wrong)?;
    Ok(Fault::new(operation, kind).times(times(number).map_err(wrong)?))
}

/// A full name, or a service, which stands for the operation that the function calls.
fn operation(name: &str) -> Result<Operation, String> {
    Operation::main_of(name).map_or_else(|| name.parse(), Ok)
}

fn kind_of(name: &str, operation: Operation) -> Result<FaultKind, String> {
    Ok(match name {
        "throttle" => FaultKind::Throttle { retry_after_ms: None },
        "error" => FaultKind::Error {
            status: 500,
            code: operation.internal_error().into(),
            message: Some("an internal error, scripted".into()),
            headers: Default::default(),
        },
        "drop" => FaultKind::Drop {},
        "loseReply" => FaultKind::LoseReply {},
        "hang" => FaultKind::Hang {},
        "delay" => FaultKind::Delay { ms: 1000 },
        "unreadable" => FaultKind::Reply {
            status: 502,
            body: "<html><body><h1>502 Bad Gateway</h1></body></html>".into(),
            headers: [("content-type".to_owned(), "text/html".to_owned())].into(),
        },
        "failEntries" if operation.takes_entries() => FaultKind::FailEntries {
            entries: vec![0],
            code: "InternalFailure".into(),
            message: Some("a failed entry, scripted".into()),
        },
        "failEntries" => return Err(format!("{operation} has no entries that could fail")),
        other => {
            return Err(format!(
                "unknown kind `{other}`, expected throttle, error, drop, loseReply, hang, delay, unreadable or failEntries"
            ));
        }
    })
}
