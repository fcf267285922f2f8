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

/// Rows with their cells aligned. The last cell of a row goes on below itself where the line would be longer
/// than so many characters.
pub fn columns(rows: Vec<Vec<String>>, most: usize) -> Vec<String> {
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        for (index, cell) in row.iter().enumerate().take(row.len().saturating_sub(1)) {
            widths.resize(widths.len().max(index + 1), 0);
            widths[index] = widths[index].max(cell.chars().count());
        }
    }
    let line = |row: Vec<String>| {
        let last = row.len().saturating_sub(1);
        let mut start = String::new();
        // A column in which no row has anything takes no room.
        for (cell, width) in row[..last].iter().zip(&widths).filter(|(_, width)| **width > 0) {
            start.push_str(&format!("{cell:<width$}  "));
        }
        let room = most.saturating_sub(start.chars().count()).max(20);
        let parts = wrapped(row.get(last).map_or("", String::as_str), room);
        let indent = " ".repeat(start.chars().count());
        let first = start + parts.first().map_or("", String::as_str);
        let rest = parts.iter().skip(1).map(|part| format!("{indent}{part}"));
        std::iter::once(first.trim_end().to_owned()).chain(rest).collect::<Vec<_>>()
    };
    rows.into_iter().flat_map(line).collect()
}

/// A text in lines of at most so many characters, broken between words; a word that is longer is broken itself.
pub fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let (mut used, mut word) = (0, String::new());
    for piece in text.split_inclusive(' ') {
        for character in piece.chars() {
            word.push(character);
            if word.chars().count() == most {
                break_before(&mut lines, &mut used, &mut word, most);
            }
        }
        break_before(&mut lines, &mut used, &mut word, most);
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Adds a word to the last line, or to a new one where there is no room.
fn break_before(lines: &mut Vec<String>, used: &mut usize, word: &mut String, most: usize) {
    let length = word.trim_end().chars().count();
    if *used > 0 && *used + length > most {
        lines.push(String::new());
        *used = 0;
    }
    if let Some(line) = lines.last_mut() {
        line.push_str(word);
        *used += word.chars().count();
    }
    word.clear();
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

    #[test]
    fn a_long_cell_goes_on_below_itself() {
        let rows = [["a", "one two three four five"], ["bbb", "x"], ["c", "0123456789012345678901234"]];
        let rows = rows.map(|row| row.map(String::from).to_vec()).to_vec();
        let expected =
            ["a    one two three four", "     five", "bbb  x", "c    01234567890123456789", "     01234"];
        assert_eq!(columns(rows, 25), expected);
    }
}
