"""deploy/terraform beside template.yaml: the same inputs, and for the same inputs the same resources and permissions.

Both are evaluated by the tests' own stand-ins for Terraform and CloudFormation, and python-hcl2 reads the files.
"""

import json
import re

import pytest

from processes import PROJECT
from templates import Rendering, read
from terraform import Module, body, tree
from test_template_parts import ARN, EVERYTHING, KEYLESS

FOLDER = PROJECT / "deploy" / "terraform"
TEMPLATE = read((PROJECT / "template.yaml").read_text())
PARAMETERS = TEMPLATE["Parameters"]
# In place of the stack's name, and of where the code is.
OWN = {"name", "package_file", "code_bucket", "code_key"}
GIVEN = {
    "defaults": {},
    "everything": EVERYTHING,
    "keyless": KEYLESS,
    "follow-ups": {
        "FollowUps": "on",
        "SenderArns": f"{ARN.format('sns', 'cancels')},{ARN.format('events', 'rule/orders')}",
    },
    "own key": {
        "EncryptionKey": ARN.format("kms", "key/3"),
        "RequestPath": "direct",
        "FollowUps": "on",
        "Terminate": "allow",
    },
    "created key": {"EncryptionKey": "create"},
    "reach": {
        "AppFlowFlows": "orders*",
        "SwfDomains": "billing",
        "StateMachines": "fulfillment",
        "RequestBusName": "cancels",
    },
    "function": {"FunctionTimeout": 300, "Architecture": "arm64", "MaximumConcurrency": 5},
    "outcomes": {"OutcomeDestinationArn": ARN.format("sqs", "outcomes"), "CancelAll": "deny"},
    "careful": {"Mode": "dry-run", "MaxRequestAgeSeconds": 60, "SenderArns": ARN.format("sns", "cancels")},
}
# By kind: the template's resource, and the module's.
SAME = {
    "RequestRule": "aws_cloudwatch_event_rule.requests",
    "RequestQueue": "aws_sqs_queue.requests",
    "DeadLetterQueue": "aws_sqs_queue.dead_letters",
    "FailedEventsQueue": "aws_sqs_queue.failed_events",
    "RequestQueuePolicy": "aws_sqs_queue_policy.reached_by_rules/requests",
    "DeadLetterQueuePolicy": "aws_sqs_queue_policy.reached_by_rules/dead_letters",
    "FailedEventsQueuePolicy": "aws_sqs_queue_policy.failed_events",
    "Key": "aws_kms_key.queues",
    "Function": "aws_lambda_function.countermand",
    "RulePermission": "aws_lambda_permission.rule",
    "DirectEvents": "aws_lambda_function_event_invoke_config.direct",
    "FunctionRole": "aws_iam_role.function",
    "OutcomeKeyPolicy": "aws_iam_role_policy.function/use-the-key-of-the-destination",
    "FollowUpPolicy": "aws_iam_role_policy.function/send-follow-ups",
    "DirectEventsPolicy": "aws_iam_role_policy.function/send-failed-events",
    "CloudFlowSecretPolicy": "aws_iam_role_policy.function/read-cloudflow-key",
    "CloudFlowTokenPolicy": "aws_iam_role_policy.function/sign-cloudflow-token",
    "OutcomeBus": "aws_cloudwatch_event_bus.outcomes",
    "LogGroup": "aws_cloudwatch_log_group.function",
    "AlarmTopic": "aws_sns_topic.alarms",
    "AlarmTopicPolicy": "aws_sns_topic_policy.alarms",
    "Dashboard": "aws_cloudwatch_dashboard.countermand",
}
# What is a property or a part of another resource in the template.
PARTS = {
    "aws_cloudwatch_event_target.requests",
    "aws_lambda_event_source_mapping.requests",
    "aws_lambda_function_recursion_config.countermand",
    *(
        f"aws_iam_role_policy.function/{one}"
        for one in ("receive-requests", "cancel", "look-up", "publish-outcomes", "write-logs")
    ),
}
# What the two call the same attribute of a resource.
ATTRIBUTES = {"unique_id": "RoleId", "arn": "Arn", "name": "", "url": "", "function_name": "", "dashboard_name": ""}


