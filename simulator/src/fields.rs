//! The fields of requests in awsJson, and what the framework in front of the service says about those
//! that are wrong: a type that does not fit is a `SerializationException`, a value that breaks the
//! model's constraints a `ValidationException` that names the field by its path.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::refusal::Failure;
use crate::wire::Request;

/// A JSON object of a request, and where it stands in there.
pub(crate) struct Fields {
    path: String,
    members: Map<String, Value>,
}

impl Fields {
    pub(crate) fn of(request: &Request) -> Result<Fields, Failure> {
        let members =
            request.json_object().map_err(|message| Failure::new(400, "SerializationException", message))?;
        Ok(Fields { path: String::new(), members })
    }

    /// The member's name with all that leads to it.
    fn path(&self, field: &str) -> String {
        format!("{}{field}", self.path)
    }

    fn get(&self, field: &str) -> Option<&Value> {
        self.members.get(field).filter(|value| !value.is_null())
    }

    pub(crate) fn violated(&self, field: &str, constraint: &str) -> Failure {
        let path = self.path(field);
        invalid(&format!(
            "1 validation error detected: Value at '{path}' failed to satisfy constraint: {constraint}"
        ))
    }

    fn mistyped(&self, field: &str, expected: &str) -> Failure {
        let message = format!("{}: expected {expected}", self.path(field));
        Failure::new(400, "SerializationException", message)
    }

    fn missing(&self, field: &str) -> Failure {
        self.violated(field, "Member must not be null")
    }

    pub(crate) fn text(&self, field: &str, longest: usize) -> Result<Option<String>, Failure> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(value)) if value.chars().count() > longest => {
                let constraint = format!("Member must have length less than or equal to {longest}");
                Err(self.violated(field, &constraint))
            }
            Some(Value::String(value)) => Ok(Some(value.clone())),
            Some(_) => Err(self.mistyped(field, "a string")),
        }
    }

    /// A text that must be there and must not be empty.
    pub(crate) fn required(&self, field: &str, longest: usize) -> Result<String, Failure> {
        let value = self.text(field, longest)?.ok_or_else(|| self.missing(field))?;
        if value.is_empty() {
            return Err(self.violated(field, "Member must have length greater than or equal to 1"));
        }
        Ok(value)
    }

    pub(crate) fn object(&self, field: &str) -> Result<Option<Fields>, Failure> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Object(members)) => {
                Ok(Some(Fields { path: format!("{}.", self.path(field)), members: members.clone() }))
            }
            Some(_) => Err(self.mistyped(field, "an object")),
        }
    }

    pub(crate) fn required_object(&self, field: &str) -> Result<Fields, Failure> {
        self.object(field)?.ok_or_else(|| self.missing(field))
    }

    /// A moment, in microseconds since the epoch.
    pub(crate) fn moment(&self, field: &str) -> Result<Option<i64>, Failure> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        let seconds = value.as_f64().ok_or_else(|| self.mistyped(field, "a number of seconds"))?;
        #[expect(clippy::cast_possible_truncation, reason = "a moment that far off is still that far off")]
        let microseconds = (seconds * 1e6).round() as i64;
        Ok(Some(microseconds))
    }

    pub(crate) fn required_moment(&self, field: &str) -> Result<i64, Failure> {
        self.moment(field)?.ok_or_else(|| self.missing(field))
    }

    /// A number of items, up to `most`.
    pub(crate) fn count(&self, field: &str, most: usize) -> Result<Option<usize>, Failure> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        let count = value.as_i64().ok_or_else(|| self.mistyped(field, "an integer"))?;
        match usize::try_from(count) {
            Ok(count) if count <= most => Ok(Some(count)),
            Ok(_) => {
                Err(self.violated(field, &format!("Member must have value less than or equal to {most}")))
            }
            Err(_) => Err(self.violated(field, "Member must have value greater than or equal to 0")),
        }
    }

    pub(crate) fn flag(&self, field: &str) -> Result<bool, Failure> {
        match self.get(field) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.mistyped(field, "a boolean")),
        }
    }

    /// One of a set of names.
    pub(crate) fn required_name<T: DeserializeOwned>(&self, field: &str) -> Result<T, Failure> {
        let name = self.required(field, usize::MAX)?;
        serde_json::from_value(name.into())
            .map_err(|error| self.violated(field, &format!("Member must satisfy enum value set: {error}")))
    }

    /// The request as it is, but for this field.
    pub(crate) fn without(&self, field: &str) -> Value {
        let others = self.members.iter().filter(|(name, _)| *name != field);
        others.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// What the service says of a request that is well-formed and still makes no sense.
pub(crate) fn invalid(message: &str) -> Failure {
    Failure::new(400, "ValidationException", message)
}
