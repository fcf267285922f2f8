"""What template.yaml becomes for given parameters: its variables, its role, what guards the queues."""

import re

import botocore.session
import pytest
from botocore import xform_name

from processes import PROJECT
from templates import Rendering, names, read

SOURCES = sorted((PROJECT / "src").rglob("*.rs"))
TEMPLATE = read((PROJECT / "template.yaml").read_text())

ARN = "arn:aws:{}:us-east-1:111122223333:{}"
EVERYTHING = {
    "FollowUps": "always",
    "Terminate": "allow",
    "Deactivate": "allow",
    "RequestPath": "direct",
    "EncryptionKey": "create",
    "CloudFlowRegionId": "cn-hangzhou",
    "CloudFlowSecretArn": ARN.format("secretsmanager", "secret:cloudflow-AbCdEf"),
    "OutcomeDestinationArn": ARN.format("sns", "outcomes"),
    "AlarmTopicArn": ARN.format("sns", "alarms"),
}
# In place of a secret.
ROLE = {"CloudFlowRoleArn": "acs:ram::1111222233334444:role/countermand", "CloudFlowOidcProviderArn": "acs:ram::1111222233334444:oidc-provider/aws"}
KEYLESS = {**EVERYTHING, "CloudFlowSecretArn": "", **ROLE}


@pytest.fixture(params=[{}, EVERYTHING, KEYLESS], ids=["defaults", "everything", "keyless"])
def rendering(request):
    return Rendering(TEMPLATE, **request.param)


def variables(rendering):
    return rendering.resources["Function"]["Properties"]["Environment"]["Variables"]


def test_a_variable_that_is_set_is_one_that_the_code_reads(rendering):
    of_config = (path for path in SOURCES if "config" in (path.parent.name, path.stem) or path.parent.parent.name == "targets")
    config = "".join(path.read_text() for path in of_config if path.name != "tests.rs")
    read_by_code = set(re.findall(r'"((?:COUNTERMAND|ALIBABA_CLOUD)_[A-Z_]+)"', config))
    assert {"COUNTERMAND_MODE", "ALIBABA_CLOUD_REGION_ID"} <= set(variables(rendering)) <= read_by_code


def test_a_part_that_is_left_out_leaves_its_variables_empty():
    """An empty variable counts as not set."""
    chosen = variables(Rendering(TEMPLATE, AllowedTargets="*"))
    assert chosen["COUNTERMAND_CANCEL_ALL"] == "explicit"
    everything = variables(Rendering(TEMPLATE, AllowedTargets="*", **EVERYTHING))
    empty = {name for name, value in chosen.items() if value == ""}
    assert empty == {
        "COUNTERMAND_FOLLOW_UP_QUEUE_ARN",
        "COUNTERMAND_FOLLOW_UP_SENDER_ID",
        "COUNTERMAND_CONFIRM",
        "COUNTERMAND_CLOUDFLOW_SECRET_ARN",
        "COUNTERMAND_CLOUDFLOW_ROLE_ARN",
        "COUNTERMAND_CLOUDFLOW_OIDC_PROVIDER_ARN",
        "COUNTERMAND_CLOUDFLOW_ENDPOINT_URL",
        "ALIBABA_CLOUD_REGION_ID",
    }
    # Nobody's own endpoint: the services are called where they are, over TLS.
    keyless = variables(Rendering(TEMPLATE, AllowedTargets="*", **KEYLESS))
    assert {name for name in empty if everything[name] == keyless[name] == ""} == {"COUNTERMAND_CLOUDFLOW_ENDPOINT_URL"}
    assert "AWS_ENDPOINT_URL" not in chosen | everything


