"""template.yaml, as AWS's own tools read it, and what those tools cannot know about it."""

import os
import re
import subprocess
import tomllib

import pytest

from processes import PROJECT, REGION, SAM
from templates import names, read

TEMPLATE = PROJECT / "template.yaml"


@pytest.fixture(scope="module")
def template():
    return read(TEMPLATE.read_text())


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


def test_cfn_lint_finds_nothing_to_warn_of():
    done = subprocess.run([SAM / "bin" / "cfn-lint", TEMPLATE], capture_output=True, text=True, timeout=180)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


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
    # A request that waits in line takes a receive each time.
    assert queue == variables(template)["COUNTERMAND_MAX_RECEIVE_COUNT"] >= 20


def test_the_function_knows_its_part_of_the_quotas(template):
    most = template["Resources"]["Function"]["Properties"]["Events"]["Requests"]["Properties"]["ScalingConfig"]["MaximumConcurrency"]
    assert most == variables(template)["COUNTERMAND_FUNCTION_CONCURRENCY"] == {"!Ref": "MaximumConcurrency"}


def variables(template):
    return template["Resources"]["Function"]["Properties"]["Environment"]["Variables"]


def test_whoever_deploys_says_what_may_be_canceled(template):
    parameters = template["Parameters"]
    assert [name for name, parameter in parameters.items() if "Default" not in parameter] == ["AllowedTargets"]
    assert parameters["CancelAll"]["Default"] == "explicit"
    # CloudFormation holds the whole value against the pattern.
    pattern = re.compile(parameters["AllowedTargets"]["AllowedPattern"])
    for value in ["*", "*:orders", "appflow:orders", " appflow:orders , swf:billing/* ", "swf:billing/invoice 1", "cloudflow:etl", "stepfunctions:orders/*"]:
        assert pattern.fullmatch(value), value
    for value in ["", " ", ",", "swf:*,", ",swf:*", "swf:*,,cloudflow:*", "swf:*, ,cloudflow:*", "orders", "appflow:", "swf:billing", "stepfunctions:orders", "*,orders"]:
        assert not pattern.fullmatch(value), value
    # Nothing but a local run has another value.
    assert variables(template)["COUNTERMAND_ALLOWED_TARGETS"] == {"!If": ["IsLocal", "*", {"!Ref": "AllowedTargets"}]}
    assert template["Conditions"]["IsLocal"] == {"!Equals": [{"!Ref": "AWS::URLSuffix"}, "localhost"]}


def test_every_parameter_is_described_and_used(template):
    parameters = template["Parameters"]
    assert [name for name, parameter in parameters.items() if not parameter.get("Description")] == []
    used = names(template["Resources"]) | names(template["Conditions"])
    assert parameters.keys() - used == set()
    # Whoever deploys is asked for each, in this order, the few that matter first; for one that is not echoed SAM asks for ever.
    assert len(parameters) <= 25
    assert not [name for name, parameter in parameters.items() if "NoEcho" in parameter]
    grouped = [name for group in interface(template)["ParameterGroups"] for name in group["Parameters"]]
    assert grouped == list(parameters)
    assert all(group["Label"]["default"] for group in interface(template)["ParameterGroups"])


def test_a_default_is_a_value_that_its_parameter_takes(template):
    for name, parameter in template["Parameters"].items():
        if "Default" in parameter:
            default = parameter["Default"]
            assert default in parameter.get("AllowedValues", [default]), name
            assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(default)), name


def interface(template):
    return template["Metadata"]["AWS::CloudFormation::Interface"]


def test_every_condition_decides_something(template):
    used = {one["Condition"] for part in ("Resources", "Outputs") for one in template[part].values() if "Condition" in one}
    used |= deciding(template["Resources"])
    assert template["Conditions"].keys() <= used


def deciding(part):
    """The conditions of every `!If` in a part of the template."""
    if isinstance(part, list):
        return {name for one in part for name in deciding(one)}
    if not isinstance(part, dict):
        return set()
    return deciding(list(part.values())) | ({part["!If"][0]} if "!If" in part else set())


def test_the_repository_s_metadata_are_those_of_the_crate(template):
    metadata = template["Metadata"]["AWS::ServerlessRepo::Application"]
    crate = tomllib.loads((PROJECT / "Cargo.toml").read_text())
    assert metadata["Name"] == crate["package"]["name"]
    assert metadata["SemanticVersion"] == crate["workspace"]["package"]["version"]
    assert metadata["SpdxLicenseId"] == crate["workspace"]["package"]["license"]
    for name in ("LicenseUrl", "ReadmeUrl"):
        assert (PROJECT / metadata[name]).is_file()
    # What the repository refuses: https://docs.aws.amazon.com/serverlessrepo/latest/devguide/
    assert len(metadata["Description"]) <= 256 and len(metadata["Labels"]) <= 10
    assert all(re.fullmatch("[a-zA-Z0-9+_:/@-]{1,127}", label) for label in metadata["Labels"])
