//! `--serve`: the simulator alone, for other programs, and what to tell them so that they find it.

use std::io;

use countermand_simulator::Simulator;

use crate::arguments::Options;
use crate::screen::{note, say};

/// Prints the variables, then waits for Ctrl-C.
pub async fn serve(simulator: &Simulator, options: &Options) -> io::Result<()> {
    say(&introduction(simulator, options))?;
    tokio::signal::ctrl_c().await?;
    note("");
    Ok(())
}

fn introduction(simulator: &Simulator, options: &Options) -> String {
    let variables = variables(simulator, options);
    let exports = variables.iter().map(|(name, value)| format!("  export {name}={}\n", quoted(value)));
    let url = simulator.base_url();
    format!(
        "The simulator listens on {url}, until Ctrl-C.

In another shell:

{}
Then, for example:

  aws appflow cancel-flow-executions --flow-name orders --execution-ids run-1 run-3
  aws swf request-cancel-workflow-execution --domain billing --workflow-id invoice-2041
  python3 -c 'import boto3; print(boto3.client(\"appflow\").cancel_flow_executions(flowName=\"stock\"))'

With target/release/bootstrap started there, an event reaches it and its answer comes back:

  curl --data-binary @events/sqs-mixed-batch.json {url}/_simulator/invoke

What happened, and what goes wrong next:

  curl {url}/_simulator/ledger
  curl {url}/_simulator/published
  curl {url}/_simulator/world
  curl -d '{{\"operation\": \"appflow.CancelFlowExecutions\", \"kind\": \"throttle\"}}' {url}/_simulator/faults
",
        exports.collect::<String>()
    )
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