def test_the_table_of_configuration_joins_what_the_template_joins():
    """A variable with the parameter that sets it; one without a parameter with what the template sets it to."""
    page = (PROJECT / "docs" / "configuration.md").read_text()
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in page.splitlines() if row.count("|") == 6]
    of_variable = {row[1].strip("`"): row for row in rows[2:] if row[1] != "–"}
    chosen = TEMPLATE["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    for variable, value in chosen.items():
        parameter, _, in_the_stack, *_ = of_variable[variable]
        deciding = parameters_of(value)
        if parameter != "–":
            assert parameter.strip("`") in deciding, variable
        elif deciding:
            assert [name for name in deciding if f"`{name}`" in in_the_stack], variable
        elif isinstance(value, int):
            assert str(value) == in_the_stack, variable
    # What the template does not set has no parameter, and no other default in the stack.
    for variable in of_variable.keys() - chosen.keys():
        if not variable.startswith("AWS_"):
            assert (of_variable[variable][0], of_variable[variable][2]) == ("–", ""), variable


def parameters_of(value):
    """The parameters that decide over a value of the template, by its conditions too."""
    named = names(value)
    for condition in set(re.findall(r"'!(?:If|Condition)': \[?'(\w+)'", str(value))):
        named |= parameters_of(TEMPLATE["Conditions"][condition])
    return named & TEMPLATE["Parameters"].keys()


# Where an operation's permission has another name than the operation.
PERMISSIONS = {
    "PublishBatch": "Publish",
    "SendMessageBatch": "SendMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
}
# What Lambda does with the function's role, and what SQS, SNS and Secrets Manager do with an encrypted message or secret.
OF_SERVICES = {
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "logs:CreateLogStream", "logs:PutLogEvents"
}  # fmt: skip
FOR_A_KEY = {"kms:Decrypt", "kms:GenerateDataKey"}
# Only where the keys of CloudFlow are in a secret.
FOR_A_SECRET = {"secretsmanager:GetSecretValue"}
# Only where a role lends them.
FOR_A_ROLE = {"sts:GetWebIdentityToken"}
# Only where more than a cancel is allowed.
BEYOND_A_CANCEL = {"swf:TerminateWorkflowExecution", "appflow:StopFlow"}


# Services of which IAM has another name.
PREFIXES = {"stepfunctions": "states"}


def called_by_the_code():
    """The AWS operations whose builders the sources name, by the service models of botocore."""
    code = "".join(re.sub(r"//.*", "", path.read_text()) for path in SOURCES if path.name != "tests.rs")
    builders = set(re.findall(r"\.\s*(\w+)\(\)", code))
    session = botocore.session.get_session()
    crates = set(re.findall(r"^aws-sdk-(\w+)", (PROJECT / "Cargo.toml").read_text(), re.MULTILINE))
    for crate in crates:
        service = {"eventbridge": "events", "sfn": "stepfunctions"}.get(crate, crate)
        for operation in session.get_service_model(service).operation_names:
            if xform_name(operation) in builders:
                yield f"{PREFIXES.get(service, service)}:{PERMISSIONS.get(operation, operation)}"


def test_the_role_may_do_what_the_code_calls_and_nothing_else():
    called = set(called_by_the_code())
    assert {"appflow:CancelFlowExecutions", "swf:RequestCancelWorkflowExecution", "events:PutEvents"} <= called
    allowed = {action for all in (EVERYTHING, KEYLESS) for one in Rendering(TEMPLATE, **all).statements() for action in one["Action"]}
    assert allowed == called | OF_SERVICES | FOR_A_KEY
    # Without the optional parts, what they need is not allowed either.
    plain = {action for one in Rendering(TEMPLATE).statements() for action in one["Action"]}
    assert allowed - plain == FOR_A_KEY | FOR_A_SECRET | FOR_A_ROLE | BEYOND_A_CANCEL


KEYS = "arn:aws:kms:*:*:key/*"


@pytest.mark.parametrize(
    "given, gained",
    [
        ({"FollowUps": "on"}, {("sqs:SendMessage", "<RequestQueue.Arn>")}),
        ({"Terminate": "allow"}, {("swf:TerminateWorkflowExecution", ARN.format("swf", "/domain/*"))}),
        ({"Deactivate": "allow"}, {("appflow:StopFlow", ARN.format("appflow", "flow/*"))}),
        ({"RequestPath": "direct"}, {("sqs:SendMessage", "<FailedEventsQueue.Arn>")}),
        ({"EncryptionKey": "create"}, {("kms:Decrypt", "<Key.Arn>")}),
        # A key that encrypts is for those who send.
        ({"EncryptionKey": "create", "FollowUps": "on"}, {("sqs:SendMessage", "<RequestQueue.Arn>"), *((one, "<Key.Arn>") for one in FOR_A_KEY)}),
        (
            {"EncryptionKey": "a key", "RequestPath": "direct"},
            {("sqs:SendMessage", "<FailedEventsQueue.Arn>"), *((one, "a key") for one in FOR_A_KEY)},
        ),
        ({"CloudFlowSecretArn": "a secret"}, {("secretsmanager:GetSecretValue", "a secret"), ("kms:Decrypt", KEYS)}),
        (ROLE, {("sts:GetWebIdentityToken", "*")}),
    ],
)
def test_each_optional_part_brings_its_own_permission_and_no_other(given, gained):
    assert permissions(Rendering(TEMPLATE, **given)) - permissions(Rendering(TEMPLATE)) == gained


def test_a_key_that_is_not_named_is_used_for_one_thing_alone():
    """What that is, KMS is told by the service that asks: the ARN of the topic, of the queue, or of the secret."""
    conditions = [one["Condition"] for one in Rendering(TEMPLATE, **EVERYTHING).statements() if one["Resource"] == KEYS]
    destination, secret = EVERYTHING["OutcomeDestinationArn"], EVERYTHING["CloudFlowSecretArn"]
    assert conditions == [
        {"StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": destination}},
        {"StringEquals": {"kms:EncryptionContext:aws:sqs:arn": destination}},
        {"StringEquals": {"kms:EncryptionContext:SecretARN": secret}},
    ]


