//! The trace of an invocation, passed on to the services that are called for it.
//!
//! X-Ray and Lambda's detection of loops follow it from call to call. The SDK would take it from the
//! environment, which a process with more than one thread cannot safely set.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// The header, which no signature covers.
const HEADER: &str = "x-amzn-trace-id";

/// The trace of the invocation that is under way.
#[derive(Clone, Debug, Default)]
pub struct Trace(Arc<Mutex<Option<String>>>);

impl Trace {
    /// From now on calls belong to this trace, or to none.
    pub fn set(&self, trace: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = trace;
    }

    /// A connector that passes it on.
    pub fn through(&self, connector: SharedHttpConnector) -> SharedHttpConnector {
        SharedHttpConnector::new(Traced(connector, self.clone()))
    }
}

#[derive(Debug)]
struct Traced(SharedHttpConnector, Trace);

impl HttpConnector for Traced {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        if let Some(trace) = &*self.1.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // What no header can hold is no trace.
            let _ = request.headers_mut().try_insert(HEADER, trace.clone());
        }
        self.0.call(request)
    }
}
