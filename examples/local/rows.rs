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
            rows.push(vec![name.clone(), shown(value)]);
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

/// A value of a result; of a list its items, so that an empty one is seen to be none.
fn shown(value: &Value) -> String {
    match value.as_array().map(Vec::as_slice) {
        None => cut(value, 100),
        Some([]) => "none".into(),
        Some(items) => list(items.iter().map(|item| cut(item, 40))),
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_is_shown_by_its_own_names() {
        let cases = [
            (json!({"wouldCancel": ["run-1", "run-2"]}), [["wouldCancel", "run-1, run-2"]].as_slice()),
            (json!({"wouldCancel": []}), &[["wouldCancel", "none"]]),
            (
                json!({"runId": "r", "closeStatus": "CANCELED"}),
                &[["runId", "r"], ["closeStatus", "CANCELED"]],
            ),
            (
                json!({"executions": [{"executionId": "a", "state": "NOT_LISTED"}], "counts": {}}),
                &[["NOT_LISTED", "a"]],
            ),
        ];
        for (result, expected) in cases {
            assert_eq!(details(&json!({"result": result})), expected, "{result}");
        }
    }
}
