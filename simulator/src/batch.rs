//! What SNS and SQS ask alike of the entries of a batch: one to ten, each with an id of its own.
//! The names of the errors are the same in both services too.

use std::collections::HashSet;

use crate::refusal::Failure;

/// Refuses a batch whose ids the service would refuse.
pub(crate) fn check_ids<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), Failure> {
    let refused = |code: &str, message: &str| Err(Failure::new(400, code, message));
    let count = ids.len();
    if count == 0 {
        return refused("EmptyBatchRequest", "The batch request doesn't contain any entries.");
    }
    if count > 10 {
        return refused(
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible (10).",
        );
    }
    let mut seen = HashSet::new();
    for id in ids {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if id.is_empty() || id.len() > 80 || !id.bytes().all(allowed) {
            return refused(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores, at most 80.",
            );
        }
        if !seen.insert(id) {
            return refused("BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id.");
        }
    }
    Ok(())
}

/// Refuses a batch that is larger than the service takes.
pub(crate) fn check_size(bytes: usize, largest: usize) -> Result<(), Failure> {
    if bytes <= largest {
        return Ok(());
    }
    Err(Failure::new(
        400,
        "BatchRequestTooLong",
        format!("Batch requests cannot be longer than {largest} bytes. You have sent {bytes} bytes."),
    ))
}

/// How many entries a call has, in words.
pub(crate) fn entries(count: usize) -> String {
    format!("{count} {}", if count == 1 { "entry" } else { "entries" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked() {
        let long = "x".repeat(81);
        let eleven: Vec<_> = (0..11).map(|index| index.to_string()).collect();
        let cases: [(Vec<&str>, Option<&str>); 7] = [
            (vec!["a", "b-_9"], None),
            (vec![], Some("EmptyBatchRequest")),
            (vec!["a", "a"], Some("BatchEntryIdsNotDistinct")),
            (vec![""], Some("InvalidBatchEntryId")),
            (vec!["a.b"], Some("InvalidBatchEntryId")),
            (vec![&long], Some("InvalidBatchEntryId")),
            (eleven.iter().map(String::as_str).collect(), Some("TooManyEntriesInBatchRequest")),
        ];
        for (ids, expected) in cases {
            let code = check_ids(ids.iter().copied()).err().map(|failure| failure.code);
            assert_eq!(code.as_deref(), expected, "{ids:?}");
        }
    }
}
