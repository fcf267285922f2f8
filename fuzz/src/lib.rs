//! The generators and checks of `tests/whole_path/hostile/`, and the services that they are for, for the fuzz targets.
//!
//! They are the same files that `cargo test` runs with random bytes, so that what a fuzzer finds can be
//! kept there as a test. Here is nothing of their own.

#[path = "../../tests/whole_path/hostile/draw.rs"]
pub mod draw;
#[path = "../../tests/whole_path/hostile/texts.rs"]
pub mod texts;

#[path = "../../tests/whole_path/services/mod.rs"]
pub mod services;

#[path = "../../tests/whole_path/hostile/requests.rs"]
pub mod requests;
#[path = "../../tests/whole_path/hostile/events.rs"]
pub mod events;
#[path = "../../tests/whole_path/hostile/replies.rs"]
pub mod replies;
#[path = "../../tests/whole_path/hostile/reply.rs"]
pub mod reply;

#[path = "../../src/main.rs"]
#[expect(dead_code, reason = "the composition root is a program of its own")]
mod bootstrap;
