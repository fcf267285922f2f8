//! A process of a function, as Lambda starts one, and what it uses: CPU time to the nanosecond, and memory.
//! It ends with its handle. Which function it is makes no difference here.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::quota::{Group, Quota};

pub struct Process {
    child: Child,
    spawned: Instant,
    /// Goes after the child has ended, as fields are dropped last.
    group: Option<Group>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts the program; under the quota it comes only with `limit`.
    pub fn spawn(program: &Path, environment: &[(&str, String)], quota: Option<&Quota>) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let spawned = Instant::now();
        let child = command.spawn();
        let child = child.map_err(|error| io::Error::other(format!("{}: {error}", program.display())))?;
        let mut process = Self { child, spawned, group: None };
        process.group = quota.map(|quota| quota.enclose(process.child.id())).transpose()?;
        Ok(process)
    }

    pub fn age(&self) -> Duration {
        self.spawned.elapsed()
    }

    /// An error once it has ended.
    pub fn still_runs(&mut self) -> io::Result<()> {
        match self.child.try_wait()? {
            Some(status) => Err(io::Error::other(format!("expected a process that runs, got {status}"))),
            None => Ok(()),
        }
    }

    /// From now on its quota holds, where it has one.
    pub fn limit(&self) -> io::Result<()> {
        self.group.as_ref().map_or(Ok(()), Group::limit)
    }

    /// The CPU time of all its threads so far.
    #[cfg(target_os = "linux")]
    pub fn cpu(&self) -> io::Result<Duration> {
        let process = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        Ok(nix::time::clock_getcpuclockid(process)?.now()?.into())
    }

    #[cfg(not(target_os = "linux"))]
    pub fn cpu(&self) -> io::Result<Duration> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "expected Linux, whose kernel tells the CPU time of others",
        ))
    }

    /// The most memory that it had at once, in megabytes.
    pub fn peak_memory(&self) -> io::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        let kibibytes =
            kibibytes.ok_or_else(|| io::Error::other("expected VmHWM in the process's status"))?;
        Ok(kibibytes * 1024.0 / 1e6)
    }
}
