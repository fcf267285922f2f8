//! What a start does before the first event, and how one that cannot succeed is told.
//!
//! Preparations have little time, and no start fails over them. Lambda shows an init error with its type and message where the runtime API is told of it; the log
//! and the exit code say the same to everybody else.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use lambda_runtime::{Diagnostic, tracing};
use lambda_runtime_api_client::{Client, body::Body};

use crate::config::{ConfigError, runtime_api};

/// An event may be waiting already, and those who wait pay for nothing but the start itself.
const PREPARATION_LIMIT: Duration = Duration::from_millis(300);
/// Telling Lambda must not keep a failed start alive.
const REPORT_LIMIT: Duration = Duration::from_secs(1);

/// Waits for what makes the first event cheaper, as long as that may take.
pub async fn prepare(preparations: impl Future<Output = ()>) {
    if tokio::time::timeout(PREPARATION_LIMIT, preparations).await.is_err() {
        tracing::info!("not all first calls could be prepared within {PREPARATION_LIMIT:?}");
    }
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
    eprintln!("{what}: {error}");
    ExitCode::FAILURE
}

async fn tell_lambda(error: &ConfigError) -> Result<(), lambda_runtime::Error> {
    let endpoint = runtime_api().ok_or("AWS_LAMBDA_RUNTIME_API is not set")?;
    let diagnostic = serde_json::to_vec(&Diagnostic {
        error_type: "InvalidConfiguration".into(),
        error_message: error.to_string(),
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
            prepare(tokio::time::sleep(Duration::from_millis(takes))).await;
            assert_eq!(start.elapsed(), Duration::from_millis(waited));
        }
    }
}
