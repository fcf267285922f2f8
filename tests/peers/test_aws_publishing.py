"""boto3 against the simulator's EventBridge, SNS and SQS: the calls that publish outcomes.

The whole path over these services is tested with moto. Here it is the simulator whose answers are
read, above all where entries fail inside a 200: only the simulator can be told to let them.
"""

import json

import pytest
from botocore.exceptions import ClientError

from processes import ACCOUNT, REGION

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:outcomes"
ATTRIBUTES = {"status": {"DataType": "String", "StringValue": "ACCEPTED"}}


def put_events(aws, _, count):
    entries = [
        {"EventBusName": "outcomes", "Source": "countermand", "DetailType": "Cancellation Outcome", "Detail": detail}
        for detail in (json.dumps({"number": number}) for number in range(count))
    ]
    answer = aws("events").put_events(Entries=entries)
    failed = {index: one for index, one in enumerate(answer["Entries"]) if "ErrorCode" in one}
    assert answer["FailedEntryCount"] == len(failed)
    return {index: one["ErrorCode"] for index, one in failed.items()}


def publish_batch(aws, _, count):
    entries = [
        {"Id": f"id-{number}", "Message": json.dumps({"number": number}), "MessageAttributes": ATTRIBUTES}
        for number in range(count)
    ]
    answer = aws("sns").publish_batch(TopicArn=TOPIC, PublishBatchRequestEntries=entries)
    assert len(answer.get("Successful", [])) + len(answer.get("Failed", [])) == count
    return {int(one["Id"].removeprefix("id-")): one["Code"] for one in answer.get("Failed", [])}


def send_message_batch(aws, simulator, count):
    entries = [
        {"Id": f"id-{number}", "MessageBody": json.dumps({"number": number}), "MessageAttributes": ATTRIBUTES}
        for number in range(count)
    ]
    # boto3 checks the digests of bodies and attributes in the answer.
    answer = aws("sqs").send_message_batch(QueueUrl=f"{simulator.url}/{ACCOUNT}/outcomes", Entries=entries)
    assert len(answer.get("Successful", [])) + len(answer.get("Failed", [])) == count
    return {int(one["Id"].removeprefix("id-")): one["Code"] for one in answer.get("Failed", [])}


PUBLISHING = pytest.mark.parametrize(
    ("publish", "operation", "destination"),
    [
        (put_events, "eventbridge.PutEvents", "bus:outcomes"),
        (publish_batch, "sns.PublishBatch", "topic:outcomes"),
        (send_message_batch, "sqs.SendMessageBatch", "queue:outcomes"),
    ],
    ids=["bus", "topic", "queue"],
)


def arrived(simulator, destination):
    published = simulator.published()
    assert {one["destination"] for one in published} <= {destination}
    return [json.loads(one["body"])["number"] for one in published]


@PUBLISHING
def test_a_batch_by_boto3_arrives_in_its_order(aws, simulator, publish, operation, destination):
    assert publish(aws, simulator, 10) == {}
    assert arrived(simulator, destination) == list(range(10))
    assert len(simulator.ledger(operation)) == 1


@PUBLISHING
def test_boto3_reads_which_entries_failed_inside_a_200(aws, simulator, publish, operation, destination):
    code = "ThrottlingException" if publish is put_events else "InternalError"
    simulator.fault(operation, "failEntries", entries=[0, 2], code=code)
    assert publish(aws, simulator, 4) == {0: code, 2: code}
    assert arrived(simulator, destination) == [1, 3]


@PUBLISHING
def test_boto3_is_refused_an_eleventh_entry(aws, simulator, publish, operation, destination):
    with pytest.raises(ClientError) as error:
        publish(aws, simulator, 11)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert arrived(simulator, destination) == []
