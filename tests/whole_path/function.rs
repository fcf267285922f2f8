//! The function's process: the real binary, started, sent signals, and ended.
//!
//! It knows processes and their files under `/proc`, and nothing of cases or of the simulator.

use std::collections::BTreeMap;
use std::io::{Error, Read, Result};
use std::process::{Child, Command, ExitStatus, Stdio};

/// The function's process, ended with its owner.
pub struct Function(Child);

impl Function {
    /// Starts it with these variables and no others; its log is kept.
    pub fn start(variables: &BTreeMap<String, String>) -> Result<Self> {
        Self::spawn(variables, Stdio::piped())
    }

    /// The same, its log thrown away, for those who would not read it before the pipe is full.
    pub fn start_unheard(variables: &BTreeMap<String, String>) -> Result<Self> {
        Self::spawn(variables, Stdio::null())
    }

    fn spawn(variables: &BTreeMap<String, String>, stdout: Stdio) -> Result<Self> {
        let child = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    /// Sends a signal by its name, as `TERM`.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let status = Command::new("sh").args(["-c", &format!("kill -{signal} {}", self.id())]).status()?;
        if status.success() { Ok(()) } else { Err(Error::other(format!("SIG{signal} was not sent"))) }
    }

    /// Waits for the process to end by itself or by a signal.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.0.wait()
    }

    /// Ends the process, if it has not ended, and reads what it logged.
    pub fn end(mut self) -> Result<String> {
        let _ = self.0.kill();
        let mut log = String::new();
        if let Some(mut stdout) = self.0.stdout.take() {
            stdout.read_to_string(&mut log)?;
        }
        Ok(log)
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// A file or folder of the process under `/proc`.
    pub fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.id())
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself, which the reply has told.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
