"""The recipes of docs/wiring/: right by cfn-lint, and what they send is a request that the schema takes.

Rules are tried out with moto's rules engine. Its input transformer leaves out the quotation marks that
EventBridge puts around a string outside of one, so here is one that does as EventBridge's guide says:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

import json
import re
import subprocess

import pytest
from moto.events.models import EventPattern

from processes import ACCOUNT, PROJECT, REGION, SAM
from schemas import SCHEMAS, errors
from templates import Rendering, names, read

FOLDER = PROJECT / "docs" / "wiring"
RECIPES = {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}
STACK = read((PROJECT / "template.yaml").read_text())


README = (FOLDER / "README.md").read_text()
# As somebody may name things of their own.
GIVEN = {
    "rule": {"EventSource": "com.example.orders", "DetailType": "Order Withdrawn", "Domain": "billing"},
    "alarm": {"AlarmName": "orders-rows-per-minute", "FlowName": "orders"},
    "hub": {"Accounts": f"{ACCOUNT},222233334444", "Regions": f"{REGION},eu-west-1"},
    "schedule": {"FlowName": "stock", "Expression": "cron(0 6 * * ? *)"},
}


def rendering(name):
    return Rendering(read(RECIPES[name].read_text()), **GIVEN.get(name, {}))


def event(source, detail_type, detail):
    return {
        "version": "0",
        "id": "c8f2b1de-3a51-4bb0-93b6-6fd0b0b0f7b4",
        "source": source,
        "detail-type": detail_type,
        "account": ACCOUNT,
        "region": REGION,
        "time": "2026-01-02T03:04:05Z",
        "resources": [],
        "detail": detail,
    }


def alarm(state, name="orders-rows-per-minute"):
    """As CloudWatch sends it, its reason with quotation marks and a line break in it."""
    reason = 'Threshold Crossed: 1 datapoint [0.0 (01/01/26 "UTC")]\nwas less than the threshold'
    state = {"value": state, "reason": reason, "timestamp": "2026-01-02T03:04:05.678+0000"}
    return event("aws.cloudwatch", "CloudWatch Alarm State Change", {"alarmName": name, "state": state})


def withdrawn(**detail):
    return event("com.example.orders", "Order Withdrawn", detail)


def test_cfn_lint_finds_nothing_to_warn_of():
    assert RECIPES
    done = subprocess.run([SAM / "bin" / "cfn-lint", *RECIPES.values()], capture_output=True, text=True, timeout=180)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_refers_to_what_there_is_and_is_told_of(name):
    template = read(RECIPES[name].read_text())
    parameters = template["Parameters"]
    assert parameters.keys() <= names(template["Resources"]) | names(template.get("Conditions", {}))
    # What a parameter is to be set to is an output or a parameter of the stack, by its own name.
    told = {word for one in parameters.values() for word in re.findall(r"The (?:output )?(\w+) of Countermand's stack", one["Description"])}
    assert told <= STACK["Outputs"].keys() | STACK["Parameters"].keys()
    assert f"]({name}.yaml)" in README
    # The command that deploys it says all that has to be said, and nothing else.
    [command] = re.findall(rf"^ *recipe {name} ((?:.*\\\n)*.*)", README, re.MULTILINE)
    given = set(re.findall(r"\b([A-Z]\w+)=", command))
    assert {one for one, rule in parameters.items() if "Default" not in rule} <= given <= parameters.keys()


def transformed(name, incoming):
    """What the rule of a recipe sends for an event; `None` where it lets it pass."""
    [rule] = rendering(name).of_type("AWS::Events::Rule").values()
    pattern = json.dumps(rule["EventPattern"])
    if not EventPattern.load(pattern).matches_event(incoming):
        return None
    [target] = rule["Targets"]
    transformer = target["InputTransformer"]
    paths = {**transformer["InputPathsMap"], "aws.events.event.ingestion-time": "$.time"}
    return put_in(transformer["InputTemplate"], {name: at(incoming, path) for name, path in paths.items()})


def at(incoming, path):
    value = incoming
    for name in path.removeprefix("$.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def put_in(template, values):
    """A placeholder within a string is replaced by its value as it is, one outside of it by JSON."""
    text, in_string = "", False
    for part in re.split(r"(<[^>]+>)", template):
        if part[1:-1] in values and part[:1] == "<":
            value = values[part[1:-1]]
            plain = value if in_string and isinstance(value, str) else json.dumps(value)
            text += "" if value is None else plain
        else:
            in_string ^= part.count('"') % 2 == 1
            text += part
    return text


@pytest.mark.parametrize(
    "name, incoming, expected",
    [
        (
            "rule",
            withdrawn(workflowId='invoice "7"', runId="r-1"),
            {"service": "swf", "domain": "billing", "workflowId": 'invoice "7"', "runId": "r-1", "requestedBy": "stack"},
        ),
        (
            "alarm",
            alarm("ALARM"),
            {"service": "appflow", "flowName": "orders", "scope": "ALL_ACTIVE", "requestedAt": "2026-01-02T03:04:05Z", "requestedBy": "orders-rows-per-minute"},
        ),
    ],
)
def test_a_rule_makes_a_request_of_an_event(name, incoming, expected):
    request = json.loads(transformed(name, incoming))
    assert errors("cancel-request", request) == []
    assert request["requestId"] == incoming["id"]
    assert {field: request[field] for field in expected} == expected


def test_an_alarm_s_reason_arrives_to_the_letter():
    incoming = alarm("ALARM")
    assert json.loads(transformed("alarm", incoming))["reason"] == incoming["detail"]["state"]["reason"]


def test_a_path_that_an_event_lacks_makes_no_request_for_anything_else():
    """A whole run id that is missing leaves no JSON, never a request without one, which would mean whatever is open."""
    with pytest.raises(ValueError):
        json.loads(transformed("rule", withdrawn(workflowId="invoice-7")))


@pytest.mark.parametrize(
    "name, incoming",
    [
        ("rule", event("com.example.orders", "Order Placed", {"workflowId": "w", "runId": "r"})),
        ("rule", event("com.example.other", "Order Withdrawn", {"workflowId": "w", "runId": "r"})),
        ("alarm", alarm("OK")),
        ("alarm", alarm("INSUFFICIENT_DATA")),
        ("alarm", alarm("ALARM", name="another-alarm")),
    ],
)
def test_a_rule_lets_other_events_pass(name, incoming):
    assert transformed(name, incoming) is None


def test_a_schedule_s_input_is_a_request():
    [schedule] = rendering("schedule").of_type("AWS::Scheduler::Schedule").values()
    text = schedule["Target"]["Input"].replace("<aws.scheduler.scheduled-time>", "2025-11-20T06:00:00Z")
    assert errors("cancel-request", json.loads(text)) == []


def test_the_other_account_sends_what_it_may_and_what_the_rule_takes():
    [policy] = rendering("bus-for-another-account").of_type("AWS::Events::EventBusPolicy").values()
    [rule] = rendering("from-another-account").of_type("AWS::Events::Rule").values()
    [request_rule] = Rendering(STACK).of_type("AWS::Events::Rule").values()
    allowed = policy["Statement"]["Condition"]["StringEquals"]["events:detail-type"]
    assert rule["EventPattern"] == request_rule["EventPattern"] == {"detail-type": [allowed]}


def test_a_pipe_hands_every_message_to_the_function():
    pipe = rendering("pipe")
    [one] = pipe.of_type("AWS::Pipes::Pipe").values()
    assert "FilterCriteria" not in one["SourceParameters"]
    assert one["TargetParameters"]["LambdaFunctionParameters"]["InvocationType"] == "REQUEST_RESPONSE"
    queue = pipe.of_type("AWS::SQS::Queue")["WorkQueue"]
    assert queue["VisibilityTimeout"] == 6 * STACK["Parameters"]["FunctionTimeout"]["Default"]
    own = Rendering(STACK).of_type("AWS::SQS::Queue")["RequestQueue"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == own["RedrivePolicy"]["maxReceiveCount"]


def test_a_topic_keeps_the_notification_around_the_request():
    [subscription] = rendering("topic").of_type("AWS::SNS::Subscription").values()
    assert subscription["RawMessageDelivery"] is False


def test_somebody_is_told_of_what_was_given_up_whatever_it_holds():
    [rule] = rendering("outcomes").of_type("AWS::Events::Rule").values()
    assert rule["EventPattern"] == json.loads((PROJECT / "patterns" / "given-up.json").read_text())
    given_up = [one for one in SCHEMAS["outcome"]["examples"] if (one["type"], one["status"]) == ("CancellationOutcome", "FAILED")]
    assert given_up
    for outcome in given_up + [{**given_up[0], "requestId": 'a "b" \\ c'}]:
        told = json.loads(transformed("outcomes", event("countermand", "Cancellation Outcome", outcome)))
        assert told == {"givenUp": outcome["requestId"], "status": "FAILED", "outcome": outcome}
    # A path that is missing would leave no JSON, so it names only what every outcome has.
    paths = rule["Targets"][0]["InputTransformer"]["InputPathsMap"].values()
    named = {path.removeprefix("$.detail").removeprefix(".") for path in paths} - {""}
    assert named <= set(SCHEMAS["outcome"]["required"])


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_cannot_deliver_is_kept_where_it_can_be_put_right(name):
    """A dead letter of a rule is its event, and one of a schedule Scheduler's record: neither is a request, to be redriven as one."""
    recipe = rendering(name)
    targets = [target for rule in recipe.of_type("AWS::Events::Rule").values() for target in rule["Targets"]]
    # What the hub cannot route goes there at once.
    letters = [target.get("DeadLetterConfig", target)["Arn"] for target in targets]
    letters += [one["Target"]["DeadLetterConfig"]["Arn"] for one in recipe.of_type("AWS::Scheduler::Schedule").values()]
    if letters:
        assert set(letters) == {"<UndeliveredQueue.Arn>"}
        # Under a key that is not that of the stack's queues.
        assert recipe.of_type("AWS::SQS::Queue")["UndeliveredQueue"]["SqsManagedSseEnabled"] is True
    topics = recipe.of_type("AWS::SNS::Subscription").values()
    assert [one["RedrivePolicy"]["deadLetterTargetArn"] for one in topics] == ["<DeadLetterQueueArn>"] * len(topics)
    # Somebody is told, whatever a recipe sends by.
    alarms = recipe.of_type("AWS::CloudWatch::Alarm").values()
    assert len(alarms) == (0 if name in ("bus-for-another-account", "stack-sets") else 1)
    assert all((one["AlarmActions"], one["TreatMissingData"]) == (["<AlarmTopicArn>"], "notBreaching") for one in alarms)


def test_an_output_that_a_command_reads_is_there():
    asked = re.findall(r'output "?\$stack(?:-(\w+))?"? (\w+)', README)
    assert ("", "RequestQueueArn") in asked and ("rule", "UndeliveredQueueUrl") in asked
    for recipe, output in asked:
        there = read(RECIPES[recipe].read_text()) if recipe else STACK
        assert output in there["Outputs"], (recipe, output)


def test_an_alarm_s_event_becomes_the_same_request_by_hand():
    [command] = re.findall(r"jq --arg flow orders '(.*?)' > request.json", README, re.DOTALL)
    incoming = alarm("ALARM")
    made = subprocess.run(["jq", "--arg", "flow", "orders", command], input=json.dumps(incoming), capture_output=True, text=True, check=True)
    assert json.loads(made.stdout) == json.loads(transformed("alarm", incoming))
