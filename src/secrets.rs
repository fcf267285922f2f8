//! The secrets that the process holds, and how they are kept from whatever leaves it.
//!
//! Whoever comes by a secret says so here, and whatever is told of the outside, an outcome, a line of the log,
//! an error, goes through [`blotted`]. A secret is found in any writing: as it is, escaped in JSON,
//! percent-encoded, in base64, and in one of these within another. What is sent to a service is left alone.
//! Nothing here knows what a secret opens.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

/// What is shorter is found in words and numbers that have nothing to do with it, and opens nothing.
const SHORTEST: usize = 8;
/// So many are remembered, the last ones: a process that lives long sees many temporary keys.
const MOST: usize = 64;
/// Writings within writings are looked into as long as these steps last: the first of a kind takes two, each
/// further one of the same kind one, and base64 three.
const STEPS: u32 = 9;
/// What stands in the place of a secret.
pub const BLOT: &str = "***";

static HELD: RwLock<Held> = RwLock::new(Held::NONE);

/// Remembers a secret from now on.
pub fn hold(secret: &str) {
    let secret = secret.trim();
    let known = || HELD.read().unwrap_or_else(PoisonError::into_inner).secrets.iter().any(|it| it == secret);
    if secret.len() >= SHORTEST && !known() {
        HELD.write().unwrap_or_else(PoisonError::into_inner).add(secret);
    }
}

/// A text without the secrets in it.
pub fn blotted(text: &str) -> Cow<'_, str> {
    HELD.read().unwrap_or_else(PoisonError::into_inner).blotted(text)
}

struct Held {
    secrets: VecDeque<String>,
    /// The length of the shortest, in bytes.
    shortest: usize,
    /// So many digits of base64 it takes at least.
    fewest_digits: usize,
    /// What each byte can be the beginning or a part of.
    kinds: [u8; 256],
}

/// The first of a secret, and the second.
const FIRST: u8 = 1;
const SECOND: u8 = 16;
/// The first of an escape.
const PERCENT: u8 = 2;
const BACKSLASH: u8 = 4;
/// A digit of base64, also of that for URLs.
const DIGIT: u8 = 8;
/// A digit of a percent escape.
const HEX: u8 = 32;

/// What each byte is worth as a digit of base64; more than any where it is none.
const DIGITS: [u8; 256] = digits();
const NO_DIGIT: u8 = 64;

/// What is known of a text that may hold secrets.
struct Writing<'a> {
    text: &'a [u8],
    /// Where a byte of it comes from, in the text that is told.
    from: &'a dyn Fn(usize) -> usize,
    /// The escapes that were taken out of it last.
    kind: u8,
    steps: u32,
}

impl Held {
    const NONE: Self =
        Self { secrets: VecDeque::new(), shortest: usize::MAX, fewest_digits: usize::MAX, kinds: [0; 256] };

    fn add(&mut self, secret: &str) {
        self.secrets.push_back(secret.into());
        if self.secrets.len() > MOST {
            self.secrets.pop_front();
        }
        self.shortest = self.secrets.iter().map(String::len).min().unwrap_or(usize::MAX);
        self.fewest_digits = self.shortest.saturating_mul(4).div_ceil(3);
        self.kinds = std::array::from_fn(|byte| u8::try_from(byte).map_or(0, |byte| self.kind(byte)));
    }

    fn kind(&self, byte: u8) -> u8 {
        let is_at = |place, secret: &String| secret.as_bytes().get(place).is_some_and(|it| same(*it, byte));
        let begin = |place| self.secrets.iter().any(|secret| is_at(place, secret));
        let is = [
            (begin(0), FIRST),
            (begin(1), SECOND),
            (byte == b'%', PERCENT),
            (byte == b'\\', BACKSLASH),
            (DIGITS[usize::from(byte)] < NO_DIGIT, DIGIT),
            (byte.is_ascii_hexdigit(), HEX),
        ];
        is.into_iter().filter(|(is, _)| *is).map(|(_, kind)| kind).sum()
    }

