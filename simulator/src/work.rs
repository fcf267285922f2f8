//! What an operation is to the rest of the simulator: a request that was read and found well-formed,
//! and that changes the state when its turn comes. Each service's module implements it; how a turn
//! comes about is not its affair.

use std::time::Duration;

use tokio::time::Instant;

use crate::acs;
use crate::changes::Changes;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::ledger::{Ledger, Published};
use crate::pages::Pages;
use crate::queues::{Message, Queues};
use crate::ram::Lent;
use crate::refusal::Failure;
use crate::wire::Answer;
use crate::world::World;

/// All that changes while the simulator runs.
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) world: World,
    pub(crate) faults: Faults,
    pub(crate) changes: Changes,
    pub(crate) ledger: Ledger,
    pub(crate) published: Vec<Published>,
    pub(crate) queues: Queues,
    pub(crate) nonces: acs::Nonces,
    pub(crate) pages: Pages,
    /// So many tokens were signed.
    pub(crate) tokens: u32,
    /// The temporary keys of Alibaba Cloud.
    pub(crate) lent: Vec<Lent>,
    /// So many keys of the role were given.
    pub(crate) role_keys: u32,
}

impl State {
    pub(crate) fn new(world: World) -> State {
        State {
            clock: Clock::start(),
            world,
            faults: Faults::default(),
            changes: Changes::default(),
            ledger: Ledger::default(),
            published: Vec::new(),
            queues: Queues::default(),
            nonces: acs::Nonces::default(),
            pages: Pages::default(),
            tokens: 0,
            lent: Vec::new(),
            role_keys: 0,
        }
    }

    /// When a message of the queue can be received; nothing where it holds none.
    pub(crate) fn due(&mut self, queue: &str) -> Option<Instant> {
        self.queues.due(queue, self.world.redrive.get(queue), Instant::now())
    }

    /// Receives up to `most` messages that can be seen, as the world's redrive allows.
    pub(crate) fn receive(&mut self, queue: &str, most: usize, hidden_for: Duration) -> Vec<Message> {
        self.queues.receive(queue, most, hidden_for, self.world.redrive.get(queue), Instant::now())
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

    /// How long the call may wait until it is `due`.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    /// When the work can be done if nothing changes: at once, later, or not by itself.
    fn due(&self, _state: &mut State) -> Option<Instant> {
        Some(Instant::now())
    }
}
