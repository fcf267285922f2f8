//! The runs whose end is waited for, and what was seen of them.

use crate::timestamp::Span;
use crate::vocabulary::State;

/// No message carries more runs.
pub const MOST_RUNS: usize = 1_000;

/// The runs whose end is waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runs {
    /// Of a workflow, each but the first continues the one before.
    Known(Vec<String>),
    /// Those that were running while a call was made that asked for the end of all: which they were is read
    /// at the first check, as services list a new run late.
    Asked(Span),
}

/// How far each run is; nothing as long as it is not known which they are.
pub type Sight = Option<Vec<(String, State)>>;

impl Runs {
    /// What is seen where nothing could be looked up.
    pub fn unseen(&self) -> Sight {
        match self {
            Self::Known(runs) => Some(runs.iter().map(|id| (id.clone(), State::Unknown)).collect()),
            Self::Asked(_) => None,
        }
    }

    /// The runs that one more continues.
    pub fn before_the_last(&self) -> impl Iterator<Item = &String> {
        let known = match self {
            Self::Known(runs) => runs.split_last().map_or(&[][..], |(_, before)| before),
            Self::Asked(_) => &[],
        };
        known.iter()
    }

    /// What is seen where the last run is in this state.
    pub fn ending_in(&self, state: State) -> Sight {
        let Self::Known(runs) = self else { return None };
        let before = self.before_the_last().map(|id| (id.clone(), State::ContinuedAsNew));
        Some(before.chain(runs.last().map(|id| (id.clone(), state))).collect())
    }

    /// The runs that the next check looks up, after what was seen at this one. More than a message carries
    /// are read again by when they were running; of a workflow that was continued so often, the newest stay.
    pub fn after(&self, seen: &Sight) -> Self {
        let Some(seen) = seen else { return self.clone() };
        let more = seen.len().saturating_sub(MOST_RUNS);
        match self {
            Self::Asked(span) if more > 0 => Self::Asked(*span),
            _ => Self::Known(seen.iter().skip(more).map(|(id, _)| id.clone()).collect()),
        }
    }
}
