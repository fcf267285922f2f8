//! The function's process: the real binary, started, sent signals, and ended.
//!
//! It knows processes and their files under `/proc`, and nothing of cases or of the simulator.

use std::collections::BTreeMap;
use std::io::{Error, Read, Result};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

/// The function's process, ended with its owner.
pub struct Function {
    child: Child,
    /// Reads the log as it comes: a pipe that nobody empties would stop the function.
    log: Option<JoinHandle<Result<String>>>,
}

impl Function {
    /// Starts it with these variables and no others; its log is kept.
    pub fn start(variables: &BTreeMap<String, String>) -> Result<Self> {
        let mut child = Self::spawn(variables, Stdio::piped())?;
        let log = child.stdout.take().map(|mut stdout| {
            std::thread::spawn(move || {
                let mut log = String::new();
                stdout.read_to_string(&mut log).map(|_| log)
            })
        });
        Ok(Self { child, log })
    }

    /// The same, its log thrown away, for those who would not look at it.
    pub fn start_unheard(variables: &BTreeMap<String, String>) -> Result<Self> {
        Ok(Self { child: Self::spawn(variables, Stdio::null())?, log: None })
    }

    fn spawn(variables: &BTreeMap<String, String>, stdout: Stdio) -> Result<Child> {
        Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::null())
            .spawn()
    }

    /// Sends a signal by its name, as `TERM`.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let status = Command::new("sh").args(["-c", &format!("kill -{signal} {}", self.id())]).status()?;
        if status.success() { Ok(()) } else { Err(Error::other(format!("SIG{signal} was not sent"))) }
    }

    /// Waits for the process to end by itself or by a signal.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.child.wait()
    }

    /// Ends the process, if it has not ended, and reads what it logged.
    pub fn end(mut self) -> Result<String> {
        let _ = self.child.kill();
        match self.log.take() {
            Some(log) => log.join().unwrap_or_else(|_| Err(Error::other("the log could not be read"))),
            None => Ok(String::new()),
        }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Memory that the process holds, in kilobytes, by the kernel's name: `VmRSS` now, `VmHWM` at most.
    pub fn held(&self, name: &str) -> std::result::Result<u64, String> {
        let status = std::fs::read_to_string(self.proc("status")).map_err(|error| error.to_string())?;
        let held = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kilobytes = held.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
        kilobytes.ok_or_else(|| format!("{name}: expected a number of kB"))
    }

    /// A file or folder of the process under `/proc`.
    pub fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.id())
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself, which the reply has told.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
