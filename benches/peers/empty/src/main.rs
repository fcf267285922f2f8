//! The empty function: what a Lambda function in Rust costs at the least.
//!
//! It reads no record, calls nobody, and gives every batch the same answer, that all went well. It knows
//! Lambda's runtime and nothing of Countermand, so that what it costs is the runtime's share of what
//! Countermand costs.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::IgnoredAny;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    batch_item_failures: [(); 0],
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(_event: LambdaEvent<IgnoredAny>) -> Result<Response, Error> {
    Ok(Response { batch_item_failures: [] })
}