def test_a_token_is_signed_for_one_use_alone():
    [condition] = [one["Condition"] for one in Rendering(TEMPLATE, **KEYLESS).statements() if "sts:GetWebIdentityToken" in one["Action"]]
    assert condition == {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "sts.aliyuncs.com"},
        "StringEquals": {"sts:SigningAlgorithm": "RS256"},
        "NumericLessThanEquals": {"sts:DurationSeconds": 300},
    }


def permissions(rendering):
    return {
        (action, resource)
        for one in rendering.statements()
        for action in one["Action"]
        for resource in (one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]])
    }


def test_no_statement_of_the_role_reaches_beyond_what_it_names(rendering):
    for action, resource in permissions(rendering):
        assert "*" not in action
        # A token is of no resource; its conditions say what it is for.
        if action == "sts:GetWebIdentityToken":
            continue
        assert resource != "*"
        assert "*" not in resource or resource == KEYS or re.search(r":(flow/\*|/domain/\*|execution:\*(/\*)?:\*|stateMachine:\*)$", resource), resource


def test_the_role_can_be_limited_to_flows_and_domains():
    resources = {resource for _, resource in permissions(Rendering(TEMPLATE, AppFlowFlows="orders*", SwfDomains="billing", StateMachines="fulfillment"))}
    assert ARN.format("appflow", "flow/orders*") in resources
    assert ARN.format("swf", "/domain/billing") in resources
    assert not [resource for resource in resources if resource.endswith("/*")]


