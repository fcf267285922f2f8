#![doc = include_str!("../ARCHITECTURE.md")]

pub mod handler;

pub mod event_source;
pub mod outcome;
pub mod publisher;
pub mod request;
pub mod targets;

pub mod call_error;
pub mod invocation;
pub mod retry;
pub mod timestamp;

pub mod config;
pub mod log;
pub mod start_up;
