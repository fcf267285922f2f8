//! Texts that nobody should send: JSON without end, numbers and characters that few can read, and
//! what is no JSON at all.
//!
//! Each has a name, for the tests that deliver it; generators mix them into requests, events and
//! replies. It knows JSON and none of our formats.

use super::draw::Draw;

/// A name and the text itself, written on demand: some are long.
pub type Text = (&'static str, fn() -> String);

/// So deep that a recursive reader falls over.
const DEEP: usize = 10_000;

/// Texts that are JSON, of some hundred bytes.
pub const SHORT: [Text; 20] = [
    ("null", || "null".into()),
    ("lists-127-deep", || "[".repeat(127) + &"]".repeat(127)),
    ("objects-127-deep", || "{\"a\":".repeat(126) + "{}" + &"}".repeat(126)),
    ("objects-129-deep", || "{\"a\":".repeat(129) + "1" + &"}".repeat(129)),
    ("a-number-beyond-all", || "1e999".into()),
    ("a-number-below-all", || "-1e-999".into()),
    ("minus-zero", || "-0".into()),
    ("a-number-of-400-digits", || "9".repeat(400)),
    ("a-fraction-of-400-digits", || format!("0.{}", "3".repeat(400))),
    ("a-lone-surrogate", || r#""\ud800""#.into()),
    ("surrogates-the-wrong-way-round", || r#""\udc00\ud800""#.into()),
    ("a-lone-surrogate-as-a-name", || r#"{"\ud800":1}"#.into()),
    ("an-escaped-nul", || r#""\u0000""#.into()),
    ("noncharacters", || "\"\u{FFFE}\u{FFFF}\u{10FFFF}\"".into()),
    ("text-that-turns-around", || "\"\u{202E}\u{2066}\u{0301}\u{200B}\"".into()),
    ("equal-names", || r#"{"a":1,"a":2,"\u0061":3}"#.into()),
    ("a-prototype", || r#"{"__proto__":{"service":"swf"},"constructor":{"prototype":{}}}"#.into()),
    ("blanks-around", || " \t\r\n{ } \t\r\n".into()),
    ("an-empty-object", || "{}".into()),
    ("an-empty-list", || "[]".into()),
];

/// The same of some kilobytes, which cost every reader its time.
pub const LONG: [Text; 8] = [
    ("lists-10000-deep", || "[".repeat(DEEP) + &"]".repeat(DEEP)),
    ("objects-10000-deep", || "{\"a\":".repeat(DEEP) + "1" + &"}".repeat(DEEP)),
    ("json-in-json-15-deep", || stringified(15)),
    ("a-name-of-10000-characters", || format!("{{\"{}\":1}}", "n".repeat(10_000))),
    ("4096-noncharacters", || quoted(&"\u{FFFF}".repeat(4_096))),
    ("256-characters-that-nobody-sees", || quoted(&"\u{200B}\u{E0041}".repeat(128))),
    ("a-thousand-names", || format!("{{{}}}", list(1_000, |index| format!("\"n{index}\":null")))),
    ("two-thousand-numbers", || format!("[{}]", list(2_000, |index| index.to_string()))),
];

/// Texts that are no JSON.
pub const OTHER: [Text; 17] = [
    ("nothing", String::new),
    ("blanks", || " \t\r\n".into()),
    ("lists-without-end", || "[".repeat(1_000)),
    ("objects-without-end", || "{\"a\":".repeat(1_000)),
    ("a-raw-nul", || "\"\0\"".into()),
    ("a-raw-line-end-in-a-string", || "\"\n\"".into()),
    ("a-byte-order-mark", || "\u{FEFF}{}".into()),
    ("not-a-number", || "NaN".into()),
    ("infinity", || "-Infinity".into()),
    ("a-leading-zero", || "007".into()),
    ("half-a-surrogate-pair", || r#""\ud83d\u"#.into()),
    ("a-trailing-comma", || r#"{"service":"swf",}"#.into()),
    ("two-values", || "{}{}".into()),
    ("single-quotes", || "{'service':'swf'}".into()),
    ("a-comment", || "{/* */}".into()),
    ("a-page", || "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>".into()),
    ("gzip-as-text", || "\u{1F}\u{FFFD}\u{8}\0\0\0\0\0".into()),
];

/// Texts of megabytes, the last almost what Lambda can deliver at all.
pub const HUGE: [Text; 5] = [
    ("a-string-of-5-mb", || format!("\"{}\"", "x".repeat(5_000_000))),
    ("lists-a-million-deep", || "[".repeat(1_000_000) + &"]".repeat(1_000_000)),
    ("a-million-numbers", || format!("[{}]", list(1_000_000, |_| "1".into()))),
    ("a-hundred-thousand-names", || {
        format!("{{\"service\":\"swf\",{}}}", list(100_000, |index| format!("\"n{index}\":1")))
    }),
    ("a-reason-of-6-mb", || format!("{{\"service\":\"swf\",\"reason\":\"{}\"}}", "r".repeat(5_900_000))),
];

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

/// JSON in a string in a string and so on. Each level doubles the escapes of the one inside, so that
/// fifty could not be written down.
fn stringified(levels: usize) -> String {
    (0..levels).fold("{}".into(), |text, _| quoted(&text))
}

/// A text as a JSON string.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text can be written")
}

/// One of the texts that are JSON, or a string of any characters.
pub fn json(draw: &mut Draw) -> String {
    match draw.once_in(3) {
        true => quoted(&characters(draw)),
        false if draw.once_in(16) => draw.pick(&LONG).1(),
        false => draw.pick(&SHORT).1(),
    }
}

/// Any text.
pub fn any(draw: &mut Draw) -> String {
    match draw.below(3) {
        0 => json(draw),
        1 => draw.pick(&OTHER).1(),
        _ => characters(draw),
    }
}

/// Characters as they come.
pub fn characters(draw: &mut Draw) -> String {
    String::from_utf8_lossy(draw.bytes(400)).into_owned()
}

/// A text that may have lost its end, or have something put into it.
pub fn spoilt(mut text: String, draw: &mut Draw) -> String {
    let place = text.floor_char_boundary(draw.below(text.len().clamp(1, 65_536)));
    match draw.below(16) {
        15 => text.truncate(place),
        14 => text.insert_str(place, &characters(draw)),
        13 => text.insert(0, '\u{FEFF}'),
        _ => {}
    }
    text
}
