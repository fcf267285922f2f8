use fastrand::Rng;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::*;

fn holding(secrets: &[&str]) -> Held {
    let mut held = Held::NONE;
    secrets.iter().for_each(|secret| held.add(secret));
    held
}

/// A way to write a text, which may be upon another.
type Writing = fn(&str, &mut Rng) -> String;

const WRITINGS: [(&str, Writing); 9] = [
    ("in JSON", |text, _| serde_json::to_string(text).expect("JSON").trim_matches('"').into()),
    ("escaped in JSON", |text, random| {
        let escaped = |it: char| match random.u8(..4) {
            0 => format!("\\u{:04x}", u32::from(it)),
            1 if it == '/' => "\\/".into(),
            _ if matches!(it, '"' | '\\') => format!("\\{it}"),
            _ => it.into(),
        };
        text.chars().map(escaped).collect()
    }),
    ("percent-encoded", |text, _| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()),
    ("percent-encoded in lower case", |text, _| {
        let encoded = |it: char| match it.is_ascii_alphanumeric() {
            true => it.into(),
            false => format!("%{:02x}", u32::from(it)),
        };
        text.chars().map(encoded).collect()
    }),
    ("percent-encoded here and there", |text, random| {
        let encoded = |it: char| match it == '%' || random.bool() {
            true => format!("%{:02X}", u32::from(it)),
            false => it.into(),
        };
        text.chars().map(encoded).collect()
    }),
    ("as a form", |text, _| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().replace("%20", "+")),
    ("in base64", |text, _| base64_simd::STANDARD.encode_to_string(text)),
    ("in base64 for URLs", |text, _| base64_simd::URL_SAFE_NO_PAD.encode_to_string(text)),
    ("in base64 behind something", |text, random| {
        let before = "x".repeat(random.usize(..9));
        base64_simd::STANDARD_NO_PAD.encode_to_string(format!("{before}{text}{before}"))
    }),
];

#[test]
fn a_secret_is_found_however_it_is_written() {
    let held =
        holding(&["wJalrXUtnFEMI/K7MDENG/bPxRfi+EXAMPLEKEY", "CAIS+Token/with=signs&\"quotes\\\"%41%"]);
    for secret in &held.secrets {
        for seed in 0..40 {
            let mut random = Rng::with_seed(seed);
            let (first, second) = (&WRITINGS[seed as usize % 9], &WRITINGS[random.usize(..9)]);
            let text = second.1(&first.1(secret, &mut random), &mut random);
            for told in [text.clone(), format!("key {text} refused"), format!("{{\"m\":\"{text}\"}}")] {
                let blotted = held.blotted(&told);
                assert_eq!(blotted, told.replace(&text, BLOT), "{} {}: {told}", first.0, second.0);
            }
        }
        for times in 1..=8 {
            let encode = |text: String, _| utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
            let text = (0..times).fold(secret.clone(), encode);
            assert_eq!(held.blotted(&text), BLOT, "{times} times");
        }
    }
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    let held = holding(&["wJalrXUtnFEMI/K7MDENG/bPxRfi+EXAMPLEKEY", "todays-token"]);
    for text in [
        "",
        "todays-toke",
        "todays token",
        "yesterdays-token",
        "wJalrXUtnFEMI%2FK7MDENG%2FbPxRfi%2BEXAMPLE%zz",
        "%",
        "%4",
        "\\",
        "\\u00",
        "\\ud800",
        "é%C3%A9\\u00e9",
        "wJalrXUtnFEMI/K7MDENG/bPxRfi-EXAMPLEKEY",
        "7786BF9C-6020-470F-B502-F120E8FD59C0",
    ] {
        assert_eq!(held.blotted(text), text);
    }
    assert_eq!(Held::NONE.blotted("todays-token"), "todays-token");
}

#[test]
fn a_text_is_left_readable_and_json_stays_json() {
    let held = holding(&["nabcdefgh", "nabc\"defgh\\", "todays-token", "days-token-and-more"]);
    for (text, expected) in [
        ("a todays-token, todays-token b", "a ***, *** b"),
        ("todays-tokentodays-token", "******"),
        // Overlapping ones
        ("todays-token-and-more", "***"),
        (r#"{"m":"\nabcdefgh"}"#, r#"{"m":"***"}"#),
        (r#"{"m":"nabc\"defgh\\"}"#, r#"{"m":"***"}"#),
        ("étodays-tokené", "é***é"),
        ("C:\\todays-token", "C:***"),
    ] {
        assert_eq!(held.blotted(text), expected, "{text}");
    }
}

#[test]
fn what_is_short_is_no_secret_and_the_last_ones_are_remembered() {
    hold("short");
    hold(" kept-between-blanks-1\n");
    hold("kept-between-blanks-1");
    assert_eq!(blotted("short kept-between-blanks-1"), "short ***");
    let many: Vec<String> = (0..=MOST).map(|number| format!("secret-number-{number}.")).collect();
    let held = holding(&many.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(held.secrets.len(), MOST);
    assert_eq!(held.blotted(&many.join(" ")), format!("{} {}", many[0], [BLOT; MOST].join(" ")));
}

#[test]
fn texts_that_are_encoded_without_end_are_looked_through_in_time() {
    let held = holding(&["wJalrXUtnFEMI/K7MDENG/bPxRfi+EXAMPLEKEY", "A%25AAAAAAAA\\\\"]);
    for text in ["%25", "\\", "\\%25", "A", "QUFB", "%5C\\u0025", "\\\\%2525"] {
        let text = text.repeat(200_000 / text.len());
        assert_eq!(held.blotted(&text), text);
    }
}
