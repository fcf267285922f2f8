//! The members of a JSON object, as they came.
//!
//! `serde_json::Value` silently keeps the last of two equal names and turns every value into a tree.
//! [`Members`] keeps every member in its order, names and values as slices of the text, so that a
//! huge object costs little before anybody knows what it is. It knows nothing of requests.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members, repeated names included.
#[derive(Clone, Debug, Default)]
pub struct Members<'a>(Vec<(Name<'a>, &'a RawValue)>);

/// A name, owned only where the text writes it with escapes.
#[derive(Clone, Debug, Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Members<'a> {
    /// All members, in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(Name(name), value)| (name.as_ref(), *value))
    }

    /// Those that have one of these names.
    pub fn named(&self, names: &[&str]) -> impl DoubleEndedIterator<Item = (&str, &'a RawValue)> {
        self.iter().filter(|(name, _)| names.contains(name))
    }

    /// The value of a name; of equal names the last.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.named(&[name]).next_back().map(|(_, value)| value)
    }

    /// The strings among the members of a name, repeated ones included.
    pub fn strings(&self, name: &str) -> Vec<String> {
        let read = |(_, value): (_, &RawValue)| serde_json::from_str(value.get()).ok();
        self.named(&[name]).filter_map(read).collect()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
