//! The simulator without a socket, for whoever shares its process: requests are answered one by one,
//! on a paused clock too, and messages are put into queues and looked at beside the services.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;
use tokio::time::Instant;

use crate::queues::Message;
use crate::{Shared, Simulator, World, server};

/// A name that never resolves: whoever calls it by mistake reaches nobody.
const BASE_URL: &str = "http://simulator.invalid";

/// A message in a queue, hidden or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    pub id: String,
    pub body: String,
    pub receive_count: u32,
    /// After so long it can be seen; nothing where it can be seen now.
    pub visible_in: Option<Duration>,
}

impl Simulator {
    /// A simulator that listens nowhere and runs no task: all that it does is done in `answer`. A
    /// world that cannot be is an error.
    pub fn in_process(world: World) -> std::io::Result<Simulator> {
        Shared::checked(&world)?;
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        Ok(Simulator { shared: Arc::new(Shared::new(world, address, BASE_URL.into())), servers: Vec::new() })
    }

    /// Serves one request as the server would; nothing where it would close the connection without
    /// a reply.
    pub async fn answer(&self, request: hyper::Request<Vec<u8>>) -> Option<hyper::Response<Vec<u8>>> {
        server::answer_at_once(&self.shared, request).await
    }

    /// Puts a message into the queue, as a sender beside the function does, and returns its id. It is
    /// none of what was published. Panics where there is no such queue.
    pub fn send(&self, queue: &str, body: &str) -> String {
        self.expect_queue(queue);
        let message = Message::new(body.to_owned(), Map::new(), Duration::ZERO);
        let id = message.id.clone();
        self.shared.state().queues.send(queue, message);
        id
    }

    /// What the queue holds, in the order in which it can be received. Panics where there is no such
    /// queue.
    pub fn messages(&self, queue: &str) -> Vec<Queued> {
        self.expect_queue(queue);
        let now = Instant::now();
        let state = self.shared.state();
        let queued = state.queues.messages(queue).map(|message| Queued {
            id: message.id.clone(),
            body: message.body.clone(),
            receive_count: message.receive_count,
            visible_in: Some(message.visible_from.duration_since(now)).filter(|left| !left.is_zero()),
        });
        queued.collect()
    }

    pub(crate) fn expect_queue(&self, queue: &str) {
        let known = self.shared.state().world.queues.iter().any(|known| known == queue);
        assert!(known, "expected a queue of the world, got `{queue}`");
    }
}
