//! The pages of a list, and the tokens that ask for the next one. A token is opaque, can be used
//! again, and is good for the list it was given for and no other. What is in a list, and how a
//! service says that it does not know a token, is the service's own.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

/// Where the pages handed out so far ended.
#[derive(Debug, Default)]
pub(crate) struct Pages(HashMap<String, Bookmark>);

#[derive(Debug)]
struct Bookmark {
    /// The request for the list, without the token.
    asked: Value,
    /// The last item of the page.
    last: String,
}

/// The token was never given out for this list.
#[derive(Debug, PartialEq)]
pub(crate) struct UnknownToken;

/// One page, and the token of the next one where there is more.
#[derive(Debug, PartialEq)]
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    pub(crate) next: Option<String>,
}

impl Pages {
    /// The page that follows where the token left off, or the first one. `list` is the whole of it
    /// as it stands now, each item with a name that no other has.
    pub(crate) fn turn(
        &mut self,
        list: Vec<(String, Value)>,
        asked: &Value,
        token: Option<&str>,
        size: usize,
    ) -> Result<Page, UnknownToken> {
        let begin = match token {
            None => 0,
            Some(token) => {
                let bookmark =
                    self.0.get(token).filter(|bookmark| bookmark.asked == *asked).ok_or(UnknownToken)?;
                // The list may have grown at its head: what counts is where the last page ended.
                let last = list.iter().position(|(name, _)| *name == bookmark.last).ok_or(UnknownToken)?;
                last + 1
            }
        };
        let more = list.len() > begin + size;
        let (names, items): (Vec<_>, Vec<_>) = list.into_iter().skip(begin).take(size).unzip();
        let next = names.into_iter().next_back().filter(|_| more).map(|last| {
            let token = base64_simd::STANDARD.encode_to_string(Uuid::new_v4().as_bytes());
            self.0.insert(token.clone(), Bookmark { asked: asked.clone(), last });
            token
        });
        Ok(Page { items, next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(names: &[&str]) -> Vec<(String, Value)> {
        names.iter().map(|name| ((*name).to_owned(), json!(name))).collect()
    }

    #[test]
    fn pages_end_where_the_list_ends() {
        let names = ["a", "b", "c", "d"];
        for (size, expected) in [(1, 4), (2, 2), (3, 2), (4, 1), (5, 1)] {
            let (mut pages, asked) = (Pages::default(), json!({"flow": "f"}));
            let (mut seen, mut token, mut count) = (Vec::new(), None::<String>, 0);
            loop {
                let page = pages.turn(list(&names), &asked, token.as_deref(), size).unwrap();
                seen.extend(page.items);
                count += 1;
                token = page.next;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!((json!(seen), count), (json!(names), expected), "pages of {size}");
        }
        let page = Pages::default().turn(Vec::new(), &json!({}), None, 1);
        assert_eq!(page, Ok(Page { items: Vec::new(), next: None }));
    }

    #[test]
    fn a_token_is_good_for_its_own_list_again_and_again() {
        let (mut pages, asked) = (Pages::default(), json!({"flow": "f"}));
        let token = pages.turn(list(&["a", "b"]), &asked, None, 1).unwrap().next;
        for _ in 0..2 {
            // An item that came first meanwhile moves nothing.
            let page = pages.turn(list(&["new", "a", "b"]), &asked, token.as_deref(), 1).unwrap();
            assert_eq!(page, Page { items: vec![json!("b")], next: None });
        }
        let mut turn = |asked, token| pages.turn(list(&["a", "b"]), &asked, token, 1);
        assert_eq!(turn(json!({"flow": "g"}), token.as_deref()), Err(UnknownToken));
        assert_eq!(turn(asked, Some("made up")), Err(UnknownToken));
    }
}