def test_every_queue_is_encrypted_and_reached_over_tls_only(rendering):
    queues = rendering.of_type("AWS::SQS::Queue")
    for name, queue in queues.items():
        assert bool(queue.get("SqsManagedSseEnabled")) != ("KmsMasterKeyId" in queue), name
    closed = [
        queue
        for policy in rendering.of_type("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        for queue in policy["Queues"]
        if (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        and statement["Resource"] == queue[:-1] + ".Arn>"
    ]
    assert sorted(closed) == sorted(f"<{name}>" for name in queues)


@pytest.mark.parametrize("key, managed", [("", True), ("create", False), (ARN.format("kms", "key/3"), False)])
def test_the_key_of_the_queues_is_the_deployer_s_choice(key, managed):
    rendering = Rendering(TEMPLATE, EncryptionKey=key)
    expected = {"create": "<Key.Arn>", "": None}.get(key, key)
    for queue in rendering.of_type("AWS::SQS::Queue").values():
        assert (queue.get("SqsManagedSseEnabled"), queue.get("KmsMasterKeyId")) == (managed or None, expected)
    # Rules and alarms use the key of the stack by its own policy; that of another key is for its owner.
    keys = rendering.of_type("AWS::KMS::Key").values()
    granted = {
        (service, action)
        for one in keys
        for statement in one["KeyPolicy"]["Statement"]
        for service in statement["Principal"].get("Service", [])
        for action in statement["Action"]
    }
    services = {"events.amazonaws.com", "sns.amazonaws.com", "cloudwatch.amazonaws.com"} if key == "create" else set()
    assert granted == {(service, action) for service in services for action in FOR_A_KEY}
    topic = rendering.of_type("AWS::SNS::Topic")["AlarmTopic"]
    assert topic.get("KmsMasterKeyId") == ("<Key.Arn>" if key == "create" else None)


def test_dead_letters_are_kept_for_longer_than_requests(rendering):
    queues = rendering.of_type("AWS::SQS::Queue")
    request_queue = queues.pop("RequestQueue")
    assert queues
    for name, queue in queues.items():
        assert queue["MessageRetentionPeriod"] > request_queue["MessageRetentionPeriod"], name


@pytest.mark.parametrize("path, target", [("queue", "<RequestQueue.Arn>"), ("direct", "<Function.Arn>")])
def test_the_rule_delivers_on_the_chosen_path_and_loses_nothing(path, target):
    rendering = Rendering(TEMPLATE, RequestPath=path)
    [rule] = rendering.of_type("AWS::Events::Rule").values()
    assert [(one["Arn"], one["DeadLetterConfig"]["Arn"]) for one in rule["Targets"]] == [(target, "<DeadLetterQueue.Arn>")]
    rule_arn = ARN.format("events", "rule/<RequestRule>")
    senders = {
        (policy["Queues"][0], statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        for policy in rendering.of_type("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    }
    assert senders == {("<RequestQueue>", rule_arn), ("<DeadLetterQueue>", rule_arn)}
    direct = rendering.of_type("AWS::Lambda::EventInvokeConfig").values()
    failed = [one["DestinationConfig"]["OnFailure"]["Destination"] for one in direct]
    assert failed == (["<FailedEventsQueue.Arn>"] if path == "direct" else [])
    assert len(rendering.of_type("AWS::Lambda::Permission")) == len(failed)


def test_nothing_is_made_before_the_role_may_do_what_is_then_tried():
    """Lambda looks whether the role may send to the destination of failed events, and read the queue, when it is told of them."""
    rendering = Rendering(TEMPLATE, **EVERYTHING)
    [policy] = [
        name
        for name, one in rendering.of_type("AWS::IAM::RolePolicy").items()
        if "<FailedEventsQueue.Arn>" in str(one["PolicyDocument"])
    ]
    assert rendering.resources["DirectEvents"]["DependsOn"] == policy
    assert rendering.resources[policy]["Condition"] == rendering.resources["DirectEvents"]["Condition"]
    received = [one for one in rendering.of_type("AWS::IAM::Role")["FunctionRole"]["Policies"] if one["PolicyName"] == "receive-requests"]
    assert "sqs:ReceiveMessage" in str(received) and "kms:Decrypt" in str(received)


def test_only_named_senders_may_send_beside_the_rule():
    def senders(**given):
        policies = Rendering(TEMPLATE, **given).of_type("AWS::SQS::QueuePolicy").values()
        statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
        assert all("aws:SourceArn" in next(iter(one["Condition"].values())) for one in statements)
        return [(one["Resource"], one["Condition"]["ArnLike"]["aws:SourceArn"]) for one in statements if "ArnLike" in one["Condition"]]

    rule, topic = ARN.format("events", "rule/orders"), ARN.format("sns", "cancels")
    assert senders() == []
    assert senders(SenderArns=f"{rule},{topic}") == [
        ("<RequestQueue.Arn>", [rule, topic]), ("<DeadLetterQueue.Arn>", [rule, topic])
    ]  # fmt: skip


@pytest.mark.parametrize(
    "follow_ups, loop, queue, confirm",
    [
        ("off", "Terminate", "", ""),
        ("on", "Allow", "<RequestQueue.Arn>", ""),
        ("always", "Allow", "<RequestQueue.Arn>", "true"),
    ],
)
def test_the_function_may_feed_itself_only_where_it_follows_up(follow_ups, loop, queue, confirm):
    rendering = Rendering(TEMPLATE, FollowUps=follow_ups)
    assert rendering.resources["Function"]["Properties"]["RecursiveLoop"] == loop
    chosen = variables(rendering)
    assert (chosen["COUNTERMAND_FOLLOW_UP_QUEUE_ARN"], chosen["COUNTERMAND_CONFIRM"]) == (queue, confirm)
    # And hears nobody's follow-ups but its own.
    assert chosen["COUNTERMAND_FOLLOW_UP_SENDER_ID"] == ("<FunctionRole.RoleId>" if queue else "")


def test_what_would_not_start_is_refused_before_it_is_deployed():
    assert list(Rendering(TEMPLATE).broken_rules()) == []
    assert list(Rendering(TEMPLATE, **EVERYTHING).broken_rules()) == []
    assert list(Rendering(TEMPLATE, **KEYLESS).broken_rules()) == []
    region = {"CloudFlowRegionId": "cn-hangzhou"}
    for given in [
        {"CloudFlowSecretArn": "a secret"},
        ROLE,
        *({**region, name: value} for name, value in ROLE.items()),
        {**region, "CloudFlowSecretArn": "a secret", **ROLE},
    ]:
        assert len(list(Rendering(TEMPLATE, **given).broken_rules())) == 1, given


def test_an_arn_is_recognized_and_what_cannot_work_is_refused():
    for parameter, right, wrong in [
        (
            "OutcomeDestinationArn",
            ["", ARN.format("events", "event-bus/outcomes"), ARN.format("sns", "outcomes"), ARN.format("sqs", "outcomes")],
            ["outcomes", ARN.format("sns", "outcomes.fifo"), ARN.format("sqs", "outcomes.fifo"), ARN.format("events", "rule/r")],
        ),
        ("AlarmTopicArn", ["", ARN.format("sns", "alarms")], ["alarms", ARN.format("sns", "alarms.fifo")]),
        ("EncryptionKey", ["", "create", ARN.format("kms", "key/ab-12")], ["yes", ARN.format("kms", "alias/aws/sqs")]),
        ("CloudFlowRoleArn", ["", ROLE["CloudFlowRoleArn"]], ["countermand", ARN.format("iam", "role/r"), ROLE["CloudFlowOidcProviderArn"]]),
        ("CloudFlowOidcProviderArn", ["", ROLE["CloudFlowOidcProviderArn"]], ["aws", ROLE["CloudFlowRoleArn"]]),
        ("CloudFlowSecretArn", ["", ARN.format("secretsmanager", "secret:a/b-AbCdEf")], ["a/b", ARN.format("kms", "key/1")]),
        (
            # Each of the list. Whoever may send may cancel, so no account, region or whole kind is left open.
            "SenderArns",
            ["", ARN.format("events", "rule/orders-*"), ARN.format("events", "rule/bus/orders"), ARN.format("sns", "cancels-*"),
             ARN.format("sns", "cancels").replace(":aws:", ":aws-iso-f:")],
            ["arn:aws:sns:*:*:*", ARN.format("sns", "*"), ARN.format("events", "rule/*"), "arn:aws:sns:*:111122223333:cancels", "*",
             "arn:aws:sns:us-east-1:*:cancels", ARN.format("sqs", "cancels"), ARN.format("sns", "cancels.fifo"), ARN.format("events", "*")],
        ),
        ("RequestBusName", ["default", "cancel-requests"], ["", "a:b", "aws.partner/example.com/1"]),
        ("AppFlowFlows", ["*", "orders-*"], ["", "a,b", "flow/a"]),
        ("SwfDomains", ["*", "billing"], ["", "a,b", "a/b"]),
        ("StateMachines", ["*", "orders-*"], ["", "a,b", "a:b"]),
    ]:
        pattern = re.compile(TEMPLATE["Parameters"][parameter]["AllowedPattern"])
        assert [value for value in right if not pattern.fullmatch(value)] == [], parameter
        assert [value for value in wrong if pattern.fullmatch(value)] == [], parameter
