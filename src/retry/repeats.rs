//! Which failures are worth another attempt, and how often. How many there are at most, and when, is not known
//! here.

use crate::call_error::{Answer, CallError, Class};

/// Which attempts were used up, those included that ended before a call was made.
#[derive(Default)]
pub struct Repeats {
    pub made: u32,
    /// The call, and what it had to read before it.
    freshly_signed: [bool; 2],
    renewed: bool,
    keys_read_anew: bool,
}

impl Repeats {
    /// Whether there is to be another one after this failure.
    pub fn allowed(&mut self, error: &CallError, renew: impl FnOnce() -> bool) -> bool {
        self.made += 1;
        match error.class {
            Class::Throttle | Class::Retry => true,
            Class::RetryOnce => {
                let [call, before_it] = &mut self.freshly_signed;
                let signed = if error.answer == Answer::NotAsked { before_it } else { call };
                !std::mem::replace(signed, true)
            }
            Class::KeysRefused => !std::mem::replace(&mut self.keys_read_anew, true),
            Class::Expired => !std::mem::replace(&mut self.renewed, true) && renew(),
            Class::NotFound
            | Class::NotRunning
            | Class::Terminal
            | Class::Config
            | Class::Unknown
            | Class::Deferred => false,
        }
    }
}
