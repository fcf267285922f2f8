//! Text in columns, and what an outcome says beyond its status, in rows of such text.

use serde_json::Value;

use crate::arrival::{cut, list};

/// What an outcome says beyond its status, in rows.
pub fn details(outcome: &Value) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let result = &outcome["result"];
    let executions = result["executions"].as_array().map_or(&[][..], Vec::as_slice);
    let mut states: Vec<(&Value, Vec<String>)> = Vec::new();
    for execution in executions {
        let id = cut(&execution["executionId"], 40);
        match states.iter_mut().find(|(state, _)| **state == execution["state"]) {
            Some((_, ids)) => ids.push(id),
            None => states.push((&execution["state"], vec![id])),
        }
    }
    rows.extend(states.into_iter().map(|(state, ids)| vec![cut(state, 40), list(ids.into_iter())]));
    for (name, value) in result.as_object().into_iter().flatten() {
        if !matches!(name.as_str(), "executions" | "counts") {
            rows.push(vec![name.clone(), cut(value, 100)]);
        }
    }
    if let Some(error) = outcome.get("error") {
        rows.push(vec![cut(&error["code"], 60), cut(&error["message"], 200)]);
    }
    for violation in outcome["violations"].as_array().into_iter().flatten() {
        rows.push(vec![
            cut(&violation["path"], 40),
            cut(&violation["code"], 40),
            cut(&violation["message"], 200),
        ]);
    }
    rows
}

/// Rows with their cells aligned; the last cell of a row is as long as it is.
pub fn columns(rows: Vec<Vec<String>>) -> Vec<String> {
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        for (index, cell) in row.iter().enumerate().take(row.len().saturating_sub(1)) {
            widths.resize(widths.len().max(index + 1), 0);
            widths[index] = widths[index].max(cell.chars().count());
        }
    }
    let line = |row: Vec<String>| {
        let last = row.len().saturating_sub(1);
        let cells = row.into_iter().enumerate().map(|(index, cell)| match index {
            index if index == last => cell,
            index => format!("{cell:<width$}", width = widths[index]),
        });
        // A column in which no row has anything takes no room.
        cells.filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ")
    };
    rows.into_iter().map(line).collect()
}
