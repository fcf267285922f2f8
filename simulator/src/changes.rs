//! What changes in a world just before a call is served: told in process by a closure, or scripted as a
//! merge patch. What a change is for is its author's affair; that the world can be is checked here.

use serde_json::Value;

use crate::service::Operation;
use crate::timestamp::Timestamp;
use crate::world::World;

type Change = Box<dyn FnOnce(&mut World, Timestamp) + Send>;

/// What waits for a call.
#[derive(Default)]
pub(crate) struct Changes(Vec<(Operation, u32, Change)>);

impl Changes {
    /// Before the call of this number from now, 1 being the next.
    pub(crate) fn before(&mut self, operation: Operation, number: u32, change: Change) {
        self.0.push((operation, number, change));
    }

    /// What is due before this call.
    pub(crate) fn due(&mut self, operation: Operation) -> Vec<Change> {
        for (_, number, _) in self.0.iter_mut().filter(|(other, ..)| *other == operation) {
            *number = number.saturating_sub(1);
        }
        let due = self.0.extract_if(.., |(other, number, _)| *other == operation && *number == 0);
        due.map(|(_, _, change)| change).collect()
    }
}

/// The world with a merge patch applied, RFC 7396.
pub(crate) fn patched(world: &World, patch: &Value) -> Result<World, String> {
    let mut json = serde_json::to_value(world).map_err(|error| error.to_string())?;
    merge(&mut json, patch);
    serde_json::from_value(json).map_err(|error| error.to_string())
}

fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(serde_json::Map::new());
    }
    let Value::Object(object) = into else { return };
    for (name, value) in members {
        match value {
            Value::Null => drop(object.remove(name)),
            value => merge(object.entry(name).or_insert(Value::Null), value),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_changes_what_it_names_and_leaves_the_rest() {
        let world = World::seeded();
        let runs = json!([{"executionId": "new", "status": "InProgress"}]);
        let patch = json!({"appflow": {"orders": {"runs": runs}, "stock": null}, "settleAfterMs": 5});
        let patched = patched(&world, &patch).unwrap();
        assert_eq!(patched.appflow.keys().collect::<Vec<_>>(), ["orders"]);
        assert_eq!(patched.appflow["orders"].runs[0].execution_id, "new");
        assert_eq!((patched.settle_after_ms, &patched.swf), (Some(5), &world.swf));
        assert!(super::patched(&world, &json!({"appflow": {"orders": 7}})).is_err());
    }

    #[test]
    fn a_change_is_due_before_the_call_of_its_number() {
        let mut changes = Changes::default();
        for number in [2, 1, 2] {
            changes.before(Operation::STOP_EXECUTION, number, Box::new(|_, _| ()));
        }
        let mut due = |operation| changes.due(operation).len();
        assert_eq!(due(Operation::PUT_EVENTS), 0);
        assert_eq!([due(Operation::STOP_EXECUTION), due(Operation::STOP_EXECUTION)], [1, 2]);
        assert_eq!(due(Operation::STOP_EXECUTION), 0);
    }
}
