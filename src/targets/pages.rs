//! The pages of a list, whatever it lists.
//!
//! A page may hold nothing and still lead to more, so only the token tells whether a list has come to its
//! end; and one that never comes to it must not be read for ever.

use std::collections::HashSet;

use crate::call_error::CallError;

/// More pages than this are no list of one target's runs.
const MOST_PAGES: usize = 10_000;

/// The tokens that led from page to page so far.
#[derive(Default)]
pub struct Tokens(HashSet<String>);

impl Tokens {
    /// The token of the next page, where there is one.
    ///
    /// # Errors
    /// The list leads in a circle, or comes to no end.
    pub fn next(&mut self, token: Option<String>) -> Result<Option<String>, CallError> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        match self.0.len() < MOST_PAGES && self.0.insert(token.clone()) {
            true => Ok(Some(token)),
            false => Err(CallError::unreadable("pages that come to an end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_without_a_token_and_a_circle_is_an_error() {
        let mut tokens = Tokens::default();
        let mut next = |token: &str| tokens.next(Some(token.into()));
        for token in ["a", "b"] {
            assert_eq!(next(token), Ok(Some(token.into())));
        }
        assert_eq!(next(""), Ok(None));
        assert_eq!(next("a").map_err(|error| error.code), Err(CallError::UNREADABLE.into()));
        assert_eq!(tokens.next(None), Ok(None));
        let endless = (0..=MOST_PAGES).map(|page| tokens.next(Some(format!("page-{page}"))));
        assert!(endless.last().is_some_and(|last| last.is_err()));
    }
}
