"""template.yaml, as AWS's own tools read it, and what those tools cannot know about it."""

import os
import re
import subprocess

import pytest
import yaml

from processes import PROJECT, REGION, SAM

TEMPLATE = PROJECT / "template.yaml"


class Template(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, as `{"!Name": value}`."""


def short_form(loader, suffix, node):
    read = {"scalar": loader.construct_scalar, "sequence": loader.construct_sequence}
    value = read[node.id](node, deep=True) if node.id == "sequence" else read[node.id](node)
    return {f"!{suffix}": value}


Template.add_multi_constructor("!", short_form)


@pytest.fixture(scope="module")
def template():
    return yaml.load(TEMPLATE.read_text(), Template)


@pytest.fixture
def sam_validate(tmp_path):
    """Runs `sam validate --lint`, without credentials and without telling anybody."""

    def validate(file):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "AWS_DEFAULT_REGION": REGION,
            "SAM_CLI_TELEMETRY": "0",
        }
        command = [SAM / "bin" / "sam", "validate", "--lint", "--template-file", file]
        return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=180)

    return validate


def test_sam_validate_finds_nothing_wrong(sam_validate):
    done = sam_validate(TEMPLATE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout + done.stderr


def test_sam_validate_would_find_a_wrong_property(sam_validate, tmp_path):
    wrong = tmp_path / "template.yaml"
    text = TEMPLATE.read_text()
    wrong.write_text(text.replace("SqsManagedSseEnabled", "SqsManagedSeeEnabled", 1))
    assert wrong.read_text() != text
    assert sam_validate(wrong).returncode != 0


def test_a_message_is_hidden_for_six_times_as_long_as_an_invocation_may_take(template):
    hidden = {int(timeout): value["Seconds"] for timeout, value in template["Mappings"]["VisibilityTimeout"].items()}
    choices = template["Parameters"]["FunctionTimeout"]["AllowedValues"]
    assert hidden == {timeout: 6 * timeout for timeout in choices}
    queue = template["Resources"]["RequestQueue"]["Properties"]
    assert queue["VisibilityTimeout"] == {"!FindInMap": ["VisibilityTimeout", {"!Ref": "FunctionTimeout"}, "Seconds"]}


def test_the_function_knows_how_often_the_queue_delivers(template):
    queue = template["Resources"]["RequestQueue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    variables = template["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    assert queue == variables["COUNTERMAND_MAX_RECEIVE_COUNT"] == {"!Ref": "MaxReceiveCount"}
    # A request that waits in line takes a receive each time.
    assert template["Parameters"]["MaxReceiveCount"]["Default"] >= template["Parameters"]["MaxReceiveCount"]["MinValue"] >= 20


def test_the_function_knows_its_part_of_the_quotas(template):
    function = template["Resources"]["Function"]["Properties"]
    most = function["Events"]["Requests"]["Properties"]["ScalingConfig"]["MaximumConcurrency"]
    variables = function["Environment"]["Variables"]
    assert most == variables["COUNTERMAND_FUNCTION_CONCURRENCY"] == {"!Ref": "MaximumConcurrency"}
    assert variables["COUNTERMAND_RATES"] == {"!Ref": "Rates"}
    pattern = re.compile(template["Parameters"]["Rates"]["AllowedPattern"])
    for value in ["", "cloudflow.StopExecution=2/10", " cloudflow.StopExecution = 0.5/1 , swf.X=30/2000 "]:
        assert pattern.fullmatch(value), value
    for value in [" ", ",", "cloudflow.StopExecution", "cloudflow.StopExecution=2", "StopExecution=2/10", "a.B=1/2,"]:
        assert not pattern.fullmatch(value), value


def test_whoever_deploys_says_what_may_be_canceled(template):
    parameters = template["Parameters"]
    assert [name for name, parameter in parameters.items() if "Default" not in parameter] == ["AllowedTargets"]
    assert parameters["CancelAll"]["Default"] == "explicit"
    # CloudFormation holds the whole value against the pattern.
    pattern = re.compile(parameters["AllowedTargets"]["AllowedPattern"])
    for value in ["*", "appflow:orders", " appflow:orders , swf:billing/* ", "swf:billing/invoice 1"]:
        assert pattern.fullmatch(value), value
    for value in ["", " ", ",", "swf:*,", ",swf:*", "swf:*,,cloudflow:*", "swf:*, ,cloudflow:*"]:
        assert not pattern.fullmatch(value), value
    variables = template["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    for variable, parameter in [
        ("COUNTERMAND_ALLOWED_TARGETS", "AllowedTargets"),
        ("COUNTERMAND_CANCEL_ALL", "CancelAll"),
        ("COUNTERMAND_MAX_REQUEST_AGE_SECONDS", "MaxRequestAgeSeconds"),
    ]:
        assert variables[variable] == {"!Ref": parameter}


def test_no_statement_of_the_role_reaches_beyond_what_it_names(template):
    policies = template["Resources"]["FunctionRole"]["Properties"]["Policies"]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    assert statements
    for statement in statements:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        assert statement["Resource"] != "*"


def references(part):
    """The names that a part of the template refers to."""
    if isinstance(part, dict):
        return {part["!Ref"]} if "!Ref" in part else references(list(part.values()))
    if isinstance(part, list):
        return {name for one in part for name in references(one)}
    return set()


def test_every_parameter_is_described_and_used(template):
    parameters = template["Parameters"]
    assert [name for name, parameter in parameters.items() if not parameter.get("Description")] == []
    assert parameters.keys() - references(template["Resources"]) == set()
    secrets = {name for name, parameter in parameters.items() if parameter.get("NoEcho")}
    assert secrets == {"CloudFlowAccessKeyId", "CloudFlowAccessKeySecret", "CloudFlowSecurityToken"}
