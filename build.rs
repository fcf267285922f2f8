//! Tells the crate which commit it is built from, where it is built in its own repository.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Within another project's repository, the commit would be that one's.
    let commit = git(&["rev-parse", "--show-prefix"])
        .filter(String::is_empty)
        .and_then(|_| git(&["rev-parse", "--short=12", "HEAD"]));
    // Every commit appends to it.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={log}");
    }
    println!("cargo:rustc-env=BUILT_FROM_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
