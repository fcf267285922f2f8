"""moto's server as EventBridge, SNS and SQS: what the function publishes comes out at the far end.

The release binary works off the simulator's Runtime API and asks the simulator for the cancels, but
publishes to moto. A consumer's queue hangs behind each kind of destination, wired with boto3 as a
user would wire it; the outcome is read from that queue.
"""

import json

import boto3
import pytest
import requests

from conftest import KEYS
from processes import ACCOUNT, EVENTS, REGION, Function, Moto, until

ARN = "arn:aws:{}:" + f"{REGION}:{ACCOUNT}:"
BUS = ARN.format("events") + "event-bus/outcomes"
TOPIC = ARN.format("sns") + "outcomes"
QUEUE = ARN.format("sqs") + "outcomes"


@pytest.fixture(scope="module")
def server():
    with Moto() as running:
        yield running


@pytest.fixture
def moto(server):
    """A client for any of the services of a moto server that holds only a consumer's queue."""
    requests.post(f"{server.url}/moto-api/reset", timeout=30).raise_for_status()

    def client(service):
        return boto3.client(service, endpoint_url=server.url, region_name=REGION, **KEYS)

    client("sqs").create_queue(QueueName="outcomes")
    return client


@pytest.fixture
def cancel(simulator, server, moto):
    """Hands a sample event to a function that publishes to `destination`; returns its response."""
    started = []

    def invoke(sample, destination):
        environment = {f"AWS_ENDPOINT_URL_{service}": server.url for service in ("EVENTBRIDGE", "SNS", "SQS")}
        function = Function(simulator, COUNTERMAND_OUTCOME_DESTINATION=destination, **environment)
        started.append(function)
        reply = simulator.invoke((EVENTS / f"{sample}.json").read_text())
        assert reply["type"] == "response", (reply, function.output())
        return json.loads(reply["value"])

    yield invoke
    for function in started:
        function.__exit__()


def received(moto, count):
    """The messages that have come out of the consumer's queue: exactly so many."""
    sqs = moto("sqs")
    url = sqs.get_queue_url(QueueName="outcomes")["QueueUrl"]
    messages = []

    def all_there():
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        messages.extend(answer.get("Messages", []))
        return len(messages) >= count

    until(all_there, f"{count} messages in the queue")
    assert len(messages) == count
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    assert set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"].values()) == {"0"}
    return messages


def wire_bus(moto):
    events = moto("events")
    events.create_event_bus(Name="outcomes")
    pattern = {"source": ["countermand"], "detail-type": ["Cancellation Outcome"], "detail": {"status": ["ACCEPTED"]}}
    events.put_rule(Name="accepted", EventBusName="outcomes", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="accepted", EventBusName="outcomes", Targets=[{"Id": "queue", "Arn": QUEUE}])


def wire_topic(moto):
    sns = moto("sns")
    sns.create_topic(Name="outcomes")
    sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE)


def sent_id(sample, record=0):
    return json.loads((EVENTS / f"{sample}.json").read_text())["Records"][record]["messageId"]


def attributes(message):
    """The string attributes of an SQS message or of an SNS notification."""
    return {
        name: (one.get("DataType") or one["Type"], one.get("StringValue") or one["Value"])
        for name, one in message["MessageAttributes"].items()
    }


def test_an_outcome_reaches_a_queue_behind_a_rule_of_the_bus(cancel, moto, simulator):
    wire_bus(moto)
    assert cancel("sqs-appflow-one-run", BUS) == {"batchItemFailures": []}
    [message] = received(moto, 1)
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"]) == ("countermand", "Cancellation Outcome")
    outcome = event["detail"]
    assert (outcome["type"], outcome["version"]) == ("CancellationOutcome", "1")
    assert (outcome["service"], outcome["status"], outcome["effect"]) == ("appflow", "ACCEPTED", "REQUESTED")
    assert outcome["requestId"] == sent_id("sqs-appflow-one-run")
    assert outcome["target"] == {"key": "appflow:orders", "flowName": "orders", "executionIds": ["run-2"]}
    # The simulator has a bus of that name too: nothing may have gone there.
    assert simulator.published() == []


def test_a_rule_lets_only_the_outcomes_through_that_it_names(cancel, moto):
    wire_bus(moto)
    assert cancel("sqs-mixed-batch", BUS) == {"batchItemFailures": []}
    outcomes = [json.loads(message["Body"])["detail"] for message in received(moto, 3)]
    # The batch's bad record is rejected, and the rule asks for what was accepted.
    assert sorted((one["service"], one["status"]) for one in outcomes) == [
        ("appflow", "ACCEPTED"), ("cloudflow", "ACCEPTED"), ("swf", "ACCEPTED")
    ]  # fmt: skip


def test_an_outcome_reaches_a_queue_subscribed_to_the_topic(cancel, moto, simulator):
    wire_topic(moto)
    assert cancel("sqs-swf-current-run", TOPIC) == {"batchItemFailures": []}
    [message] = received(moto, 1)
    notification = json.loads(message["Body"])
    assert (notification["Type"], notification["TopicArn"]) == ("Notification", TOPIC)
    outcome = json.loads(notification["Message"])
    assert (outcome["type"], outcome["service"], outcome["status"]) == ("CancellationOutcome", "swf", "ACCEPTED")
    assert outcome["requestId"] == sent_id("sqs-swf-current-run")
    assert simulator.published() == []


def test_an_outcome_reaches_a_queue_as_a_message_with_attributes(cancel, moto, simulator):
    assert cancel("sqs-cloudflow-hourly", QUEUE) == {"batchItemFailures": []}
    [message] = received(moto, 1)
    outcome = json.loads(message["Body"])
    assert (outcome["type"], outcome["service"], outcome["status"]) == ("CancellationOutcome", "cloudflow", "ACCEPTED")
    assert outcome["requestId"] == sent_id("sqs-cloudflow-hourly")
    assert attributes(message) == {
        "type": ("String", "CancellationOutcome"), "service": ("String", "cloudflow"), "status": ("String", "ACCEPTED")
    }  # fmt: skip
    assert simulator.published() == []


@pytest.mark.parametrize("destination", [TOPIC, QUEUE], ids=["topic", "queue"])
def test_a_batch_arrives_whole_with_each_record_s_own_outcome(cancel, moto, destination):
    if destination == TOPIC:
        wire_topic(moto)
    assert cancel("sqs-mixed-batch", destination) == {"batchItemFailures": []}
    bodies = [json.loads(message["Body"]) for message in received(moto, 4)]
    outcomes = [json.loads(body["Message"]) if destination == TOPIC else body for body in bodies]
    expected = ["ACCEPTED", "ACCEPTED", "REJECTED", "ACCEPTED"]
    assert {one["requestId"]: one["status"] for one in outcomes} == {
        sent_id("sqs-mixed-batch", record): status for record, status in enumerate(expected)
    }


@pytest.mark.parametrize(
    "destination", [BUS.replace("outcomes", "nowhere"), TOPIC.replace("outcomes", "nowhere"), QUEUE + "-nowhere"],
    ids=["bus", "topic", "queue"],
)  # fmt: skip
def test_a_record_whose_outcome_found_no_destination_goes_back(cancel, simulator, destination):
    response = cancel("sqs-appflow-one-run", destination)
    assert response == {"batchItemFailures": [{"itemIdentifier": sent_id("sqs-appflow-one-run")}]}
    # Not for want of the cancel, which was made and answered.
    assert [call["status"] for call in simulator.ledger("appflow.CancelFlowExecutions")] == [200]
