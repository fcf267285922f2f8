"""AWS's own runtime interface emulator runs the release binary on every sample event.

It is the program that stands in for Lambda in AWS's base images: its Runtime API is not ours, so it
shows that the binary's start, its responses and its errors are what Lambda takes.
"""

import base64
import json

import pytest

from processes import ACCOUNT, EVENTS, REGION, Emulator

SAMPLES = sorted(path.stem for path in EVENTS.glob("*.json"))
ACKNOWLEDGED = {"ACCEPTED", "PARTIAL", "ALREADY_CANCELED", "NOT_RUNNING", "NOT_FOUND", "REJECTED", "DRY_RUN"}
DESTINATION = {
    "COUNTERMAND_OUTCOME_DESTINATION": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/outcomes",
    # The queue that the samples come from, to which the function sends its follow-ups.
    "COUNTERMAND_FOLLOW_UP_QUEUE_ARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:cancel-requests",
}


@pytest.fixture
def emulator(simulator):
    with Emulator(simulator, **DESTINATION) as running:
        yield running


def event(sample):
    return json.loads((EVENTS / f"{sample}.json").read_text())


def records(sample):
    """The records of an event; an event without any is its own only record."""
    whole = event(sample)
    return whole if isinstance(whole, list) else whole.get("Records", [whole])


def is_outcome(value, ending):
    if value["type"] == "CancellationConfirmation":
        # What a follow-up leads to; it is no delivery's own.
        return value["version"] == "1" and value["status"] == "ENDED_OTHERWISE"
    if value["type"] == "CancellationSummary":
        # What a step of a sweep leads to that was begun more than a day ago.
        return value["version"] == "1" and value["status"] == "INCOMPLETE"
    return (
        value["type"] == "CancellationOutcome"
        and value["version"] == "1"
        and value["source"]["type"] == ending
        and value["requestId"] != ""
        and value["status"] in ACKNOWLEDGED
    )


def test_every_kind_of_source_has_its_samples():
    assert {sample.split("-")[0] for sample in SAMPLES} == {"eventbridge", "sqs", "pipe", "sns", "direct"}


@pytest.mark.parametrize("sample", SAMPLES)
def test_each_sample_is_answered_in_the_form_of_its_source(emulator, simulator, sample):
    response = emulator.invoke(json.dumps(event(sample)))
    source = sample.split("-")[0]
    if source in ("sqs", "pipe"):
        assert response == {"batchItemFailures": []}
    elif source == "sns":
        assert [is_outcome(one, "sns") for one in response] == [True] * len(records(sample)), response
    else:
        assert is_outcome(response, source), response
    # However it is answered, each request of the event has one outcome on the bus.
    published = [one for one in simulator.published() if one["destination"] != "queue:cancel-requests"]
    assert [one["destination"] for one in published] == ["bus:outcomes"] * len(records(sample))
    outcomes = [json.loads(one["body"]) for one in published]
    delivered_as = "sqs" if source == "pipe" else source
    assert all(is_outcome(one, delivered_as) for one in outcomes), outcomes
    if source in ("sns", "eventbridge", "direct"):
        assert outcomes == (response if source == "sns" else [response])


def test_a_record_that_a_service_refuses_us_is_named_in_the_response(emulator, simulator):
    simulator.fault("swf.RequestCancelWorkflowExecution", "error", status=400, code="OperationNotPermittedFault")
    response = emulator.invoke(json.dumps(event("sqs-mixed-batch")))
    refused = records("sqs-mixed-batch")[1]["messageId"]
    assert response == {"batchItemFailures": [{"itemIdentifier": refused}]}


@pytest.mark.parametrize("sample", ["eventbridge-swf-one-run", "sns-swf-current-run", "direct-swf-one-run"])
def test_where_nothing_can_be_handed_back_the_invocation_fails(emulator, simulator, sample):
    simulator.fault("swf.RequestCancelWorkflowExecution", "error", status=400, code="OperationNotPermittedFault")
    response = emulator.invoke(json.dumps(event(sample)))
    assert response["errorType"] == "CancelDenied"
    told = json.loads(response["errorMessage"])
    [outcome] = told if isinstance(told, list) else [told]
    assert (outcome["status"], outcome["error"]["code"]) == ("DENIED", "OperationNotPermittedFault")


@pytest.mark.parametrize("context", [{"custom": {"_datadog": {"x-datadog-trace-id": "1"}}}, {"custom": {"attempt": 1}}, []])
def test_a_client_context_of_any_form_decides_nothing(emulator, context):
    encoded = base64.b64encode(json.dumps(context).encode()).decode()
    response = emulator.invoke(json.dumps(event("direct-swf-one-run")), **{"X-Amz-Client-Context": encoded})
    assert response["status"] == "ACCEPTED"


def test_what_is_no_event_is_told_and_the_process_lives(emulator):
    for payload in ["", "hello", json.dumps(event("direct-swf-one-run")) + " and more"]:
        assert emulator.invoke(payload)["errorType"] == "InvalidEvent", payload
    assert emulator.invoke(json.dumps(event("direct-swf-one-run")))["status"] == "ACCEPTED"


def test_one_process_answers_one_event_after_the_other(emulator, simulator):
    first = emulator.invoke(json.dumps(event("direct-swf-one-run")))
    second = emulator.invoke(json.dumps(event("direct-cloudflow-nightly")))
    assert (first["service"], second["service"]) == ("swf", "cloudflow")
    assert len(simulator.published()) == 2
