//! SNS's `Publish` and `PublishBatch`, query protocol: form fields with numbered members in, XML
//! out. Sizes are counted with the message attributes, as the service counts them, and a whole batch
//! has the limit that a single message has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use crate::batch;
use crate::ledger::Published;
use crate::refusal::{Failure, SNS_NAMESPACE, xml_error, xml_text};
use crate::service::{
    AWS_HEADERS, Operation, Service, Spec, aws_request_id, query_action, query_unknown_action,
};
use crate::sigv4::{Door, QUERY_NAMES, resource_name};
use crate::wire::{Answer, Form, Request};
use crate::work::{FailingEntries, Turn, Work};

const LARGEST: usize = 262_144;

pub(crate) const DOOR: Door =
    Door { scope: "sns", content_type: "application/x-www-form-urlencoded", names: QUERY_NAMES };

impl Operation {
    pub const PUBLISH_BATCH: Operation = Operation(&Spec {
        name: "sns.PublishBatch",
        read: |request| Ok(Box::new(PublishBatch::read(request)?)),
        takes_entries: true,
        about,
    });
    pub const PUBLISH: Operation = Operation(&Spec {
        name: "sns.Publish",
        read: |request| Ok(Box::new(Publish::read(request)?)),
        takes_entries: false,
        about: |_| String::new(),
    });
}

/// The service.
pub(crate) static SERVICE: Service = Service {
    name: "sns",
    operations: &[Operation::PUBLISH_BATCH, Operation::PUBLISH],
    runs: None,
    action: |request| query_action(request, "2010-03-31"),
    admit: |request, state| DOOR.admit(request, state),
    throttled: (400, "Throttling", "Rate exceeded"),
    unknown_action: query_unknown_action,
    internal_error: "InternalFailure",
    refuse: |failure, request_id| xml_error(SNS_NAMESPACE, failure, request_id),
    request_id: aws_request_id,
    headers: AWS_HEADERS,
};

fn about(request: &Value) -> String {
    let names = request.as_object().into_iter().flat_map(|form| form.keys());
    let numbers =
        names.filter_map(|name| name.strip_prefix("PublishBatchRequestEntries.member.")?.split('.').next());
    batch::entries(numbers.collect::<BTreeSet<_>>().len())
}

/// A message as the form spells it under a prefix.
struct Message {
    body: String,
    attributes: BTreeMap<String, String>,
    size: usize,
}

impl Message {
    fn read(form: &Form, prefix: &str) -> Result<Message, Failure> {
        let field = |name: &str| form.get(&format!("{prefix}{name}"));
        let body = field("Message").unwrap_or_default().to_owned();
        if body.is_empty() {
            return Err(invalid("Empty message"));
        }
        if let Some(subject) = field("Subject") {
            let fine =
                subject.chars().all(|one| !one.is_control()) && (1..100).contains(&subject.chars().count());
            if !fine {
                return Err(invalid("Subject"));
            }
        }
        let mut size = body.len();
        let mut attributes = BTreeMap::new();
        for number in 1.. {
            let attribute = |part: &str| field(&format!("MessageAttributes.entry.{number}.{part}"));
            let Some(name) = attribute("Name") else {
                break;
            };
            let kind = attribute("Value.DataType").unwrap_or_default();
            let value = attribute("Value.StringValue").or(attribute("Value.BinaryValue")).unwrap_or_default();
            if kind.is_empty() || value.is_empty() {
                let message = format!(
                    "The message attribute '{name}' must contain non-empty message attribute value and type."
                );
                return Err(Failure::new(400, "ParameterValueInvalid", message));
            }
            size += name.len() + kind.len() + value.len();
            attributes.insert(name.to_owned(), value.to_owned());
        }
        Ok(Message { body, attributes, size })
    }

    /// Records the message as published, and gives it an id.
    fn deliver(&self, turn: &mut Turn<'_>, topic: &str) -> String {
        turn.state.published.push(Published {
            destination: format!("topic:{topic}"),
            source: None,
            detail_type: None,
            attributes: self.attributes.clone(),
            body: self.body.clone(),
        });
        Uuid::new_v4().to_string()
    }
}

fn invalid(what: &str) -> Failure {
    Failure::new(400, "InvalidParameter", format!("Invalid parameter: {what}"))
}

fn form(request: &Request) -> Result<(Form, String), Failure> {
    let form =
        Form::of_body(&request.body).map_err(|message| Failure::new(400, "MalformedQueryString", message))?;
    let topic_arn = form.get("TopicArn").unwrap_or_default();
    let topic = topic_arn.starts_with("arn:").then(|| resource_name(topic_arn, "sns", "")).flatten();
    let topic = topic.filter(|topic| !topic.is_empty()).ok_or_else(|| invalid("TopicArn"))?.to_owned();
    Ok((form, topic))
}

fn exists(turn: &Turn<'_>, topic: &str) -> Result<(), Failure> {
    if turn.state.world.topics.iter().any(|known| known == topic) {
        return Ok(());
    }
    Err(Failure::new(404, "NotFound", "Topic does not exist"))
}

fn reply(turn: &Turn<'_>, operation: &str, result: &str) -> Answer {
    let body = format!(
        "<{operation}Response xmlns=\"{SNS_NAMESPACE}\"><{operation}Result>{result}</{operation}Result>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{operation}Response>",
        turn.request_id
    );
    Answer::new(200, "text/xml", body)
}

pub(crate) struct Publish {
    topic: String,
    message: Message,
}

impl Publish {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let (form, topic) = form(request)?;
        let message = Message::read(&form, "")?;
        if message.size > LARGEST {
            return Err(invalid("Message too long"));
        }
        Ok(Publish { topic, message })
    }
}

