#![doc = include_str!("../ARCHITECTURE.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod handler;

pub mod event_source;
pub mod request;
pub mod policy;
pub mod plan;
pub mod targets;
pub mod outcome;
pub mod follow_up;
pub mod sweep;
pub mod publisher;
pub mod visibility;

pub mod client;
pub mod retry;
pub mod pace;
pub mod marker;
pub mod fields;
pub mod vocabulary;
pub mod call_error;
pub mod secrets;
pub mod contained;
pub mod invocation;
pub mod timestamp;
pub mod variables;
pub mod arn;

pub mod config;
pub mod log;
pub mod metrics;
pub mod rehearsal;
pub mod start_up;
pub mod runtime;

/// The crate's version and the commit that it was built from: `0.2.0 (0a1b2c3d4e5f)`, or `(unknown)` outside a
/// repository of its own.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILT_FROM_COMMIT"), ")");
