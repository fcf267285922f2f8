"""The published schemas agree with the function: what it takes, what it refuses, what it publishes."""

import json

import pytest

from drawn_requests import IGNORED, NEARLY, PLAIN, drawn, each_value_once
from processes import ACCOUNT, EVENTS, REGION, Function
from schemas import CLOSED, MESSAGES, SCHEMAS, VALIDATORS, errors

SAMPLES = sorted(path.stem for path in EVENTS.glob("*.json"))
DESTINATION = {"COUNTERMAND_OUTCOME_DESTINATION": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/outcomes"}
# The deployment's own rules, which no schema knows.
OF_THE_DEPLOYMENT = {
    "TARGET_NOT_ALLOWED", "CANCEL_ALL_NOT_ALLOWED", "TERMINATE_NOT_ALLOWED", "DEACTIVATE_NOT_ALLOWED", "TOO_OLD", "NOT_ENABLED",
}  # fmt: skip
# That of the world.
OF_THE_DEPLOYMENT |= {"TOO_MANY"}


@pytest.fixture
def function(simulator):
    """Hands an event to a function with these variables; returns the outcomes that it published."""
    started = {}

    def invoke(event, **environment):
        key = tuple(sorted(environment.items()))
        for other in [one for one in started if one != key]:
            started.pop(other).__exit__()
        if key not in started:
            started[key] = Function(simulator, **DESTINATION, **environment)
        before = len(simulator.published())
        reply = simulator.invoke(json.dumps(event))
        assert "value" in reply, (reply, started[key].output())
        return [json.loads(one["body"]) for one in simulator.published()[before:]]

    yield invoke
    for one in started.values():
        one.__exit__()


def of_queue(bodies, receive_count=1):
    """An SQS event with these bodies; each record is named by its place."""
    return {
        "Records": [
            {
                "messageId": str(place),
                "receiptHandle": f"receipt-{place}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receive_count), "SentTimestamp": "1767323045678"},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:cancel-requests",
            }
            for place, body in enumerate(bodies)
        ]
    }


def sample(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


def unwrapped(value):
    """The request inside its envelopes, and `None` where it is no JSON."""
    if isinstance(value, str):
        try:
            return unwrapped(json.loads(value))
        except ValueError:
            return None
    if isinstance(value, dict) and "detail-type" in value:
        return unwrapped(value["detail"])
    if isinstance(value, dict) and value.get("Type") == "Notification":
        return unwrapped(value["Message"])
    return value


def requests_of(event):
    records = event if isinstance(event, list) else event.get("Records", [event])
    return [unwrapped(one.get("body") or one.get("Sns", {}).get("Message") or one) for one in records]


def well_formed(outcome):
    """Whether the function took the request itself for right, whatever the deployment says."""
    codes = {one["code"] for one in outcome.get("violations", [])}
    return codes <= OF_THE_DEPLOYMENT


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_its_examples_keep_it(name):
    schema = SCHEMAS[name]
    type(VALIDATORS[name]).check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:countermand:schema:{name}:1"
    assert schema["examples"]
    for example in schema["examples"]:
        assert errors(name, example) == []
    for field, rule in schema["properties"].items():
        assert "description" in rule or "$ref" in rule or "const" in rule or "enum" in rule, field


def test_every_requirement_of_a_message_is_held():
    """An example that loses a required field is no longer valid."""
    for name in MESSAGES:
        for field in SCHEMAS[name]["required"]:
            for example in SCHEMAS[name]["examples"]:
                assert errors(name, {key: value for key, value in example.items() if key != field}), (name, field)


def test_a_message_may_gain_fields_and_a_request_may_not():
    for name in MESSAGES:
        for example in SCHEMAS[name]["examples"]:
            assert errors(name, {**example, "later": 1}) == []
            assert list(CLOSED[name].iter_errors({**example, "later": 1}))
            assert [one.message for one in CLOSED[name].iter_errors(example)] == []
    for example in SCHEMAS["cancel-request"]["examples"]:
        assert errors("cancel-request", {**example, "later": 1})


@pytest.mark.parametrize("name", SAMPLES)
def test_the_requests_of_a_sample_are_right_where_the_function_takes_them(function, name):
    event = sample(name)
    # Without the queue of its follow-ups the function would drop its own message.
    queue = "arn:aws:sqs:us-east-1:111122223333:cancel-requests"
    needs_it = name.endswith("follow-up") or "sweep" in name
    outcomes = function(event, **({"COUNTERMAND_FOLLOW_UP_QUEUE_ARN": queue} if needs_it else {}))
    outcomes = [one for one in outcomes if one["type"] != "CancellationSweep"]
    requests = requests_of(event)
    assert len(outcomes) == len(requests)
    for request, outcome in zip(requests, outcomes):
        if isinstance(request, dict) and request.get("type") == "CancellationFollowUp":
            # A message of the function to itself, which has a form of its own.
            assert [one.message for one in CLOSED["confirmation"].iter_errors(outcome)] == []
            continue
        if isinstance(request, dict) and request.get("type") == "CancellationSweep":
            assert [one.message for one in CLOSED["summary"].iter_errors(outcome)] == []
            continue
        found = errors("cancel-request", request)
        assert (found == []) == well_formed(outcome), (found, outcome.get("violations"))
        assert [one.message for one in CLOSED["outcome"].iter_errors(outcome)] == []


def verdicts(function, requests):
    """Of each request what the schema finds and the outcome's violations. Nothing is allowed, so nothing is called."""
    for start in range(0, len(requests), 100):
        part = requests[start : start + 100]
        bodies = [json.dumps(one, ensure_ascii=False) for one in part]
        outcomes = function(of_queue(bodies), COUNTERMAND_ALLOWED_TARGETS="appflow:none-of-these")
        by_record = {int(one["source"]["id"]): one for one in outcomes}
        assert sorted(by_record) == list(range(len(part)))
        for place, request in enumerate(part):
            yield request, errors("cancel-request", request), by_record[place]


@pytest.mark.parametrize("requests", [list(each_value_once()), list(drawn(seed=7, count=2500))], ids=["each value", "drawn"])
def test_schema_and_function_refuse_the_same_requests(function, requests):
    taken = 0
    for request, found, outcome in verdicts(function, requests):
        right = well_formed(outcome)
        taken += right
        assert (found == []) == right, (json.dumps(request)[:500], found, outcome["violations"])
        assert [one.message for one in CLOSED["outcome"].iter_errors(outcome)] == []
    # Neither side may be right for want of requests of the other kind.
    assert len(requests) * 0.2 < taken < len(requests) * 0.8


def test_a_name_of_others_is_ignored_where_it_is_near_to_no_field(function):
    requests = [{"service": "appflow", **PLAIN["appflow"][0], name: {}} for name in IGNORED + NEARLY]
    for request, found, outcome in verdicts(function, requests):
        # The schema cannot tell what is near.
        assert found == []
        assert well_formed(outcome) == any(name in request for name in IGNORED), (request, outcome)


def refusal(code, status=400, **rest):
    return {"kind": "error", "status": status, "code": code, **rest}


# By service, as the titles of the requests name them.
CANCEL = {name: f"{name}.{one['title'].split(': ')[1]}" for name, one in SCHEMAS["cancel-request"]["$defs"].items() if "title" in one}
ONCE = {"COUNTERMAND_MAX_ATTEMPTS": "1"}
DEACTIVATE = {"COUNTERMAND_DEACTIVATE": "allow"}
# What the samples do not lead to: event, faults by operation, variables, and the statuses that come of it.
OUTCOMES = [
    ("sqs-appflow-one-run", {"appflow": refusal("InternalServerException", 500)}, ONCE, ["FAILED"]),
    ("sqs-appflow-one-run", {"appflow": {"kind": "drop"}}, ONCE, ["FAILED"]),
    ("sqs-appflow-one-run", {"appflow": refusal("ValidationException")}, {}, ["REJECTED"]),
    ("sqs-appflow-one-run", {"appflow": refusal("ResourceNotFoundException", 404)}, {}, ["NOT_FOUND"]),
    ("sqs-appflow-one-run", {"appflow": refusal("AccessDeniedException", 403)}, {}, ["DENIED"]),
    ("sqs-swf-current-run", {"swf": refusal("ThrottlingException")}, ONCE, ["FAILED"]),
    ("sqs-cloudflow-hourly", {}, {"ALIBABA_CLOUD_ACCESS_KEY_ID": ""}, ["DENIED"]),
    ("sqs-cloudflow-hourly", {"cloudflow": refusal("InvalidArgument")}, {}, ["REJECTED"]),
    ("sqs-mixed-batch", {}, {"COUNTERMAND_MODE": "dry-run"}, ["DRY_RUN", "DRY_RUN", "REJECTED", "DRY_RUN"]),
    ("sqs-appflow-all-active", {}, {"COUNTERMAND_CANCEL_ALL": "explicit"}, ["ACCEPTED"]),
    ("sqs-appflow-all-active", {}, {"COUNTERMAND_CANCEL_ALL": "deny"}, ["REJECTED"]),
    ("sqs-appflow-deactivate", {"appflow": refusal("AccessDeniedException", 403)}, DEACTIVATE, ["DENIED"]),
    ("sqs-appflow-deactivate", {}, DEACTIVATE | {"COUNTERMAND_MODE": "dry-run"}, ["DRY_RUN"]),
    ("sqs-appflow-one-run", {}, {"COUNTERMAND_MAX_REQUEST_AGE_SECONDS": "1"}, ["REJECTED"]),
]


@pytest.mark.parametrize("name, faults, environment, expected", OUTCOMES)
def test_an_outcome_is_what_its_schema_says_whatever_happened(function, simulator, name, faults, environment, expected):
    for service, fault in faults.items():
        simulator.fault(CANCEL[service], **fault)
    outcomes = function(sample(name), **environment)
    assert [one["status"] for one in outcomes] == expected
    for outcome in outcomes:
        assert [one.message for one in CLOSED["outcome"].iter_errors(outcome)] == [], outcome


def test_a_part_that_was_not_answered_leaves_a_request_that_can_be_sent(function, simulator):
    ids = [f"run-{number}" for number in range(150)]
    simulator.fault(CANCEL["appflow"], **refusal("InternalServerException", 500))
    request = {"service": "appflow", "flowName": "orders", "executionIds": ids}
    [outcome] = function(of_queue([json.dumps(request)]), **ONCE)
    assert outcome["status"] == "FAILED"
    assert len(outcome["remaining"]["executionIds"]) in (50, 100)
    assert errors("cancel-request", outcome["remaining"]) == []
    assert [one.message for one in CLOSED["outcome"].iter_errors(outcome)] == []


def test_a_backlog_s_last_words_keep_the_schema(function):
    requests = [json.dumps({"service": "cloudflow", "flowName": "etl", "executionName": f"n{n}"}) for n in range(4)]
    rates = {"COUNTERMAND_RATES": "cloudflow.StopExecution=0.001/1", "COUNTERMAND_MAX_RECEIVE_COUNT": "3"}
    outcomes = function(of_queue(requests, receive_count=3), **rates)
    assert {one["type"] for one in outcomes} == {"CancellationOutcome"}
    assert "DEFERRED" in {one["status"] for one in outcomes}
    for outcome in outcomes:
        assert [one.message for one in CLOSED["outcome"].iter_errors(outcome)] == [], outcome


FOLLOW_UPS = {"COUNTERMAND_FOLLOW_UP_QUEUE_ARN": "arn:aws:sqs:us-east-1:111122223333:cancel-requests"}


def test_a_request_that_is_followed_keeps_the_schemas_from_its_outcome_to_its_confirmation(function):
    [outcome, message] = sorted(function(sample("sqs-appflow-confirm"), **FOLLOW_UPS), key=lambda one: one["type"], reverse=True)
    if outcome["type"] == "CancellationFollowUp":
        outcome, message = message, outcome
    assert outcome["confirmation"] == "PENDING"
    # The time runs from the outcome.
    assert message["outcomeAt"] == outcome["completedAt"]
    assert [one.message for one in CLOSED["outcome"].iter_errors(outcome)] == []
    for over, check in ((True, 1), (False, 14)):
        follow_up = {**message, "check": check, "outcomeAt": "2026-01-02T03:04:05.678Z" if over else message["outcomeAt"]}
        [confirmation] = function(of_queue([json.dumps(follow_up)]), **FOLLOW_UPS)
        assert (confirmation["type"], confirmation["checks"]) == ("CancellationConfirmation", check)
        assert [one.message for one in CLOSED["confirmation"].iter_errors(confirmation)] == [], confirmation


def test_a_run_that_is_terminated_keeps_the_schemas_to_its_confirmation(function):
    given = FOLLOW_UPS | {"COUNTERMAND_TERMINATE": "allow"}
    told = function(sample("sqs-swf-terminate"), **given)
    [message] = [one for one in told if one["type"] == "CancellationFollowUp"]
    [due] = function(of_queue([json.dumps({**message, "outcomeAt": "2026-01-02T03:04:05.678Z"})]), **given)
    assert (due["type"], len(due["escalated"])) == ("CancellationFollowUp", 1)
    [confirmation] = function(of_queue([json.dumps(due)]), **given)
    assert confirmation["status"] == "FORCED"
    assert confirmation["escalation"]["executions"] == due["escalated"]
    assert [one.message for one in CLOSED["confirmation"].iter_errors(confirmation)] == [], confirmation


def test_a_sweep_keeps_the_schemas_from_its_outcome_to_its_summary(function):
    [message, outcome] = function(sample("sqs-swf-sweep"), **FOLLOW_UPS)
    assert (message["type"], outcome["status"]) == ("CancellationSweep", "ACCEPTED")
    assert [one.message for one in CLOSED["outcome"].iter_errors(outcome)] == []
    # A minute has passed since the last time that it was told how it goes.
    step = {**message, "toldAt": "2026-01-02T03:04:05.678Z"}
    told = function(of_queue([json.dumps(step)]), **FOLLOW_UPS)
    [message, progress] = sorted(told, key=lambda one: one["type"], reverse=True)
    assert (message["type"], progress["type"]) == ("CancellationSweep", "CancellationProgress")
    assert [one.message for one in CLOSED["progress"].iter_errors(progress)] == [], progress
    [summary] = function(of_queue([json.dumps(message)]), **FOLLOW_UPS)
    assert (summary["type"], summary["status"]) == ("CancellationSummary", "COMPLETED")
    assert [one.message for one in CLOSED["summary"].iter_errors(summary)] == [], summary


def test_a_dry_run_that_would_reach_too_many_to_list_keeps_the_schema(function, simulator):
    world = simulator.world()
    run = {"status": "InProgress", "startedAt": "2026-01-01T00:00:00.000Z"}
    runs = [{**run, "executionId": f"{number}-{'i' * 240}"} for number in range(1000)]
    simulator.replace_world({**world, "appflow": {"big": {"runs": runs}}})
    [outcome] = function(of_queue([json.dumps({"service": "appflow", "flowName": "big", "dryRun": True})]))
    simulator.replace_world(world)
    assert outcome["result"] == {"wouldCancelCount": 1000}
    assert [one.message for one in CLOSED["outcome"].iter_errors(outcome)] == []


def test_an_outcome_of_a_body_that_is_no_request_keeps_the_schema(function):
    bodies = ["", "no json", "[1]", "null", "{}", '{"service": "s3"}', "x" * 9000, '{"service": "appflow", "flowName": "orders", "a": ' + "1" * 9000 + "}"]
    outcomes = function(of_queue(bodies))
    assert [one["status"] for one in outcomes] == ["REJECTED"] * len(bodies)
    for outcome in outcomes:
        assert [one.message for one in CLOSED["outcome"].iter_errors(outcome)] == [], outcome