def snake(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def values(parameters):
    """The module's variables for the template's parameters."""
    given = {snake(name): value for name, value in parameters.items()}
    if "sender_arns" in given:
        given["sender_arns"] = given["sender_arns"].split(",")
    return {"allowed_targets": "*", "name": "stack", "package_file": "a.zip", **given}


@pytest.fixture(params=GIVEN, scope="module")
def both(request):
    given = GIVEN[request.param]
    module = Module(FOLDER, **values(given))
    assert module.broken() == []
    stack = Rendering(TEMPLATE, AllowedTargets="*", **given)
    return stack, {address: as_the_template_says(one) for address, one in module.resources().items()}


def as_the_template_says(part):
    """Stand-ins by the template's names, and policies as the data that they are."""
    if isinstance(part, dict):
        return {name: as_the_template_says(one) for name, one in part.items()}
    if isinstance(part, list):
        return [as_the_template_says(one) for one in part]
    if isinstance(part, str) and part.startswith("{"):
        return as_the_template_says(json.loads(part))
    if not isinstance(part, str):
        return part
    # Terraform's ARN of a log group is without what CloudFormation's has at its end.
    part = part.replace("<aws_cloudwatch_log_group.function.arn>:*", "<LogGroup.Arn>")
    assert "<aws_cloudwatch_log_group.function.arn>" not in part
    return re.sub(r"<(\w+\.\w+)\.(\w+)>", named, part)


def named(found):
    [name] = [one for one, address in SAME.items() if address == found[1]]
    attribute = ATTRIBUTES[found[2]]
    if name == "RequestRule" and attribute == "Arn":
        return "<the rule>"
    if name == "AlarmTopic" and attribute == "Arn" or not attribute:
        return f"<{name}>"
    return f"<{name}.{attribute}>"


def plain(part):
    """The template's, where it says the same in another way: a queue's name, the rule's ARN."""
    text = json.dumps(part).replace(".QueueName>", ">")
    return json.loads(re.sub(r"arn:aws:events:[\w:-]+:rule/(\w+/)?<RequestRule>", "<the rule>", text))


def statements(document):
    """A policy's, by what they say: a list of one is its one."""

    def sole(value):
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    said = [{name: sole(value) for name, value in one.items() if name != "Sid"} for one in document["Statement"]]
    return sorted(said, key=lambda one: json.dumps(one, sort_keys=True))


def test_every_parameter_is_a_variable_with_its_type_default_and_description():
    variables = Module(FOLDER).variables
    assert [name for name in variables if name not in OWN] == [snake(name) for name in PARAMETERS]
    module = Module(FOLDER)
    types = {"String": "string", "Number": "number", "CommaDelimitedList": "list"}
    for name, parameter in PARAMETERS.items():
        attributes, _ = variables[snake(name)]
        assert types[parameter["Type"]] in str(attributes["type"]), name
        default = module.value(attributes["default"]) if "default" in attributes else None
        expected = parameter.get("Default")
        assert default == ([] if parameter["Type"] == "CommaDelimitedList" else expected), name
        assert module.value(attributes["description"]).split() == called(parameter["Description"]).split(), name


def called(text):
    """What the template says, by the module's names."""
    known = "|".join(sorted(PARAMETERS, key=len, reverse=True))
    return re.sub(rf"\b({known})\b", lambda found: snake(found[1]), text).replace("this stack", "this module")


def test_a_variable_takes_what_its_parameter_takes():
    text = "".join(path.read_text() for path in FOLDER.glob("variables*.tf"))
    for name, parameter in PARAMETERS.items():
        if pattern := parameter.get("AllowedPattern"):
            assert json.dumps(f"^(?:{pattern})$") in text, name
        rules = Module(FOLDER).variables[snake(name)][1]
        tried = [
            *parameter.get("AllowedValues", []),
            parameter.get("Default", "*"),
            "something else",
            "",
            "*",
            -1,
            10**9,
        ]
        tried += [
            parameter[bound] + by for bound in ("MinValue", "MaxValue") if bound in parameter for by in (-1, 0, 1)
        ]
        tried += [given[name] for given in GIVEN.values() if name in given]
        for value in tried:
            if (parameter["Type"] == "Number") != isinstance(value, int):
                continue
            own = value.split(",") if parameter["Type"] == "CommaDelimitedList" else value
            module = Module(FOLDER, **{**values({}), snake(name): own})
            # Those that name other variables are below.
            alone = [rule for rule in rules if module.value(rule["error_message"]).startswith("Expected ")]
            assert alone and all(module.value(rule["condition"]) for rule in alone) == takes(parameter, value), (
                name,
                value,
            )


def takes(parameter, value):
    pattern = parameter.get("AllowedPattern", ".*")
    parts = str(value).split(",") if parameter["Type"] == "CommaDelimitedList" else [str(value)]
    return (
        value in parameter.get("AllowedValues", [value])
        and all(re.fullmatch(pattern, one) for one in parts)
        and (
            parameter["Type"] != "Number"
            or parameter.get("MinValue", value) <= value <= parameter.get("MaxValue", value)
        )
    )


@pytest.mark.parametrize(
    "given",
    [
        {"CloudFlowSecretArn": EVERYTHING["CloudFlowSecretArn"]},
        {name: KEYLESS[name] for name in ("CloudFlowRoleArn", "CloudFlowOidcProviderArn")},
        {name: KEYLESS[name] for name in ("CloudFlowRegionId", "CloudFlowRoleArn")},
        {name: KEYLESS[name] for name in ("CloudFlowRegionId", "CloudFlowOidcProviderArn")},
        {**KEYLESS, "CloudFlowSecretArn": EVERYTHING["CloudFlowSecretArn"]},
        {"Terminate": "allow"},
    ],
)
def test_what_the_template_s_rules_refuse_the_module_refuses(given):
    refused = list(Rendering(TEMPLATE, **given).broken_rules())
    assert len(refused) == 1
    assert Module(FOLDER, **values(given)).broken() == [called(one) for one in refused]


def test_the_code_comes_from_a_file_or_a_bucket():
    code = {"code_bucket": "code", "code_key": "a.zip"}
    function = Module(FOLDER, **{**values({}), "package_file": None, **code}).resources()[
        "aws_lambda_function.countermand"
    ]
    assert (function["s3_bucket"], function["s3_key"], "filename" in function) == ("code", "a.zip", False)
    for wrong in (
        {},
        {"package_file": "a.zip", **code},
        {"code_bucket": "code"},
        {"package_file": "a.zip", "code_key": "a.zip"},
    ):
        assert Module(FOLDER, **{**values({}), "package_file": None, **wrong}).broken() != []


def test_there_is_what_the_template_makes_and_nothing_else(both):
    stack, module = both
    others = {"AWS::CloudWatch::Alarm", "AWS::Logs::QueryDefinition"}
    expected = {SAME[name] for name, one in stack.resources.items() if one["Type"] not in others} | PARTS
    assert {one for one in module if not re.match(r"aws_cloudwatch_(metric_alarm|query_definition)\.", one)} == expected


def test_the_function_is_the_same_and_gets_the_same_variables(both):
    stack, module = both
    own, function = module["aws_lambda_function.countermand"], plain(stack.resources["Function"]["Properties"])
    variables = {name: str(value) for name, value in function["Environment"]["Variables"].items() if value != ""}
    assert {name: str(value) for name, value in own["environment"]["variables"].items() if value != ""} == variables
    for name in ("Description", "Handler", "Runtime", "Architectures", "MemorySize", "Timeout", "Role"):
        assert own[snake(name)] == function[name], name
    assert own["logging_config"] == {snake(name): value for name, value in function["LoggingConfig"].items()}
    assert module["aws_lambda_function_recursion_config.countermand"]["recursive_loop"] == function["RecursiveLoop"]
    mapping, queue = module["aws_lambda_event_source_mapping.requests"], function["Events"]["Requests"]["Properties"]
    assert mapping["event_source_arn"] == queue["Queue"] and mapping["batch_size"] == queue["BatchSize"]
    assert mapping["function_response_types"] == queue["FunctionResponseTypes"]
    assert mapping["scaling_config"]["maximum_concurrency"] == queue["ScalingConfig"]["MaximumConcurrency"]


def test_the_role_may_do_the_same(both):
    stack, module = both
    trusted = stack.resources["FunctionRole"]["Properties"]["AssumeRolePolicyDocument"]
    assert statements(module["aws_iam_role.function"]["assume_role_policy"]) == statements(trusted)
    policies = [one["policy"] for address, one in module.items() if address.startswith("aws_iam_role_policy.")]
    assert all(policy["Statement"] for policy in policies)
    own = {"Statement": [statement for policy in policies for statement in policy["Statement"]]}
    assert statements(own) == statements({"Statement": plain(list(stack.statements()))})


def test_the_queues_are_the_same_and_take_messages_of_the_same(both):
    stack, module = both
    for name, queue in stack.of_type("AWS::SQS::Queue").items():
        own = module[SAME[name]]
        assert own["message_retention_seconds"] == queue["MessageRetentionPeriod"]
        assert own.get("visibility_timeout_seconds") == queue.get("VisibilityTimeout")
        assert own.get("sqs_managed_sse_enabled") == queue.get("SqsManagedSseEnabled")
        assert own.get("kms_master_key_id") == queue.get("KmsMasterKeyId")
        redrive = {name[0].lower() + name[1:]: one for name, one in own.get("redrive_policy", {}).items()}
        assert redrive == queue.get("RedrivePolicy", {})
        policy = module[SAME[f"{name}Policy"]]
        assert policy["queue_url"] == f"<{name}>"
        assert statements(policy["policy"]) == statements(
            plain(stack.resources[f"{name}Policy"]["Properties"]["PolicyDocument"])
        )


def test_the_key_and_the_topic_are_the_same(both):
    stack, module = both
    for key in stack.of_type("AWS::KMS::Key").values():
        assert statements(module["aws_kms_key.queues"]["policy"]) == statements(key["KeyPolicy"])
        assert module["aws_kms_key.queues"]["enable_key_rotation"] is key["EnableKeyRotation"] is True
    for topic in stack.of_type("AWS::SNS::Topic").values():
        assert module["aws_sns_topic.alarms"].get("kms_master_key_id") == topic.get("KmsMasterKeyId")
        policy = stack.resources["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]
        assert statements(module["aws_sns_topic_policy.alarms"]["policy"]) == statements(policy)


def test_events_go_the_same_way(both):
    stack, module = both
    rule = plain(stack.resources["RequestRule"]["Properties"])
    own, target = module["aws_cloudwatch_event_rule.requests"], module["aws_cloudwatch_event_target.requests"]
    assert (own["event_bus_name"], own["event_pattern"]) == (rule["EventBusName"], rule["EventPattern"])
    [expected] = rule["Targets"]
    assert (target["arn"], target["dead_letter_config"]["arn"]) == (
        expected["Arn"],
        expected["DeadLetterConfig"]["Arn"],
    )
    for one in stack.of_type("AWS::Lambda::EventInvokeConfig").values():
        config, permission = (
            module["aws_lambda_function_event_invoke_config.direct"],
            module["aws_lambda_permission.rule"],
        )
        failed = one["DestinationConfig"]["OnFailure"]["Destination"]
        assert config["destination_config"]["on_failure"]["destination"] == failed
        assert config["maximum_retry_attempts"] == one["MaximumRetryAttempts"]
        assert config["maximum_event_age_in_seconds"] == one["MaximumEventAgeInSeconds"]
        expected = plain(stack.resources["RulePermission"]["Properties"])
        for name in ("Action", "Principal", "SourceArn"):
            assert permission[snake(name)] == expected[name]
    for bus in stack.of_type("AWS::Events::EventBus").values():
        assert module["aws_cloudwatch_event_bus.outcomes"] == {"name": bus["Name"], "description": bus["Description"]}
    group = stack.resources["LogGroup"]["Properties"]
    assert module["aws_cloudwatch_log_group.function"] == {
        "name": group["LogGroupName"],
        "retention_in_days": group["RetentionInDays"],
    }


def test_the_same_alarms_ring_for_the_same(both):
    stack, module = both
    alarms = plain(stack.of_type("AWS::CloudWatch::Alarm"))
    own = {address: one for address, one in module.items() if address.startswith("aws_cloudwatch_metric_alarm.")}
    assert len(own) == len(alarms)
    for name, alarm in alarms.items():
        found = own["aws_cloudwatch_metric_alarm.all/" + snake(name.removesuffix("Alarm")).replace("_", "-")]
        dimensions = {one["Name"]: one["Value"] for one in alarm.pop("Dimensions")}
        topic = {"alarm_actions": alarm.pop("AlarmActions"), "ok_actions": alarm.pop("OKActions")}
        expected = {**{snake(name): value for name, value in alarm.items()}, **topic, "dimensions": dimensions}
        assert {key: value for key, value in found.items() if key != "alarm_name"} == expected, name


def test_the_same_is_shown_and_can_be_asked(both):
    stack, module = both
    dashboard, own = stack.resources["Dashboard"]["Properties"], module["aws_cloudwatch_dashboard.countermand"]
    assert own["dashboard_name"] == dashboard["DashboardName"]
    assert own["dashboard_body"] == plain(json.loads(dashboard["DashboardBody"]))
    queries = {one["Name"]: one["QueryString"] for one in stack.of_type("AWS::Logs::QueryDefinition").values()}
    own = [one for address, one in module.items() if address.startswith("aws_cloudwatch_query_definition.")]
    assert {one["name"]: one["query_string"] for one in own} == queries


def test_the_outputs_are_the_same():
    for given in GIVEN.values():
        module, stack = Module(FOLDER, **values(given)), Rendering(TEMPLATE, AllowedTargets="*", **given)
        assert list(module.outputs) == [snake(name) for name in TEMPLATE["Outputs"]]
        for name, output in TEMPLATE["Outputs"].items():
            own = module.outputs[snake(name)]
            assert module.value(own["description"]) == output["Description"]
            assert as_the_template_says(module.value(own["value"])) == plain(stack.outputs.get(name)), name


def test_the_page_gives_the_module_what_it_needs():
    [block] = re.findall(r"```hcl\n(.*?)```", (PROJECT / "docs" / "deploy.md").read_text(), re.DOTALL)
    [(_, inner)] = body(tree(block))[1]
    given = {name: Module(FOLDER).value(value) for name, value in body(inner)[0].items()}
    assert (PROJECT.parent / given.pop("source").replace("countermand", PROJECT.name)).resolve() == FOLDER
    assert Module(FOLDER, **given).broken() == []
