//! `--serve`: the simulator alone, for other programs: what to tell them so that they find it, and what they
//! then call.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use countermand::targets::SERVICES;
use countermand_simulator::{Call, Simulator};

use crate::arguments::Options;
use crate::screen::{note, say};
use crate::{process, timeline};

/// Prints what leads there, then each call as it comes, until Ctrl-C.
pub async fn serve(simulator: &mut Simulator, options: &Options) -> io::Result<()> {
    if let Some(bridge) = docker_bridge().filter(|_| options.address.is_loopback()) {
        // Where the port is taken there, containers reach what has taken it, and programs on this machine reach this.
        let _ = simulator.listen(SocketAddr::new(bridge, simulator.address().port())).await;
    }
    say(&introduction(simulator, options)?)?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended?,
        wrong = show_calls(simulator) => return wrong,
    }
    note("");
    Ok(())
}

/// This machine's address on Docker's bridge, where containers reach it; Docker Desktop lets them reach 127.0.0.1.
fn docker_bridge() -> Option<IpAddr> {
    let routes = std::fs::read_to_string("/proc/net/route").ok()?;
    let network = routes.lines().find_map(|line| line.strip_prefix("docker0\t")?.split('\t').next())?;
    let network = Ipv4Addr::from(u32::from_str_radix(network, 16).ok()?.to_ne_bytes());
    let neighbor = Ipv4Addr::from(u32::from(network) + 1);
    // Nothing is sent: the kernel says from which address it would be.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((neighbor, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// A line for each call, once it is known what came of it. It ends only where nobody reads.
async fn show_calls(simulator: &Simulator) -> io::Result<()> {
    let known = |call: &Call| call.status.is_some() || call.fault.is_some();
    for shown in 0.. {
        simulator.until(|calls| calls.get(shown).is_some_and(known)).await;
        let calls = simulator.ledger();
        for group in timeline::groups(calls.get(shown..=shown).unwrap_or_default()) {
            let line = group.lines.first().map_or("", |line| line.result.as_str());
            say(&format!("{line:<26}  {}  {}\n", group.operation, group.asks_for))?;
        }
    }
    Ok(())
}

/// All of it can be pasted into another shell as it stands, in its order.
fn introduction(simulator: &Simulator, options: &Options) -> io::Result<String> {
    let variables = variables(simulator, options);
    let exports = variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value)));
    let url = simulator.base_url();
    let program = std::env::current_exe()?;
    let here = std::env::current_dir()?;
    let program = program.strip_prefix(here).unwrap_or(&program).display().to_string();
    Ok(format!(
        "# The simulator listens on {url}, until Ctrl-C. In another shell:
unset AWS_PROFILE AWS_SESSION_TOKEN
export AWS_PAGER=
{}
# AWS's own clients reach it:
aws appflow cancel-flow-executions --flow-name orders --execution-ids run-1 run-3
aws swf request-cancel-workflow-execution --domain billing --workflow-id invoice-2041
python3 -c 'import boto3; print(boto3.client(\"appflow\").cancel_flow_executions(flowName=\"stock\"))'

# So does the function, to which an event is handed (kill %1 ends it):
{} {} > /dev/null &
curl --data-binary @events/sqs-mixed-batch.json {url}/_simulator/invoke

# What happened:
curl {url}/_simulator/ledger
curl {url}/_simulator/published
curl {url}/_simulator/world

# What goes wrong next:
curl -d '{{\"operation\": \"appflow.CancelFlowExecutions\", \"kind\": \"throttle\"}}' {url}/_simulator/faults

# Calls, as they come:
",
        exports.collect::<String>(),
        quoted(&program),
        process::MARKER,
    ))
}

/// Everything that the function and AWS's own clients need. AWS's clients read the region from a
/// variable of another name than the function's.
pub fn variables(simulator: &Simulator, options: &Options) -> Vec<(String, String)> {
    let mut variables: Vec<_> =
        simulator.environment().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let region = variables.iter().find(|(name, _)| name == "AWS_REGION").map(|(_, region)| region.clone());
    variables.extend(region.map(|region| ("AWS_DEFAULT_REGION".to_owned(), region)));
    let destination = options.destination.arn();
    variables.extend(destination.map(|arn| ("COUNTERMAND_OUTCOME_DESTINATION".to_owned(), arn.to_owned())));
    // Nothing here can come to harm.
    let beyond = SERVICES.iter().filter_map(|service| Some(service.beyond?.variable.to_owned()));
    let unset = beyond.filter(|name| std::env::var_os(name).is_none());
    variables.extend(unset.map(|name| (name, "allow".to_owned())));
    variables
}

/// A value as a shell takes it.
fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    match value.bytes().all(plain) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_a_shell() {
        for (value, expected) in [
            ("http://127.0.0.1:4180", "http://127.0.0.1:4180"),
            ("$LATEST", "'$LATEST'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(quoted(value), expected);
        }
    }
}