    fn blotted<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut shown = Vec::new();
        self.find(&Writing { text: text.as_bytes(), from: &|at| at, kind: 0, steps: STEPS }, &mut shown);
        if shown.is_empty() {
            return text.into();
        }
        shown.sort_unstable_by_key(|range| (range.start, range.end));
        let (mut blotted, mut done) = (String::with_capacity(text.len()), 0);
        for Range { start, end } in shown {
            // An escape that is cut in two would spoil JSON.
            let start = text[..text.floor_char_boundary(start)].trim_end_matches('\\').len();
            if start >= done {
                blotted.push_str(&text[done..start]);
                blotted.push_str(BLOT);
            }
            done = done.max(text.ceil_char_boundary(end));
        }
        blotted.push_str(&text[done..]);
        blotted.into()
    }

    /// Finds where secrets stand in the text that is told.
    fn find(&self, writing: &Writing, shown: &mut Vec<Range<usize>>) {
        let Writing { text, from, kind, steps } = *writing;
        if text.len() < self.shortest {
            return;
        }
        let (mut kinds, mut before, mut digits) = (0, 0, 0);
        for (at, byte) in text.iter().enumerate() {
            let is = self.kinds[usize::from(*byte)];
            kinds |= is;
            if before & FIRST != 0 && is & SECOND != 0 {
                let secret = self.end_of_secret(&text[at - 1..]);
                shown.extend(secret.map(|length| from(at - 1)..from(at - 1 + length)));
            }
            before = is;
            if is & DIGIT != 0 {
                digits += 1;
                continue;
            }
            // Most are words and numbers, too short to look into.
            if digits >= self.fewest_digits {
                self.find_in_digits(writing, at - digits..at, shown);
            }
            digits = 0;
        }
        self.find_in_digits(writing, text.len() - digits..text.len(), shown);
        for (escape, read) in [(PERCENT, percent as fn(&[u8]) -> Read), (BACKSLASH, backslash)] {
            let takes = if kind == escape { 1 } else { 2 };
            if kinds & escape != 0 && steps >= takes {
                let (text, origins) = unescaped(text, read);
                let from = |at: usize| from(origins[at]);
                self.find(&Writing { text: &text, from: &from, kind: escape, steps: steps - takes }, shown);
            }
        }
    }

    /// The length of the longest secret that a text begins with.
    fn end_of_secret(&self, text: &[u8]) -> Option<usize> {
        let begins = |secret: &&String| {
            let part = text.get(..secret.len());
            part.is_some_and(|part| part.iter().zip(secret.bytes()).all(|(byte, it)| same(*byte, it)))
        };
        self.secrets.iter().filter(begins).map(String::len).max()
    }

    /// Whether two bytes of a secret, an escape or enough digits stand together. In what the digits of an id or a
    /// number would stand for they hardly ever do.
    fn may_hide(&self, mut text: impl Iterator<Item = u8>) -> bool {
        let (mut before, mut digits) = (0, 0);
        text.any(|byte| {
            let is = self.kinds[usize::from(byte)];
            let begins = before & FIRST != 0 && is & SECOND != 0;
            let escapes = before & PERCENT != 0 && is & HEX != 0 || is & BACKSLASH != 0;
            digits = if is & DIGIT != 0 { digits + 1 } else { 0 };
            before = is;
            begins || escapes || digits >= self.fewest_digits
        })
    }

    /// Looks into digits of base64, wherever among them a secret may begin.
    fn find_in_digits(&self, writing: &Writing, digits: Range<usize>, shown: &mut Vec<Range<usize>>) {
        if digits.len() < self.fewest_digits || writing.steps < 3 {
            return;
        }
        let hides = |first: usize| {
            let text = decoded(&writing.text[first..digits.end]);
            if !self.may_hide(text.clone()) {
                return false;
            }
            let (text, mut found): (Vec<u8>, _) = (text.collect(), Vec::new());
            let within = Writing { text: &text, from: &|at| at, kind: 0, steps: writing.steps - 3 };
            self.find(&within, &mut found);
            !found.is_empty()
        };
        if (digits.start..digits.end).take(4).any(hides) {
            let padding = writing.text[digits.end..].iter().take_while(|byte| **byte == b'=').count();
            shown.push((writing.from)(digits.start)..(writing.from)(digits.end + padding));
        }
    }
}

/// A blank of a form is written as a plus.
fn same(one: u8, other: u8) -> bool {
    one == other || (matches!(one, b' ' | b'+') && matches!(other, b' ' | b'+'))
}

const fn digits() -> [u8; 256] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut digits, mut value) = ([NO_DIGIT; 256], 0);
    while value < NO_DIGIT {
        digits[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    (digits[b'-' as usize], digits[b'_' as usize]) = (62, 63);
    digits
}

/// What digits of base64 stand for; what is left over at the end is dropped.
fn decoded(digits: &[u8]) -> impl Iterator<Item = u8> + Clone {
    digits.chunks(4).flat_map(|four| {
        let bits = |place| four.get(place).map_or(0, |digit| u32::from(DIGITS[usize::from(*digit)]));
        let [_, bytes @ ..] = (bits(0) << 18 | bits(1) << 12 | bits(2) << 6 | bits(3)).to_be_bytes();
        bytes.into_iter().take(four.len() * 6 / 8)
    })
}

/// What an escape stands for, and its length; none where there is none.
type Read = Option<(char, usize)>;

fn percent(text: &[u8]) -> Read {
    let [b'%', high, low, ..] = text else { return None };
    Some((char::from(hex(&[*high, *low])? as u8), 3))
}

fn backslash(text: &[u8]) -> Read {
    match text {
        [b'\\', b'u', digits @ ..] => Some((char::from_u32(hex(digits.get(..4)?)?)?, 6)),
        [b'\\', byte, ..] => Some((
            match byte {
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                byte => char::from(*byte),
            },
            2,
        )),
        _ => None,
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    let digits = digits.iter().map(|digit| char::from(*digit).to_digit(16));
    digits.reduce(|number, digit| Some(number? << 4 | digit?))?
}

/// A text with its escapes read, and where each byte comes from, the end included.
fn unescaped(text: &[u8], read: fn(&[u8]) -> Read) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut origins) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let length = match read(&text[at..]) {
            Some((character, length)) => {
                // Secrets are ASCII, so that a byte that is none needs to be no more than itself.
                bytes.push(u8::try_from(character).unwrap_or(b'?'));
                length
            }
            None => {
                bytes.push(byte);
                1
            }
        };
        origins.push(at);
        at += length;
    }
    origins.push(text.len());
    (bytes, origins)
}

#[cfg(test)]
mod tests;
