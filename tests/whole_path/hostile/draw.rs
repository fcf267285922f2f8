//! Choices, made from bytes.
//!
//! A fuzzer's bytes or random ones, the same generators serve both: a fuzzer learns which bytes lead to
//! something new, and a random round is told again by its seed. It knows nothing of what is drawn.

/// Bytes that choose. Where they end, every choice is the first.
pub struct Draw<'a>(&'a [u8]);

impl<'a> Draw<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `end`, which is at most 65,536.
    pub fn below(&mut self, end: usize) -> usize {
        let number = match end {
            0..=1 => 0,
            2..=256 => self.byte().into(),
            _ => u16::from_le_bytes([self.byte(), self.byte()]).into(),
        };
        number % end.max(1)
    }

    /// Once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Bytes as they come, fewer than `end`.
    pub fn bytes(&mut self, end: usize) -> &'a [u8] {
        let count = self.below(end).min(self.0.len());
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }
}
