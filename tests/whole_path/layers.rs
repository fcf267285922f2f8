//! The layers of `src/`: a module knows those in the rows below its own, never one beside or above it. And what
//! keeps a service in one place, and a file in one head.
//!
//! The rows are those of the table in ARCHITECTURE.md. What a module knows is read from its `crate::` paths, its tests
//! left out: they may put any parts together.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use countermand::targets::{SERVICES, Service};
use libtest_mimic::Trial;

use crate::project::{files, read};

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("modules-know-only-the-layers-below", || Ok(check()?)),
        Trial::test("every-form-of-a-path-tells-its-module", || Ok(forms()?)),
        Trial::test("a-service-is-named-in-its-folder-and-in-the-list", || Ok(named()?)),
        Trial::test("every-file-fits-in-a-head", || Ok(lengths()?)),
    ]
}

fn check() -> Result<(), String> {
    let map = read("ARCHITECTURE.md")?;
    let layers = layers(&map);
    let layer = |module: &str| layers.iter().position(|modules| modules.contains(&module));
    let mut seen = BTreeSet::new();
    for path in files("src", ".rs") {
        let (at, modules) = (path.display(), modules(&path));
        let Some(module) = modules.first() else { continue };
        let own = layer(module).ok_or_else(|| format!("{at}: {module} is in no layer"))?;
        let source = read(&path)?;
        let code = code(&source);
        if code.contains(&"super::".repeat(modules.len())) {
            return Err(format!("{at}: expected crate:: before the names of other modules, got super::"));
        }
        for known in known_by(&code).into_iter().filter(|known| known != module) {
            let other = layer(known).ok_or_else(|| format!("{at}: {known} is in no layer"))?;
            if other <= own {
                return Err(format!(
                    "{at}: expected modules in rows below {own}, got {known} in row {other}"
                ));
            }
        }
        seen.insert(module.clone());
    }
    let listed: BTreeSet<String> = layers.concat().into_iter().map(String::from).collect();
    match listed.difference(&seen).next() {
        Some(module) => Err(format!("{module}: expected it in src/, as ARCHITECTURE.md has it")),
        None => Ok(()),
    }
}

/// Whoever adds a service touches nothing that names another one.
fn named() -> Result<(), String> {
    for path in files("src", ".rs").iter().filter(|path| !modules(path).is_empty()) {
        let code = code(&read(path)?).to_lowercase();
        for service in SERVICES {
            let is_list = path.ends_with("targets/mod.rs");
            let names = |service: &Service| {
                service
                    .operations()
                    .map(|operation| operation.own_name())
                    .chain([service.name])
                    .collect::<Vec<_>>()
            };
            // An operation of another service can be called so too.
            let own = SERVICES.iter().find(|own| path.starts_with(format!("src/targets/{}", own.name)));
            let own = own.map_or(Vec::new(), |own| names(own));
            let mut others = names(service).into_iter().filter(|name| !own.contains(name));
            let name = others.find(|name| code.contains(&name.to_lowercase()));
            if let Some(name) = name.filter(|_| !is_list) {
                return Err(format!("{}: expected no name of a service, got {name}", path.display()));
            }
        }
    }
    Ok(())
}

/// Without its tests.
fn lengths() -> Result<(), String> {
    for path in files("src", ".rs").iter().filter(|path| !modules(path).is_empty()) {
        let lines = code(&read(path)?).lines().count();
        if lines > 280 {
            return Err(format!("{}: expected at most 280 lines, got {lines}", path.display()));
        }
    }
    Ok(())
}

/// The topmost modules, row by row, the highest first.
fn layers(map: &str) -> Vec<Vec<&str>> {
    let rows = map.split("\n## Layers\n").nth(1).unwrap_or_default().lines();
    let rows = rows.take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
    rows.map(|row| row.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2).collect())
        .collect()
}

/// The modules that a file is in, the topmost first; none where it holds tests, or puts the parts together.
fn modules(path: &Path) -> Vec<String> {
    let name = |part: Component| part.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
    let mut modules: Vec<String> = path.components().skip(1).map(name).collect();
    modules.pop_if(|name| name == "mod");
    let other = modules.last().is_some_and(|name| ["main", "lib"].contains(&name.as_str()));
    let other = other || modules.iter().any(|name| name == "tests");
    if other { Vec::new() } else { modules }
}

/// A source without its comments and tests.
fn code(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The topmost modules that code names.
fn known_by(code: &str) -> BTreeSet<&str> {
    let mut known = BTreeSet::new();
    for path in code.split("crate::").skip(1) {
        let mut depth = 0;
        for part in path.split_inclusive(['{', ',', '}', ';']) {
            let name = part.trim_start();
            let end = name.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(name.len());
            // `crate::name`, or a name in the outermost braces of `crate::{…}`.
            if depth == usize::from(path.starts_with('{')) && end > 0 {
                known.insert(&name[..end]);
            }
            match part.chars().last() {
                Some('{') => depth += 1,
                Some('}') if depth > 1 => depth -= 1,
                Some(',') if depth > 0 => {}
                _ => break,
            }
        }
    }
    known
}

fn forms() -> Result<(), String> {
    let code = code(
        "//! crate::no\nuse crate::a1::{B, c::{D, e}};\nuse crate::{f, g::{H, i::J}, k_l::M,\n    n};\n\
         use x::{o, p}; fn q(_: crate::r::S, t: u) { crate::v::w(x); } // crate::no\n\
         #[cfg(test)]\nmod tests {\n    use crate::no;\n}\n",
    );
    let (expected, got) = (BTreeSet::from(["a1", "f", "g", "k_l", "n", "r", "v"]), known_by(&code));
    if got == expected { Ok(()) } else { Err(format!("expected {expected:?}, got {got:?}")) }
}
