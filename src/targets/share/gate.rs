//! What holds cancels up behind a call that goes first. It knows neither.

use std::cell::Cell;

use tokio::sync::Semaphore;

/// Held up until a call that goes first was attempted once, or is not made.
pub struct Gate {
    pub asked: Cell<bool>,
    shut: Semaphore,
}

/// Opens a gate as soon as it is dropped.
pub struct Opening<'a>(pub &'a Gate);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.shut.close();
    }
}

impl Gate {
    pub fn new() -> Self {
        Self { asked: Cell::new(false), shut: Semaphore::new(0) }
    }

    /// Waits until it is open, and says whether the call was made.
    pub async fn opened(&self) -> bool {
        // Nobody ever gets a permit of it: the wait ends as it is closed.
        let _ = self.shut.acquire().await;
        self.asked.get()
    }
}
