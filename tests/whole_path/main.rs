//! The whole path: the real binary, started against the simulator, case by case.
//!
//! A case is a file in `tests/cases/`, named as the promise that it holds: an event, the world and
//! its faults, and the calls, outcomes and response that must follow. Those of `tests/field/` were met by
//! somebody in public, or by attack, and say where. This file turns each into a test; [`case`] runs it, [`matching`] compares, [`expand`] spells out what the file abbreviates.
//! [`project`] adds what must hold of the repository as a whole, [`layers`] of its modules, [`documents`] of its pages, [`property`] what must hold of any
//! world and any request, [`hostile`] what must hold whatever comes in and whatever is replied, [`chaos`]
//! what must hold whatever goes wrong. [`deaths`] ends the process between two steps, [`stale`] its
//! connections between two invocations, [`rotation`] changes its keys there, [`secrets`] looks for them in whatever leaves it, [`rehearsed`] looks at what
//! is ready before the first, [`trusted`] at whom it calls over TLS, [`flat`] watches its size, [`memory`] what a
//! batch adds to it, and [`follow`] follows requests to their end in simulated time.
//! What all of these know of a service stands in [`services`].

#[path = "../../src/main.rs"]
#[expect(dead_code, reason = "the composition root is a program of its own")]
mod bootstrap;

#[path = "../simulated/mod.rs"]
mod simulated;

mod case;
mod chaos;
mod deaths;
mod documents;
mod envelopes;
mod expand;
mod expectation;
mod flat;
mod follow;
mod function;
mod hostile;
mod layers;
mod matching;
mod memory;
mod metadata;
mod project;
mod property;
mod rehearsed;
mod rotation;
mod secrets;
mod services;
mod stale;
mod sweep;
mod trusted;

use std::path::Path;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let mut trials = cases("cases", "", case::run);
    trials.extend(cases("field", "field-", case::run_field));
    trials.extend(deaths::trials());
    trials.extend(envelopes::trials());
    trials.extend(metadata::trials());
    trials.extend(stale::trials());
    trials.extend(trusted::trials());
    trials.extend(rotation::trials());
    trials.extend(secrets::trials());
    trials.extend(rehearsed::trials());
    trials.extend(flat::trials());
    trials.extend(memory::trials());
    trials.extend(follow::trials());
    trials.extend(sweep::trials());
    trials.extend(project::trials());
    trials.extend(layers::trials());
    trials.extend(documents::trials());
    trials.extend(property::trials());
    trials.extend(hostile::trials());
    trials.extend(chaos::trials());
    trials.sort_by(|a, b| a.name().cmp(b.name()));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A test for each file of a folder, named as the file.
fn cases(folder: &str, prefix: &str, run: fn(&Path) -> Result<(), String>) -> Vec<Trial> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let files = std::fs::read_dir(&directory).expect("a folder of cases can be listed");
    files
        .map(|file| file.expect("a folder of cases can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            Trial::test(format!("{prefix}{name}"), move || run(&path).map_err(Into::into))
        })
        .collect()
}
