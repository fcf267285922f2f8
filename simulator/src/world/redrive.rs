//! Where a queue's messages go that are received too often. Moving them is the queues' own.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Redrive {
    pub dead_letter_queue: String,
    /// A message that was received so often is moved when it would be received once more.
    pub max_receive_count: u32,
}

impl Redrive {
    /// Refuses what SQS would not set up.
    pub(super) fn check(&self, queue: &str, queues: &[String]) -> Result<(), String> {
        let Redrive { dead_letter_queue, max_receive_count } = self;
        let wrong =
            match [queue, dead_letter_queue].into_iter().find(|name| !queues.iter().any(|one| one == name)) {
                Some(unknown) => format!("no queue is named {unknown}"),
                None if queue == dead_letter_queue => "its own dead-letter queue".into(),
                None if !(1..=1_000).contains(max_receive_count) => {
                    format!("maxReceiveCount: expected 1 to 1000, got {max_receive_count}")
                }
                None => return Ok(()),
            };
        Err(format!("redrive.{queue}: {wrong}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::world::World;

    #[test]
    fn a_redrive_that_cannot_be_is_refused() {
        let cases = [
            ("dead", 3, None),
            ("nowhere", 3, Some("redrive.q: no queue is named nowhere")),
            ("q", 3, Some("redrive.q: its own dead-letter queue")),
            ("dead", 0, Some("redrive.q: maxReceiveCount: expected 1 to 1000, got 0")),
        ];
        for (to, count, expected) in cases {
            let world = json!({"queues": ["q", "dead"], "redrive": {"q": {"deadLetterQueue": to, "maxReceiveCount": count}}});
            let world: World = serde_json::from_value(world).unwrap();
            assert_eq!(world.check().err().as_deref(), expected);
        }
        let redrive = Redrive { dead_letter_queue: "dead".into(), max_receive_count: 3 };
        assert!(redrive.check("elsewhere", &["dead".into()]).is_err());
    }

    #[test]
    fn a_world_without_redrive_does_not_mention_it() {
        let written = serde_json::to_value(World::seeded()).unwrap();
        assert_eq!(written.get("redrive"), None);
    }
}
