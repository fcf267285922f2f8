//! Who is measured: Countermand, the empty function, and the peers of `benches/peers/`, which are made ready
//! here. It knows where their programs are and what of them would be uploaded to Lambda, not how they run.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::arguments::Arguments;

/// Cargo's folder for the files of benchmarks, in that for all it builds.
const TARGET: &str = env!("CARGO_TARGET_TMPDIR");
pub const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Countermand,
    Empty,
    Plain,
    Node,
    Python,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Countermand, Kind::Empty, Kind::Plain, Kind::Node, Kind::Python];

    /// As it is chosen on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Countermand => "countermand",
            Kind::Empty => "empty",
            Kind::Plain => "plain",
            Kind::Node => "node",
            Kind::Python => "python",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Kind::Countermand => "Countermand",
            Kind::Empty => "empty function",
            Kind::Plain => "plain Rust",
            Kind::Node => "Node, SDK v3",
            Kind::Python => "Python, boto3",
        }
    }

    /// Whether it does the job; the empty function answers and does nothing.
    pub fn works(self) -> bool {
        self != Kind::Empty
    }
}

pub struct Contestant {
    pub kind: Kind,
    /// The program to run.
    pub start: PathBuf,
    /// What is uploaded to Lambda, before it is zipped.
    artifact: PathBuf,
}

/// The contestants that are asked for; peers that cannot be made ready are left out, and say why.
pub fn prepare(arguments: &Arguments) -> std::io::Result<Vec<Contestant>> {
    // Beside cargo's folder for the files of tests and benchmarks.
    let folder = Path::new(TARGET).with_file_name("peers");
    let binary = arguments.binary.clone().map_or_else(release, Ok)?;
    let peers = arguments.kinds.iter().filter(|kind| **kind != Kind::Countermand).map(|kind| kind.name());
    let peers: Vec<&str> = peers.collect();
    if !peers.is_empty() {
        let prepare = Command::new(format!("{PEERS}/prepare")).arg(&folder).args(&peers).status();
        let failed = |got: String| std::io::Error::other(format!("benches/peers/prepare: {got}"));
        let status = prepare.map_err(|error| failed(error.to_string()))?;
        if !status.success() {
            return Err(failed(format!("expected success, got {status}")));
        }
    }
    let contestants = Kind::ALL.into_iter().filter(|kind| arguments.kinds.contains(kind));
    let contestants = contestants.map(|kind| Contestant::new(kind, &folder, &binary));
    let ready = |contestant: &Contestant| contestant.kind == Kind::Countermand || contestant.start.exists();
    Ok(contestants.filter(ready).collect())
}

/// The binary as it is deployed. What cargo builds beside a benchmark has features that only tests want.
fn release() -> std::io::Result<PathBuf> {
    let folder = Path::new(TARGET).with_file_name("");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--locked", "--bin", "bootstrap", "--target-dir"]).arg(&folder);
    match build.current_dir(env!("CARGO_MANIFEST_DIR")).status()? {
        status if status.success() => Ok(folder.join("release/bootstrap")),
        status => Err(std::io::Error::other(format!("the release build: expected success, got {status}"))),
    }
}

impl Contestant {
    fn new(kind: Kind, folder: &Path, binary: &Path) -> Self {
        let folder = folder.join(kind.name());
        let start = if kind == Kind::Countermand { binary.to_owned() } else { folder.join("start") };
        let artifact = match kind {
            Kind::Countermand | Kind::Empty | Kind::Plain => start.clone(),
            Kind::Node => folder.join("function.cjs"),
            // Lambda's runtime brings boto3.
            Kind::Python => folder.join("task/handler.py"),
        };
        Self { kind, start, artifact }
    }

    /// Megabytes of a zip that holds the artifact alone, deflated as zlib does by default.
    pub fn zip_size(&self) -> std::io::Result<f64> {
        // A zip's local header and its entry in the directory, both with the file's name, and its end.
        const FRAME: usize = 30 + 46 + 22;
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        let artifact = std::fs::read(&self.artifact)
            .map_err(|error| std::io::Error::other(format!("{}: {error}", self.artifact.display())))?;
        deflated.write_all(&artifact)?;
        let name = self.artifact.file_name().map_or(0, std::ffi::OsStr::len);
        Ok((deflated.finish()?.len() + FRAME + 2 * name) as f64 / 1e6)
    }
}
