"""docs/operations.md names what there is: parameters, alarms, metrics, actions, statuses and codes."""

import re

import pytest

from processes import PROJECT
from schemas import SCHEMAS
from templates import Rendering, read
from test_template_parts import EVERYTHING
from test_template_watching import METRICS

GUIDE = (PROJECT / "docs" / "operations.md").read_text()
TEMPLATE = read((PROJECT / "template.yaml").read_text())
WORDS = set(re.findall(r"`([^`\n]+)`", GUIDE))


def section(title):
    [found] = re.findall(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,3}} |\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    return found[1]


def test_every_alarm_says_what_to_do():
    alarms = Rendering(TEMPLATE, **EVERYTHING).of_type("AWS::CloudWatch::Alarm")
    assert re.findall(r"^\| `(\w+Alarm)`", section("Alarms"), re.MULTILINE) == list(alarms)


def test_every_metric_has_its_unit():
    told = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section("Watching"), re.MULTILINE))
    assert told == {name: unit.lower() for name, unit in METRICS.items()}


def test_every_action_of_the_role_is_explained_and_no_other():
    told = set(re.findall(r"`([a-z]+:[A-Z]\w+)`", section("IAM, line by line"))) - {"fnf:StopExecution", "fnf:DescribeExecution"}
    allowed = {action for one in Rendering(TEMPLATE, **EVERYTHING).statements() for action in one["Action"]}
    allowed |= {action for one in Rendering(TEMPLATE).statements() for action in one["Action"]}
    assert told == allowed


def test_every_status_has_its_line():
    told = re.findall(r"^\| `([A-Z_]+)`", section("By status"), re.MULTILINE)
    assert told == SCHEMAS["outcome"]["properties"]["status"]["enum"]


@pytest.mark.parametrize("code", ["DeadlineExceeded", "Timeout", "ConnectionFailed", "UnreadableReply", "NotConfigured", "PinIncomplete", "StillRunning", "Panic"])
def test_every_code_of_our_own_has_its_line(code):
    assert f"`{code}`" in section("By error code")


def test_a_saved_query_is_named_as_it_is_saved():
    queries = Rendering(TEMPLATE).of_type("AWS::Logs::QueryDefinition").values()
    saved = {re.sub(r" \(.*", "", one["Name"].split("/", 1)[1]) for one in queries}
    assert set(re.findall(r"\*([a-z][a-z ]+)\*", section("Watching"))) == saved


def test_what_looks_like_a_parameter_is_one():
    """Or an output, an alarm, a metric or a code: nothing is named that does not exist."""
    known = {*TEMPLATE["Parameters"], *TEMPLATE["Outputs"], *TEMPLATE["Resources"], *METRICS, "SenderArn"}
    known |= {"SentTimestamp", "VisibilityTimeout", "FailedInvocations"}
    tables = section("By error code") + section("By function error")
    named = {word for word in WORDS if re.fullmatch(r"(?:[A-Z][a-z]+){2,}[A-Za-z]*", word) and f"`{word}`" not in tables}
    assert named <= known, named - known
    # And each value that is given for a parameter is one that it takes.
    for parameter, value in re.findall(r"`(\w+)` `([\w-]+)`", GUIDE):
        rule = TEMPLATE["Parameters"][parameter]
        assert value in rule.get("AllowedValues", [value]), (parameter, value)


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)]+)\)", GUIDE))
def test_a_link_leads_somewhere(target):
    path, _, anchor = target.partition("#")
    text = GUIDE
    if path:
        assert (PROJECT / "docs" / path).exists(), path
    if anchor:
        headings = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in re.findall(r"^#+ (.+)", text, re.MULTILINE)}
        assert anchor in headings
