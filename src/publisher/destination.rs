//! The ARN of the destination of outcomes.
//!
//! What a deployment can get wrong here would be found out only when an outcome is lost, so it is
//! refused at the start: FIFO topics and queues, for which an outcome has no group, and a bus in
//! another region, which `PutEvents` cannot reach.

use crate::arn::Arn;

/// Where outcomes go.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    pub kind: DestinationKind,
    pub arn: String,
    pub region: String,
}

/// Which service it is.
#[derive(Clone, Debug, PartialEq)]
pub enum DestinationKind {
    EventBus,
    Topic,
    Queue,
}

impl Destination {
    /// Reads an ARN; `region` is the function's own.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(arn: &str, region: Option<&str>) -> Result<Self, String> {
        let kinds = "the ARN of an event bus, an SNS topic or an SQS queue";
        let parsed = Arn::parse(arn).filter(|arn| !arn.name.contains(':')).ok_or(kinds)?;
        let Arn { service, region: place, name, .. } = parsed;
        if !parsed.is_complete() {
            return Err("an ARN with region, account and name".into());
        }
        let kind = match service {
            "events" => event_bus(name, place, region)?,
            "sns" | "sqs" if name.ends_with(".fifo") => {
                return Err("a standard topic or queue, not a FIFO one".into());
            }
            "sns" => DestinationKind::Topic,
            "sqs" => DestinationKind::Queue,
            _ => return Err(kinds.into()),
        };
        Ok(Self { kind, arn: arn.into(), region: place.into() })
    }

    /// Reads the ARN of a standard queue.
    ///
    /// # Errors
    /// What was expected.
    pub fn queue(arn: &str) -> Result<Self, String> {
        let queue = Self::parse(arn, None).ok().filter(|queue| queue.kind == DestinationKind::Queue);
        queue.ok_or_else(|| "the ARN of a standard SQS queue".into())
    }
}

fn event_bus(name: &str, place: &str, region: Option<&str>) -> Result<DestinationKind, String> {
    if name.strip_prefix("event-bus/").is_none_or(str::is_empty) {
        return Err("an event bus, its name after event-bus/".into());
    }
    match region {
        Some(region) if region == place => Ok(DestinationKind::EventBus),
        Some(region) => Err(format!("an event bus in the function's region {region}")),
        None => Err("AWS_REGION to be set, the region that the event bus must be in".into()),
    }
}
