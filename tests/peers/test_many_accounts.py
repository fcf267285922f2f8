"""Many accounts and regions: the rules of the hub and of the stacks in moto, each with its own pattern and target.

moto asks no policy, so what policies and roles say is compared with what the rules need. It makes no stack set.
"""

import json

import pytest
from moto.events.models import events_backends
from moto.sqs.models import sqs_backends

from processes import ACCOUNT, PROJECT, REGION
from schemas import errors
from templates import Rendering, packaged, read

HUB = "999988887777"
ACCOUNTS, REGIONS = [ACCOUNT, "222233334444"], [REGION, "eu-west-1"]
MEMBERS = [(account, region) for account in ACCOUNTS for region in REGIONS]
STACK = read(packaged())


def recipe(name, **parameters):
    return Rendering(read((PROJECT / "docs" / "wiring" / f"{name}.yaml").read_text()), **parameters)


def bus_of(account, region):
    return f"arn:aws:events:{region}:{account}:event-bus/cancel-requests"


def to_member(*member):
    return recipe("from-another-account", TargetBusArn=bus_of(*member), Routed="yes", BusName="cancel-hub")


def put(account, region, rendering, **arns):
    """The rule of a rendering on its bus, with its target; of a queue that is one of its account."""
    [(_, rule)] = rendering.of_type("AWS::Events::Rule").items()
    [target] = rule["Targets"]
    if (arn := arns.get(target["Arn"], target["Arn"])).startswith("arn:aws:sqs"):
        sqs_backends[account][region].create_queue(arn.split(":")[-1], {})
    events = events_backends[account][region]
    bus = {"<Bus>": "cancel-hub"}.get(rule["EventBusName"], rule["EventBusName"])
    name = f"rule-{len(events.describe_event_bus(bus).rules)}"
    events.put_rule(name, event_bus_arn=bus, event_pattern=json.dumps(rule["EventPattern"]))
    events.put_targets(name, bus, [{**target, "Arn": arn}])


def queue_of(account, region):
    return f"arn:aws:sqs:{region}:{account}:requests"


@pytest.fixture
def world():
    """A hub in one account, a bus and a stack's rule in each account and region of the members."""
    events_backends[HUB][REGION].create_event_bus("cancel-hub")
    unrouted = {"<UndeliveredQueue.Arn>": f"arn:aws:sqs:{REGION}:{HUB}:unrouted"}
    put(HUB, REGION, recipe("hub", Accounts=",".join(ACCOUNTS), Regions=",".join(REGIONS)), **unrouted)
    for member in MEMBERS:
        put(HUB, REGION, to_member(*member))
        events_backends[member[0]][member[1]].create_event_bus("cancel-requests")
        put(*member, Rendering(STACK, RequestBusName="cancel-requests"), **{"<RequestQueue.Arn>": queue_of(*member)})
    yield
    for backends in (events_backends, sqs_backends):
        backends.reset()


def arrived():
    """What is in each queue, by account and region; at the hub what names no member."""
    queues = {member: ("requests", *member) for member in MEMBERS} | {"unrouted": ("unrouted", HUB, REGION)}
    return {
        place: [json.loads(message.body) for message in messages]
        for place, (name, account, region) in queues.items()
        if (messages := sqs_backends[account][region].get_queue(name).messages)
    }


def ask(detail, detail_type="Cancel Request"):
    entry = {
        "Source": "com.example",
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "EventBusName": "cancel-hub",
    }
    [answer] = events_backends[HUB][REGION].put_events([entry])
    assert "EventId" in answer


def request(**context):
    return {"service": "appflow", "flowName": "orders", "executionIds": ["run-1"], "context": context}


@pytest.mark.parametrize("account, region", MEMBERS)
def test_a_request_reaches_the_member_that_its_context_names_and_no_other(world, account, region):
    asked = request(account=account, region=region, ticket=7)
    ask(asked)
    [(place, [event])] = arrived().items()
    assert place == (account, region)
    # It is a request as it stands, which a field of its own for the routing would not be.
    assert event["detail"] == asked and errors("cancel-request", asked) == []
    assert errors("cancel-request", {**request(), "account": account}) != []


@pytest.mark.parametrize(
    "detail",
    [
        request(account=ACCOUNT),
        request(region=REGION),
        request(account="333344445555", region=REGION),
        request(account=ACCOUNT, region="ap-south-1"),
        request(account=int(ACCOUNT), region=REGION),
        {"service": "appflow", "flowName": "orders", "executionIds": ["run-1"]},
    ],
)
def test_a_request_that_names_no_member_is_kept_at_the_hub(world, detail):
    ask(detail)
    assert {place: [event["detail"] for event in events] for place, events in arrived().items()} == {
        "unrouted": [detail]
    }


def test_what_is_no_request_goes_nowhere(world):
    ask(request(account=ACCOUNT, region=REGION), "Cancellation Outcome")
    assert arrived() == {}


def test_each_policy_says_what_its_rule_needs_and_no_more():
    for member in MEMBERS:
        rendering = to_member(*member)
        [rule] = rendering.of_type("AWS::Events::Rule").values()
        assert [(one["Arn"], one["RoleArn"]) for one in rule["Targets"]] == [(bus_of(*member), "<SendRole.Arn>")]
        assert [(one["Action"], one["Resource"]) for one in rendering.statements()] == [
            (["events:PutEvents"], bus_of(*member))
        ]
    # The same names as the stack sets give.
    given = {
        name: {one["ParameterKey"]: one["ParameterValue"] for one in stack_set["Parameters"]}
        for name, stack_set in recipe("stack-sets", HubAccountId=HUB).of_type("AWS::CloudFormation::StackSet").items()
    }
    bus = recipe("bus-for-another-account", **given["Buses"])
    [policy] = bus.of_type("AWS::Events::EventBusPolicy").values()
    assert [one["Name"] for one in bus.of_type("AWS::Events::EventBus").values()] == ["cancel-requests"]
    assert policy["EventBusName"] == "<Bus>"
    assert policy["Statement"] == {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{HUB}:root"},
        "Action": "events:PutEvents",
        "Resource": bus_of(ACCOUNT, REGION),
        "Condition": {"StringEquals": {"events:detail-type": "Cancel Request"}},
    }
    assert given["Functions"]["RequestBusName"] == "cancel-requests"


def test_no_role_of_a_member_cancels_beyond_its_account_and_region():
    canceling = [
        one for one in Rendering(STACK).statements() if one["Action"][0].split(":")[0] in ("appflow", "swf", "states")
    ]
    resources = {
        r for one in canceling for r in (one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]])
    }
    assert canceling and all(f":{REGION}:{ACCOUNT}:" in resource for resource in resources)


def test_a_stack_set_needs_no_transform_and_is_given_what_its_template_takes():
    stack_sets = recipe("stack-sets").of_type("AWS::CloudFormation::StackSet")
    templates = {
        "bus-for-another-account.yaml": recipe("bus-for-another-account").template,
        "countermand-<Version>.yaml": STACK,
    }
    for stack_set in stack_sets.values():
        template = templates.pop(stack_set["TemplateURL"].split("/")[-1])
        assert "Transform" not in template and stack_set["PermissionModel"] == "SERVICE_MANAGED"
        given = {one["ParameterKey"] for one in stack_set["Parameters"]}
        assert (
            {name for name, one in template["Parameters"].items() if "Default" not in one}
            <= given
            <= template["Parameters"].keys()
        )
    assert templates == {}
