//! How long an attempt and its parts may last, and whom it asked where that was too long.
//!
//! Who makes the attempts is not known here.

use std::cell::RefCell;
use std::time::Duration;

use tokio::time::timeout;

use crate::call_error::{Answer, CallError};

/// One attempt lasts at most this long, from connecting to the last byte of the answer.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);
/// Connecting lasts at most this long.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Of that, the addresses of a name share this; the handshake has the rest.
pub const ADDRESSES_LIMIT: Duration = Duration::from_millis(800);
/// What an attempt has to read before it can call lasts at most this long, so that it ends by itself
/// before the attempt is cut off and nobody could tell that nothing was asked.
pub const PREPARATION_LIMIT: Duration = Duration::from_secs(2);

/// What an attempt has to read before it can call, within a limit of its own. No call was made where it
/// fails, whatever the answer that it got.
pub async fn prepare<T>(read: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    let read = prepared(read).await;
    let read = read.unwrap_or_else(|limit| Err(CallError::timeout(limit, asked().as_deref())));
    read.map_err(|error| CallError { answer: Answer::NotAsked, request_id: None, ..error })
}

/// The same, whatever it is that has to be had.
///
/// # Errors
/// The limit, where it was reached.
pub async fn prepared<T>(read: impl Future<Output = T>) -> Result<T, Duration> {
    timeout(PREPARATION_LIMIT, read).await.map_err(|_| PREPARATION_LIMIT)
}

/// Connecting, within its limit.
pub async fn connecting<T, E>(connect: impl Future<Output = Result<T, E>>) -> Result<T, E>
where
    E: From<std::io::Error>,
{
    let late = |_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
    timeout(CONNECT_LIMIT, connect).await.unwrap_or_else(late)
}

tokio::task_local! {
    /// The host that the attempt under way has asked last.
    static ASKED: RefCell<Option<String>>;
}

/// An attempt that can tell whom it asked.
pub async fn noting_who_is_asked<T>(attempt: impl Future<Output = T>) -> T {
    ASKED.scope(RefCell::default(), attempt).await
}

/// Tells the attempt under way which host it asks, for the error where no answer comes.
pub fn asking(host: &str) {
    // Outside of an attempt nobody wants to know.
    let _ = ASKED.try_with(|asked| *asked.borrow_mut() = Some(host.into()));
}

/// The host that the attempt under way has asked last.
pub fn asked() -> Option<String> {
    ASKED.try_with(RefCell::take).ok().flatten()
}
