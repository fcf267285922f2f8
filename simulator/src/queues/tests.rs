//! Who sees which message, and when.

use serde_json::Map;

use super::*;

const HIDDEN: Duration = Duration::from_secs(30);

fn message(body: &str, delay: u64) -> Message {
    Message::new(body.into(), Map::new(), Duration::from_secs(delay))
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}

#[test]
fn a_message_is_hidden_then_seen_again_until_deleted() {
    let mut queues = Queues::default();
    queues.send("q", message("one", 0));
    queues.send("q", message("late", 50));
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(queues.receive("q", 10, HIDDEN, None, after(1)).len(), 1);
    assert!(queues.receive("q", 10, HIDDEN, None, after(2)).is_empty());
    assert_eq!(queues.due("q", None, after(2)), Some(after(31)));
    let again = queues.receive("q", 10, HIDDEN, None, after(31));
    assert_eq!((again[0].body.as_str(), again[0].receive_count), ("one", 2));
    queues.delete("q", &again[0].receipt);
    assert_eq!(bodies(&queues.receive("q", 10, HIDDEN, None, after(99))), ["late"]);
}

#[test]
fn an_outdated_receipt_deletes_nothing() {
    let mut queues = Queues::default();
    queues.send("q", message("one", 0));
    let now = Instant::now();
    let outdated = queues.receive("q", 1, HIDDEN, None, now);
    assert_eq!(queues.receive("q", 1, HIDDEN, None, now + HIDDEN).len(), 1);
    queues.delete("q", &outdated[0].receipt);
    assert_eq!(queues.messages("q").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_visible_the_longest_comes_first() {
    let mut queues = Queues::default();
    for (body, delay) in [("d", 3), ("b", 1), ("c", 1), ("a", 0)] {
        queues.send("q", message(body, delay));
    }
    let now = Instant::now() + Duration::from_secs(10);
    assert_eq!(bodies(&queues.receive("q", 1, Duration::ZERO, None, now)), ["a"]);
    // Given back at once, it is behind those that have been waiting.
    assert_eq!(bodies(&queues.receive("q", 10, Duration::ZERO, None, now)), ["b", "c", "d", "a"]);
}

#[test]
fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
    let redrive = Redrive { dead_letter_queue: "dead".into(), max_receive_count: 2 };
    let mut queues = Queues::default();
    queues.send("q", message("poison", 0));
    queues.send("q", message("fine", 60));
    let start = Instant::now();
    let sent = queues.messages("q").next().unwrap().sent;
    let after = |seconds| start + Duration::from_secs(seconds);
    for seconds in [0, 30] {
        assert_eq!(bodies(&queues.receive("q", 10, HIDDEN, Some(&redrive), after(seconds))), ["poison"]);
    }
    assert!(queues.due("dead", None, after(59)).is_none());
    assert_eq!(bodies(&queues.receive("q", 10, HIDDEN, Some(&redrive), after(61))), ["fine"]);
    let dead = queues.receive("dead", 10, HIDDEN, None, after(61));
    let facts = (dead[0].body.as_str(), dead[0].receive_count, dead[0].sent, dead[0].dead_in.as_deref());
    assert_eq!(facts, ("poison", 3, sent, Some("q")));
    assert_eq!(queues.messages("q").count(), 1);
}
