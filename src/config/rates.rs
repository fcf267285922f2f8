//! The account's quotas where they are not the published ones.
//!
//! Every item must be one that counts: a misspelled operation would otherwise go at a pace that nobody chose.

use std::collections::BTreeMap;

use super::variables::likely;
use crate::fields::violation::quote;
use crate::pace::{Operation, Quota};

/// Quotas by operation: `swf.RequestCancelWorkflowExecution=30/100,…`.
///
/// # Errors
/// What was expected.
pub fn parse(list: &str) -> Result<BTreeMap<Operation, Quota>, String> {
    let mut rates = BTreeMap::new();
    for item in list.split(',') {
        let expected = "operation=per second/burst, separated by single commas, each from 0.001 to 100000";
        let (name, quota) = item.split_once('=').ok_or(expected)?;
        let (name, quota) = (name.trim(), Quota::parse(quota).ok_or(expected)?);
        let Some(operation) = Operation::ALL.into_iter().find(|operation| operation.name() == name) else {
            let names = Operation::ALL.map(Operation::name);
            let nearest = likely(name, &names).map(|likely| format!("; the nearest is {likely}"));
            return Err(format!(
                "an operation that exists ({} is none{})",
                quote(name),
                nearest.unwrap_or_default()
            ));
        };
        if rates.insert(operation, quota).is_some() {
            return Err(format!("each operation once ({name} is there twice)"));
        }
    }
    Ok(rates)
}
