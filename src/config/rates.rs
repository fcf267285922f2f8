//! The account's quotas where they are not the published ones.
//!
//! Every item must be one that counts: a misspelled operation would otherwise go at a pace that nobody chose.

use std::collections::BTreeMap;

use crate::fields::violation::quote;
use crate::pace::Quota;
use crate::targets::SERVICES;
use crate::variables::likely;

/// Quotas by operation: `swf.RequestCancelWorkflowExecution=30/100,…`.
///
/// # Errors
/// What was expected.
pub fn parse(list: &str) -> Result<BTreeMap<&'static str, Quota>, String> {
    let operations = SERVICES.iter().flat_map(|service| service.operations());
    let names: Vec<&'static str> = operations.map(|operation| operation.name).collect();
    let mut rates = BTreeMap::new();
    for item in list.split(',') {
        let expected = "operation=per second/burst, separated by single commas, each from 0.001 to 100000";
        let (name, quota) = item.split_once('=').ok_or(expected)?;
        let (name, quota) = (name.trim(), Quota::parse(quota).ok_or(expected)?);
        let Some(operation) = names.iter().copied().find(|known| *known == name) else {
            let nearest = likely(name, &names).map(|likely| format!("; the nearest is {likely}"));
            let nearest = nearest.unwrap_or_default();
            return Err(format!("an operation that exists ({} is none{nearest})", quote(name)));
        };
        if rates.insert(operation, quota).is_some() {
            return Err(format!("each operation once ({name} is there twice)"));
        }
    }
    Ok(rates)
}
