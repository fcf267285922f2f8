//! The CPU of a 128 MB function: 7 % of a core, by the kernel's cgroups, of either version. It takes the right
//! to make a cgroup, which a container seldom gives; where there is none it says so.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// 128 of the 1,769 MB at which Lambda gives a whole core.
pub const SHARE: f64 = 0.07;

const V1: &str = "/sys/fs/cgroup/cpu";
const V2: &str = "/sys/fs/cgroup";

/// So much of a core, counted over periods.
pub struct Quota {
    period: Duration,
}

impl Quota {
    pub fn new(period: Duration) -> Self {
        Self { period }
    }

    /// Whether it can be set here, by trying.
    pub fn check(&self) -> io::Result<()> {
        let mut process = Command::new("sleep").arg("60").spawn()?;
        let tried = self.enclose(process.id()).and_then(|group| group.limit().map(|()| group));
        process.kill()?;
        process.wait()?;
        tried.map(drop)
    }

    /// A cgroup for the process and all its threads, until it is dropped; the process must have ended by then.
    /// To move a process takes the kernel its time, so it is moved at its start, and limited later.
    pub fn enclose(&self, process: u32) -> io::Result<Group> {
        let group = self.group()?;
        write(&group.folder, "cgroup.procs", &process.to_string())?;
        Ok(group)
    }

    fn group(&self) -> io::Result<Group> {
        let period = self.period.as_micros();
        let quota = (period as f64 * SHARE) as u128;
        let (root, settings) = match Path::new(V1).join("cpu.cfs_quota_us").exists() {
            true => {
                (V1, vec![("cpu.cfs_period_us", period.to_string()), ("cpu.cfs_quota_us", quota.to_string())])
            }
            false => (V2, vec![("cpu.max", format!("{quota} {period}"))]),
        };
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(root).join(format!("countermand-speed-{}-{number}", std::process::id()));
        fs::create_dir(&folder).map_err(|error| {
            io::Error::other(format!("no cgroup can be made: {}: {error}", folder.display()))
        })?;
        Ok(Group { folder, settings })
    }
}

/// A cgroup, which goes with this handle.
pub struct Group {
    folder: PathBuf,
    /// What limits it: files and what they are to hold.
    settings: Vec<(&'static str, String)>,
}

impl Group {
    /// From now on the quota holds.
    pub fn limit(&self) -> io::Result<()> {
        self.settings.iter().try_for_each(|(file, text)| write(&self.folder, file, text))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // One that the kernel has not emptied yet stays, and does no harm: the next has another name.
        let _ = fs::remove_dir(&self.folder);
    }
}

fn write(folder: &Path, file: &str, text: &str) -> io::Result<()> {
    // Not created: a file that is not there belongs to a controller that is not there.
    let path = folder.join(file);
    let opened = fs::OpenOptions::new().write(true).open(&path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}
