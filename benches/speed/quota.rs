//! The CPU of a 128 MB function: 7 % of a core, by the kernel's cgroups, of either version. It takes the right
//! to make a cgroup, which a container seldom gives; where there is none it says so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
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

    /// Whether it can be set here.
    pub fn check(&self) -> io::Result<()> {
        self.group().map(drop)
    }

    /// Puts the process, with all its threads, under the quota, until what is returned is dropped. The
    /// process must have ended by then.
    pub fn limit(&self, process: u32) -> io::Result<Limited> {
        let group = self.group()?;
        write(&group.0, "cgroup.procs", &process.to_string())?;
        Ok(group)
    }

    fn group(&self) -> io::Result<Limited> {
        let period = self.period.as_micros();
        let quota = (period as f64 * SHARE) as u128;
        let old = Path::new(V1).join("cpu.cfs_quota_us").exists();
        let name = format!("countermand-speed-{}", std::process::id());
        let folder = Path::new(if old { V1 } else { V2 }).join(name);
        fs::create_dir(&folder).map_err(|error| {
            io::Error::other(format!("no cgroup can be made: {}: {error}", folder.display()))
        })?;
        let group = Limited(folder);
        match old {
            true => {
                write(&group.0, "cpu.cfs_period_us", &period.to_string())?;
                write(&group.0, "cpu.cfs_quota_us", &quota.to_string())?;
            }
            false => write(&group.0, "cpu.max", &format!("{quota} {period}"))?,
        }
        Ok(group)
    }
}

/// A cgroup, which goes with this handle.
pub struct Limited(PathBuf);

impl Drop for Limited {
    fn drop(&mut self) {
        // An empty one that stays does no harm.
        let _ = fs::remove_dir(&self.0);
    }
}

fn write(folder: &Path, file: &str, text: &str) -> io::Result<()> {
    // Not created: a file that is not there belongs to a controller that is not there.
    let path = folder.join(file);
    let written = fs::OpenOptions::new().write(true).open(&path).and_then(|mut file| {
        use std::io::Write;
        file.write_all(text.as_bytes())
    });
    written.map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}
