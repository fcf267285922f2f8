"""boto3 as a consumer of the simulator's SQS: what it receives it keeps for longer or gives back.

It takes the simulator's answers for SQS's: errors by their class, failed entries inside a 200.
"""

import time

import pytest

from processes import ACCOUNT

NEVER_ISSUED = "made-up"


@pytest.fixture
def sqs(aws):
    return aws("sqs")


@pytest.fixture
def url(simulator):
    return f"{simulator.url}/{ACCOUNT}/outcomes"


def receive(sqs, url, **options):
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], **options)
    return answer.get("Messages", [])


def test_a_message_given_back_comes_again_at_once(sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    [first] = receive(sqs, url)
    assert receive(sqs, url) == []
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    [second] = receive(sqs, url)
    assert second["MessageId"] == first["MessageId"]
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    assert second["ReceiptHandle"] != first["ReceiptHandle"]


def test_a_message_is_kept_for_longer(sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    [message] = receive(sqs, url, VisibilityTimeout=1)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=60)
    assert receive(sqs, url, WaitTimeSeconds=2) == []


def test_a_long_poll_ends_when_a_hidden_message_is_seen_again(sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    [hidden] = receive(sqs, url, VisibilityTimeout=1)
    [again] = receive(sqs, url, WaitTimeSeconds=20)
    assert again["MessageId"] == hidden["MessageId"]


def test_a_delayed_message_is_received_after_its_delay_and_not_before(sqs, url):
    entries = [
        {"Id": "later", "MessageBody": "later", "DelaySeconds": 2},
        {"Id": "now", "MessageBody": "now"},
    ]
    sent_at = time.monotonic()
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 2
    assert [message["Body"] for message in receive(sqs, url)] == ["now"]
    assert receive(sqs, url) == []
    [delayed] = receive(sqs, url, WaitTimeSeconds=20)
    assert time.monotonic() - sent_at >= 2
    assert delayed["Body"] == "later"
    assert delayed["Attributes"]["ApproximateReceiveCount"] == "1"


@pytest.mark.parametrize(("seconds", "taken"), [(900, True), (901, False)], ids=["longest", "longer"])
def test_no_message_is_delayed_for_longer_than_a_quarter_of_an_hour(sqs, url, seconds, taken):
    entry = {"Id": "0", "MessageBody": "hello", "DelaySeconds": seconds}
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[entry])
    assert len(answer.get("Successful", [])) == taken
    assert [one["Code"] for one in answer.get("Failed", [])] == ([] if taken else ["InvalidParameterValue"])


def test_boto3_reads_why_a_visibility_was_not_changed(sqs, url):
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    [message] = receive(sqs, url)
    change = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
    sqs.change_message_visibility(**change)
    with pytest.raises(sqs.exceptions.MessageNotInflight):
        sqs.change_message_visibility(**change)
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.change_message_visibility(**change | {"ReceiptHandle": NEVER_ISSUED})
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    with pytest.raises(sqs.exceptions.ClientError) as error:
        sqs.change_message_visibility(**change)
    assert error.value.response["Error"]["Code"] == "InvalidParameterValue"


def test_boto3_reads_which_changes_failed_inside_a_200(sqs, url, simulator):
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(3)])
    handles = [message["ReceiptHandle"] for message in receive(sqs, url)]
    entries = [
        {"Id": f"id-{number}", "ReceiptHandle": handle, "VisibilityTimeout": 0}
        for number, handle in enumerate([*handles, NEVER_ISSUED])
    ]
    simulator.fault("sqs.ChangeMessageVisibilityBatch", "failEntries", entries=[1], code="InternalError")
    answer = sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["id-0", "id-2"]
    failed = {one["Id"]: (one["Code"], one["SenderFault"]) for one in answer["Failed"]}
    assert failed == {"id-1": ("InternalError", False), "id-3": ("ReceiptHandleIsInvalid", True)}
    assert [message["Body"] for message in receive(sqs, url)] == ["0", "2"]
