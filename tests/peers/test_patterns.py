"""The patterns of patterns/, by moto's rules engine: which messages each lets through, and which not.

The messages are the examples of the schemas, and those that the real binary publishes.
"""

import json

import pytest
from moto.events.models import EventPattern

from processes import ACCOUNT, EVENTS, PROJECT, REGION, Function
from schemas import MESSAGES as WRITTEN
from schemas import SCHEMAS
from templates import Rendering, read

PATTERNS = {path.stem: path.read_text() for path in sorted((PROJECT / "patterns").glob("*.json"))}
DETAIL_TYPES = {
    "CancellationOutcome": "Cancellation Outcome",
    "CancellationAttemptFailed": "Cancellation Attempt Failed",
    "CancellationConfirmation": "Cancellation Confirmation",
    "CancellationProgress": "Cancellation Progress",
    "CancellationSummary": "Cancellation Summary",
}


def event(detail_type, detail, source="countermand"):
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "account": ACCOUNT,
        "region": REGION,
        "time": "2026-01-02T03:04:05Z",
        "resources": [],
        "source": source,
        "detail-type": detail_type,
        "detail": detail,
    }


def ours(message):
    return event(DETAIL_TYPES[message["type"]], message)


MESSAGES = [one for name in WRITTEN for one in SCHEMAS[name]["examples"]]
REQUESTS = SCHEMAS["cancel-request"]["examples"]


def matches(name, one):
    return EventPattern.load(PATTERNS[name]).matches_event(one)


def of_type(kind):
    return lambda one: one["type"] == kind


def is_outcome(one):
    return one["type"] in ("CancellationOutcome", "CancellationAttemptFailed")


# What each pattern means, of any message of ours.
MEANING = {
    "cancel-requests": lambda one: False,
    "outcomes": is_outcome,
    "last-words": of_type("CancellationOutcome"),
    "not-accepted": lambda one: of_type("CancellationOutcome")(one)
    and one["status"] not in ("ACCEPTED", "ALREADY_CANCELED", "DRY_RUN"),
    "failed-or-denied": lambda one: is_outcome(one) and one["status"] in ("FAILED", "DENIED"),
    "given-up": lambda one: of_type("CancellationOutcome")(one) and one["status"] in ("FAILED", "DENIED", "DEFERRED"),
    "one-service": lambda one: of_type("CancellationOutcome")(one) and one.get("service") == "swf",
    "one-target": lambda one: of_type("CancellationOutcome")(one)
    and one.get("target", {}).get("key", "").startswith("appflow:orders"),
    "maybe-done": lambda one: is_outcome(one) and one["effect"] == "UNKNOWN",
    "confirmations": of_type("CancellationConfirmation"),
    "progress": of_type("CancellationProgress"),
    "summaries": of_type("CancellationSummary"),
    "incomplete": lambda one: of_type("CancellationSummary")(one) and one["status"] == "INCOMPLETE",
    "still-running": lambda one: of_type("CancellationConfirmation")(one) and one["status"] == "STILL_RUNNING",
}


def test_every_pattern_has_a_meaning_here():
    assert MEANING.keys() == PATTERNS.keys()


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_lets_through_what_it_means_and_nothing_else(name):
    let_through = [matches(name, ours(one)) for one in MESSAGES]
    assert let_through == [MEANING[name](one) for one in MESSAGES]
    if name != "cancel-requests":
        assert True in let_through and False in let_through


@pytest.mark.parametrize("name", PATTERNS)
def test_only_the_pattern_of_the_request_rule_takes_requests(name):
    """From any source; and none of the others sends a request on as if it were an outcome."""
    for request in REQUESTS:
        for source in ("com.example.operations", "countermand"):
            assert matches(name, event("Cancel Request", request, source)) == (name == "cancel-requests")


@pytest.mark.parametrize("name", [name for name in PATTERNS if name != "cancel-requests"])
def test_a_pattern_takes_the_messages_of_this_source_only(name):
    for message in MESSAGES:
        assert not matches(name, {**ours(message), "source": "com.example.other"})


def test_the_request_pattern_is_that_of_the_template():
    [rule] = Rendering(read((PROJECT / "template.yaml").read_text())).of_type("AWS::Events::Rule").values()
    assert rule["EventPattern"] == json.loads(PATTERNS["cancel-requests"])


def test_what_the_function_publishes_is_let_through(simulator):
    """The envelope that the patterns look at is the one that goes onto the bus."""
    destination = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/outcomes"
    simulator.fault("swf.RequestCancelWorkflowExecution", "error", status=400, code="OperationNotPermittedFault")
    with Function(simulator, COUNTERMAND_OUTCOME_DESTINATION=destination) as function:
        for sample in ("sqs-mixed-batch", "sqs-appflow-partial"):
            assert "value" in simulator.invoke((EVENTS / f"{sample}.json").read_text()), function.output()
    published = [event(one["detailType"], json.loads(one["body"]), one["source"]) for one in simulator.published()]
    assert [one["detail"]["status"] for one in published] == ["ACCEPTED", "DENIED", "REJECTED", "ACCEPTED", "NOT_RUNNING"]
    let_through = {name: [matches(name, one) for one in published] for name in PATTERNS}
    assert let_through == {name: [meaning(one["detail"]) for one in published] for name, meaning in MEANING.items()}
    assert True in let_through["one-target"] and True in let_through["failed-or-denied"]
