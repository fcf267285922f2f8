//! What a start does before the first event, and how one that cannot succeed is told.
//!
//! A preparation has little time. Lambda shows an init error with its type and message where the runtime API
//! is told of it; the log and the exit code say the same to everybody else.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use lambda_runtime::{Diagnostic, tracing};
use lambda_runtime_api_client::{Client, body::Body};

use crate::config::{ConfigError, runtime_api};
use crate::secrets::blotted;

/// An event may be waiting already.
const PREPARED_WITHIN: Duration = Duration::from_millis(300);
/// Telling Lambda must not keep a failed start alive.
const REPORT_LIMIT: Duration = Duration::from_secs(1);

/// Waits for something that makes the first event cheaper, as long as it may take. No start fails over it.
pub async fn prepare(name: &str, preparation: impl Future<Output = Result<(), String>>) {
    let wrong = match tokio::time::timeout(PREPARED_WITHIN, preparation).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(_) => format!("not ready within {PREPARED_WITHIN:?}"),
    };
    tracing::info!(service = name, error = wrong, "a first call could not be prepared");
}

/// Ends the start over its configuration.
pub async fn refuse(error: &ConfigError) -> ExitCode {
    let code = report("the configuration cannot be used", error);
    let told = tokio::time::timeout(REPORT_LIMIT, tell_lambda(error)).await;
    if !matches!(told, Ok(Ok(()))) {
        tracing::warn!("lambda could not be told why the start failed");
    }
    code
}

/// Logs an error that ends the process.
pub fn report(what: &str, error: &impl Display) -> ExitCode {
    tracing::error!("{what}: {error}");
    eprintln!("{}", blotted(&format!("{what}: {error}")));
    ExitCode::FAILURE
}

async fn tell_lambda(error: &ConfigError) -> Result<(), lambda_runtime::Error> {
    let endpoint = runtime_api().ok_or("AWS_LAMBDA_RUNTIME_API is not set")?;
    let diagnostic = serde_json::to_vec(&Diagnostic {
        error_type: "InvalidConfiguration".into(),
        error_message: blotted(&error.to_string()).into(),
    })?;
    let request = http::Request::post("/2018-06-01/runtime/init/error")
        .header("lambda-runtime-function-error-type", "InvalidConfiguration")
        .body(Body::from(diagnostic))?;
    Client::builder().with_endpoint(format!("http://{endpoint}").parse()?).build()?.call(request).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_start_prepares_for_so_long_and_no_longer() {
        for (takes, waited) in [(0, 0), (299, 299), (301, 300), (60_000, 300)] {
            let start = Instant::now();
            let preparation = async {
                tokio::time::sleep(Duration::from_millis(takes)).await;
                Ok(())
            };
            prepare("swf", preparation).await;
            assert_eq!(start.elapsed(), Duration::from_millis(waited));
        }
    }
}