impl Work for Publish {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        exists(turn, &self.topic)?;
        let id = self.message.deliver(turn, &self.topic);
        Ok(reply(turn, "Publish", &format!("<MessageId>{id}</MessageId>")))
    }
}

pub(crate) struct PublishBatch {
    topic: String,
    entries: Vec<(String, Result<Message, Failure>)>,
}

impl PublishBatch {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let (form, topic) = form(request)?;
        let entries: Vec<_> = (1..)
            .map(|number| format!("PublishBatchRequestEntries.member.{number}."))
            .map_while(|prefix| {
                let id = form.get(&format!("{prefix}Id"))?.to_owned();
                Some((id, Message::read(&form, &prefix)))
            })
            .collect();
        batch::check_ids(entries.iter().map(|(id, _)| id.as_str()))?;
        let size = entries.iter().flat_map(|(_, message)| message).map(|message| message.size).sum();
        batch::check_size(size, LARGEST)?;
        Ok(PublishBatch { topic, entries })
    }
}

impl Work for PublishBatch {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        exists(turn, &self.topic)?;
        let (mut successful, mut failed) = (String::new(), String::new());
        for (index, (id, message)) in self.entries.iter().enumerate() {
            let failing = FailingEntries::of(turn, index);
            let (code, text, sender) = match (failing, message) {
                (Some(failing), _) => (&failing.code, &failing.message, failing.sender_fault()),
                (None, Err(failure)) => (&failure.code, &failure.message, true),
                (None, Ok(message)) => {
                    let message_id = message.deliver(turn, &self.topic);
                    successful +=
                        &format!("<member><MessageId>{message_id}</MessageId><Id>{id}</Id></member>");
                    continue;
                }
            };
            let (code, text) = (xml_text(code), xml_text(text));
            failed += &format!(
                "<member><Id>{id}</Id><Code>{code}</Code><Message>{text}</Message><SenderFault>{sender}</SenderFault></member>"
            );
        }
        let result = format!("<Successful>{successful}</Successful><Failed>{failed}</Failed>");
        Ok(reply(turn, "PublishBatch", &result))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::request;
    use crate::work::State;
    use crate::world::World;

    const ARN: &str = "arn:aws:sns:us-east-1:111122223333:outcomes";

    fn run(state: &mut State, body: &str) -> Result<String, Failure> {
        let mut turn = Turn { state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
        let request = request("POST", "/", &[], body);
        let work: Box<dyn Work> = if body.contains("Action=PublishBatch") {
            Box::new(PublishBatch::read(&request)?)
        } else {
            Box::new(Publish::read(&request)?)
        };
        let answer = work.run(&mut turn)?;
        Ok(String::from_utf8(answer.body).unwrap())
    }

    fn batch(messages: &[&str]) -> String {
        let mut body = format!("Action=PublishBatch&TopicArn={ARN}");
        for (index, message) in messages.iter().enumerate() {
            let prefix = format!("PublishBatchRequestEntries.member.{}", index + 1);
            body += &format!("&{prefix}.Id=e{index}&{prefix}.Message={message}");
        }
        body
    }

    #[test]
    fn a_message_arrives_with_its_attributes() {
        let mut state = State::new(World::seeded());
        let attribute = "MessageAttributes.entry.1.Name=status&MessageAttributes.entry.1.Value.DataType=String\
                         &MessageAttributes.entry.1.Value.StringValue=FAILED";
        let body = format!("Action=Publish&TopicArn={ARN}&Message=%7B%7D&{attribute}");
        let reply = run(&mut state, &body).unwrap();
        assert!(reply.contains("<PublishResult><MessageId>"), "{reply}");
        let published = &state.published[0];
        assert_eq!((published.destination.as_str(), published.body.as_str()), ("topic:outcomes", "{}"));
        assert_eq!(published.attributes["status"], "FAILED");
    }

    #[test]
    fn entries_of_a_batch_fail_one_by_one() {
        let mut state = State::new(World::seeded());
        let reply = run(&mut state, &batch(&["one", "", "three"])).unwrap();
        assert!(reply.contains("<Id>e0</Id></member><member>"), "{reply}");
        assert!(reply.contains("<Failed><member><Id>e1</Id><Code>InvalidParameter</Code>"), "{reply}");
        assert_eq!(state.published.len(), 2);
    }

    #[test]
    fn what_the_service_would_refuse_is_refused() {
        let half = "x".repeat(LARGEST / 2 + 1);
        let cases = [
            (batch(&[]), 400, "EmptyBatchRequest"),
            (batch(&[&half, &half]), 400, "BatchRequestTooLong"),
            (batch(&["one"; 11]), 400, "TooManyEntriesInBatchRequest"),
            (batch(&["one"]).replace(":outcomes", ":nothing"), 404, "NotFound"),
            (batch(&["one"]).replace("us-east-1", "eu-west-1"), 400, "InvalidParameter"),
            (format!("Action=Publish&TopicArn={ARN}"), 400, "InvalidParameter"),
            (format!("Action=Publish&TopicArn={ARN}&Message={half}{half}"), 400, "InvalidParameter"),
            (
                format!("Action=Publish&TopicArn={ARN}&Message=x&Subject={}", "x".repeat(100)),
                400,
                "InvalidParameter",
            ),
        ];
        for (body, status, code) in cases {
            let failure = run(&mut State::new(World::seeded()), &body).unwrap_err();
            assert_eq!((failure.status, failure.code.as_str()), (status, code), "{:.120}", body);
        }
    }
}
