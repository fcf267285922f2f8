//! Waits for what goes on beside the calls.

use std::pin::pin;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout_at};

/// Works, and does something aside, which is waited for so long at most once the work is done.
pub async fn beside<T>(work: impl Future<Output = T>, aside: impl Future<Output = ()>, most: Duration) -> T {
    let (mut work, mut aside) = (pin!(work), pin!(aside));
    let mut left = true;
    let done = loop {
        tokio::select! {
            biased;
            done = &mut work => break done,
            () = &mut aside, if left => left = false,
        }
    };
    if left {
        let _ = timeout_at(Instant::now() + most, aside).await;
    }
    done
}

/// What comes, in portions: each begins with the first that comes, and holds what comes within `most` of it.
pub fn portions<T>(comes: UnboundedReceiver<T>, most: Duration) -> impl Stream<Item = Vec<T>> {
    unfold(comes, move |mut comes| async move {
        let mut portion = vec![comes.recv().await?];
        let end = Instant::now() + most;
        while let Ok(1..) = timeout_at(end, comes.recv_many(&mut portion, usize::MAX)).await {}
        Some((portion, comes))
    })
}
