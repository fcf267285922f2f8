//! SQS's batches: entries that are read one by one, and fail one by one inside a 200.

use serde_json::{Map, Value, json};

use super::{answer, missing, text};
use crate::batch;
use crate::refusal::Failure;
use crate::wire::Answer;
use crate::work::{FailingEntries, Turn};

/// The entries of a batch by their ids, each as it was read or with what is wrong with it.
pub(super) struct Entries<T>(Vec<(String, Result<T, Failure>)>);

impl<T> Entries<T> {
    pub(super) fn read(
        body: &Map<String, Value>,
        read: fn(&Map<String, Value>) -> Result<T, Failure>,
    ) -> Result<Self, Failure> {
        let Some(Value::Array(entries)) = body.get("Entries") else {
            return Err(missing("Entries"));
        };
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| {
                let entry = entry.as_object().ok_or_else(|| missing("Entries"))?;
                Ok((text(entry, "Id")?.to_owned(), read(entry)))
            })
            .collect::<Result<_, Failure>>()?;
        batch::check_ids(entries.iter().map(|(id, _)| id.as_str()))?;
        Ok(Entries(entries))
    }

    /// Those with which nothing is wrong.
    pub(super) fn fine(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|(_, entry)| entry.as_ref().ok())
    }

    /// Does what is asked for with each entry, unless a fault fails it, and answers for all of them.
    pub(super) fn run(
        &self,
        turn: &mut Turn<'_>,
        mut act: impl FnMut(&mut Turn<'_>, &T) -> Result<Map<String, Value>, Failure>,
    ) -> Answer {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        let mut fail = |id: &str, code: &str, text: &str, sender: bool| {
            failed.push(json!({"Id": id, "Code": code, "Message": text, "SenderFault": sender}));
        };
        for (index, (id, entry)) in self.0.iter().enumerate() {
            match (FailingEntries::of(turn, index), entry) {
                (Some(failing), _) => fail(id, &failing.code, &failing.message, failing.sender_fault()),
                (None, Err(failure)) => fail(id, &failure.code, &failure.message, true),
                (None, Ok(entry)) => match act(turn, entry) {
                    Ok(mut reply) => {
                        reply.insert("Id".into(), json!(id));
                        successful.push(Value::Object(reply));
                    }
                    Err(failure) => fail(id, &failure.code, &failure.message, true),
                },
            }
        }
        answer(&json!({"Successful": successful, "Failed": failed}))
    }
}
