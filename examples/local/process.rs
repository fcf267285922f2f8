//! The function, in a process of its own: this same program once more, told by its first argument to
//! be the function. Its output is kept, to be shown where it dies. It knows nothing of events.

use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// The argument that makes this program the function.
pub const MARKER: &str = "--as-function";

/// Variables of the user's own that may reach the function; all others stay out, so that a profile
/// or a proxy in the shell does not decide what happens.
const PASSED_ON: [&str; 3] = ["COUNTERMAND_", "AWS_LAMBDA_LOG_", "RUST_"];

pub struct Function {
    child: Child,
    output: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Function {
    /// Starts the function with these variables; `echo` shows its output as it comes.
    pub fn start(variables: &[(String, String)], echo: bool) -> io::Result<Function> {
        let own =
            std::env::vars().filter(|(name, _)| PASSED_ON.iter().any(|prefix| name.starts_with(prefix)));
        let mut child = Command::new(std::env::current_exe()?)
            .arg(MARKER)
            .env_clear()
            .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .envs(own)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = Arc::default();
        let mut readers = Vec::new();
        readers.extend(child.stdout.take().map(|stream| keep(stream, &output, echo)));
        readers.extend(child.stderr.take().map(|stream| keep(stream, &output, echo)));
        Ok(Function { child, output, readers })
    }

    /// Waits for the end that a function should not have, and says how it ended.
    pub async fn ended(&mut self) -> String {
        let ended = self.child.wait().await;
        for reader in self.readers.drain(..) {
            // A reader that failed leaves what it had read.
            let _ = reader.await;
        }
        ended.map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    /// The function, where it has not ended since it was last used.
    pub fn still_alive(mut self) -> Option<Function> {
        matches!(self.child.try_wait(), Ok(None)).then_some(self)
    }

    /// The lines that the function has written so far.
    pub fn output(&self) -> Vec<String> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn keep(
    stream: impl AsyncRead + Unpin + Send + 'static,
    output: &Arc<Mutex<Vec<String>>>,
    echo: bool,
) -> JoinHandle<()> {
    let output = Arc::clone(output);
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line).into_owned();
            if echo {
                crate::screen::note(&line);
            }
            output.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    })
}
