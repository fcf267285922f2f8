//! The command line: which contestants, how many rounds, how the CPU is limited. It knows no more of them
//! than their names.

use std::path::PathBuf;
use std::time::Duration;

use crate::contestant::Kind;

pub struct Arguments {
    pub kinds: Vec<Kind>,
    pub rounds: usize,
    /// Of the CPU quota.
    pub period: Duration,
    /// Countermand's binary, in place of the one that is deployed.
    pub binary: Option<PathBuf>,
}

impl Arguments {
    pub fn read(given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments =
            Self { kinds: vec![], rounds: 15, period: Duration::from_millis(100), binary: None };
        // Cargo adds the last of these.
        let mut given = given.filter(|argument| argument != "--bench");
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{argument}: expected a value, got none"));
            match argument.as_str() {
                "--rounds" => arguments.rounds = number(&argument, &value()?)?,
                "--period-ms" => {
                    let milliseconds = number(&argument, &value()?)?;
                    arguments.period = Duration::from_millis(milliseconds as u64);
                }
                "--binary" => arguments.binary = Some(value()?.into()),
                name => arguments.kinds.push(kind(name)?),
            }
        }
        if arguments.kinds.is_empty() {
            arguments.kinds = Kind::ALL.to_vec();
        }
        Ok(arguments)
    }
}

fn number(argument: &str, value: &str) -> Result<usize, String> {
    let number = value.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("{argument}: expected a number of at least 1, got `{value}`"))
}

fn kind(name: &str) -> Result<Kind, String> {
    let names = Kind::ALL.map(Kind::name).join(", ");
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    kind.ok_or_else(|| format!("expected --rounds, --period-ms, --binary or one of {names}, got `{name}`"))
}
