//! What an operation is to the rest of the simulator: a request that was read and found well-formed,
//! and that changes the state when its turn comes. Each service's module implements it; how a turn
//! comes about is not its affair.

use std::time::Duration;

use tokio::time::Instant;

use crate::acs;
use crate::faults::Faults;
use crate::ledger::{Call, Published};
use crate::pages::Pages;
use crate::queues::Queues;
use crate::refusal::Failure;
use crate::timestamp::Timestamp;
use crate::wire::Answer;
use crate::world::World;

/// All that changes while the simulator runs.
pub(crate) struct State {
    pub(crate) started: Instant,
    /// The same moment by the calendar, which undated things are dated by.
    pub(crate) started_at: Timestamp,
    pub(crate) world: World,
    pub(crate) faults: Faults,
    pub(crate) ledger: Vec<Call>,
    pub(crate) published: Vec<Published>,
    pub(crate) queues: Queues,
    pub(crate) nonces: acs::Nonces,
    pub(crate) pages: Pages,
}

impl State {
    pub(crate) fn new(world: World) -> State {
        State {
            started: Instant::now(),
            started_at: Timestamp::now(),
            world,
            faults: Faults::default(),
            ledger: Vec::new(),
            published: Vec::new(),
            queues: Queues::default(),
            nonces: acs::Nonces::default(),
            pages: Pages::default(),
        }
    }
}

/// What an operation works with.
pub(crate) struct Turn<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) request_id: &'a str,
    pub(crate) base_url: &'a str,
    pub(crate) failing: Option<&'a FailingEntries>,
}

/// Entries that a fault fails inside a 200.
pub(crate) struct FailingEntries {
    pub(crate) entries: Vec<usize>,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl FailingEntries {
    /// What this entry of the batch fails with, if it does.
    pub(crate) fn of<'a>(turn: &Turn<'a>, index: usize) -> Option<&'a FailingEntries> {
        turn.failing.filter(|failing| failing.entries.contains(&index))
    }

    /// Whether the sender is at fault, by the code.
    pub(crate) fn sender_fault(&self) -> bool {
        self.code.starts_with("Invalid")
    }
}

/// A request that was read and found well-formed.
pub(crate) trait Work: Send {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure>;

    /// How long the call may wait for `ready`.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    fn ready(&self, _state: &State) -> bool {
        true
    }
}
