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
    /// The last item so far.
    last: Option<String>,
    /// So many pages were handed out before.
    pages: usize,
}

/// How a list is cut into pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// So many items to a page.
    pub(crate) size: usize,
    /// So many pages come first that hold nothing.
    pub(crate) empty: usize,
}

/// The token was never given out for this list.
#[derive(Debug, PartialEq)]
pub(crate) struct UnknownToken;

/// One page, and the token of the next one where there is more.
#[derive(Debug, PartialEq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

impl Pages {
    /// The page that follows where the token left off, or the first one. `list` is the whole of it
    /// as it stands now, each item with a name that no other has.
    pub(crate) fn turn<T>(
        &mut self,
        list: Vec<(String, T)>,
        asked: &Value,
        token: Option<&str>,
        cut: Cut,
    ) -> Result<Page<T>, UnknownToken> {
        let page = self.turn_named(list, |(name, _)| name.clone(), asked, token, cut)?;
        Ok(Page { items: page.items.into_iter().map(|(_, item)| item).collect(), next: page.next })
    }

    /// The same of a list that may be long: the names of its items are made as they are needed.
    pub(crate) fn turn_named<T>(
        &mut self,
        list: Vec<T>,
        name: impl Fn(&T) -> String,
        asked: &Value,
        token: Option<&str>,
        cut: Cut,
    ) -> Result<Page<T>, UnknownToken> {
        let known = |token| self.0.get(token).filter(|bookmark| bookmark.asked == *asked).ok_or(UnknownToken);
        let (last, pages) = match token.map(known).transpose()? {
            None => (None, 0),
            Some(bookmark) => (bookmark.last.clone(), bookmark.pages),
        };
        let begin = match &last {
            None => 0,
            // The list may have grown at its head: what counts is where the last page ended.
            Some(last) => list.iter().position(|item| name(item) == *last).ok_or(UnknownToken)? + 1,
        };
        let size = if pages < cut.empty { 0 } else { cut.size };
        let more = list.len() > begin + size || pages < cut.empty;
        let items: Vec<T> = list.into_iter().skip(begin).take(size).collect();
        let next = more.then(|| {
            let token = base64_simd::STANDARD.encode_to_string(Uuid::new_v4().as_bytes());
            let last = items.last().map(name).or(last);
            self.0.insert(token.clone(), Bookmark { asked: asked.clone(), last, pages: pages + 1 });
            token
        });
        Ok(Page { items, next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Pages of this size, none of them empty.
    fn of(size: usize) -> Cut {
        Cut { size, empty: 0 }
    }

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
                let page = pages.turn(list(&names), &asked, token.as_deref(), of(size)).unwrap();
                seen.extend(page.items);
                count += 1;
                token = page.next;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!((json!(seen), count), (json!(names), expected), "pages of {size}");
        }
        let page = Pages::default().turn(Vec::<(String, Value)>::new(), &json!({}), None, of(1));
        assert_eq!(page, Ok(Page { items: Vec::new(), next: None }));
    }

    #[test]
    fn pages_that_hold_nothing_lead_to_those_that_do() {
        let (mut pages, asked) = (Pages::default(), json!({"flow": "f"}));
        let (mut token, mut seen) = (None::<String>, Vec::new());
        loop {
            let cut = Cut { size: 2, empty: 2 };
            let page = pages.turn(list(&["a", "b", "c"]), &asked, token.as_deref(), cut).unwrap();
            seen.push(page.items.len());
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, [0, 0, 2, 1]);
    }

    #[test]
    fn a_token_is_good_for_its_own_list_again_and_again() {
        let (mut pages, asked) = (Pages::default(), json!({"flow": "f"}));
        let token = pages.turn(list(&["a", "b"]), &asked, None, of(1)).unwrap().next;
        for _ in 0..2 {
            // An item that came first meanwhile moves nothing.
            let page = pages.turn(list(&["new", "a", "b"]), &asked, token.as_deref(), of(1)).unwrap();
            assert_eq!(page, Page { items: vec![json!("b")], next: None });
        }
        let mut turn = |asked, token| pages.turn(list(&["a", "b"]), &asked, token, of(1));
        assert_eq!(turn(json!({"flow": "g"}), token.as_deref()), Err(UnknownToken));
        assert_eq!(turn(asked, Some("made up")), Err(UnknownToken));
    }
}
