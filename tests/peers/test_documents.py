"""The documents name what there is: parameters, alarms, metrics, actions, statuses, codes; and their commands run."""

import json
import re
import subprocess

import pytest

from processes import PROJECT
from schemas import SCHEMAS
from templates import Rendering, packaged, read
from test_local_run import LOCAL as LOCAL_RUN, run
from test_template_parts import EVERYTHING, KEYLESS
from test_template_watching import METRICS

TEMPLATE = read((PROJECT / "template.yaml").read_text())
RECIPES = [read(path.read_text()) for path in (PROJECT / "docs" / "wiring").glob("*.yaml")]
PAGES = {
    path.relative_to(PROJECT).as_posix(): path.read_text()
    for path in [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
}
OTHERS = set(
    """
    CancellationOutcome CancellationAttemptFailed CancellationConfirmation SenderArn
    CancelStarted ChangeMessageVisibility EventAgeExceeded EventPattern ExecutionName FailedInvocations FlowName InProgress InputPathsMap
    RetriesExhausted RoleId SentTimestamp StopFlow SubscriptionConfirmation UnsubscribeConfirmation
    """.split()
)
LOCAL = "cargo run --example local -- "


def section(page, title):
    pattern = rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,3}} |\Z)"
    [found] = re.findall(pattern, PAGES[f"docs/{page}.md"], re.MULTILINE | re.DOTALL)
    return found[1]


def first_cells(text):
    return [word for cell in re.findall(r"^\| (`[^|]+) \|(?!.*\n\| ---)", text, re.MULTILINE) for word in re.findall(r"`([^`]+)`", cell)]


def test_every_alarm_says_what_to_look_at():
    alarms = Rendering(TEMPLATE, **EVERYTHING).of_type("AWS::CloudWatch::Alarm")
    assert set(first_cells(section("operations", "2. Read the alarm"))) == set(alarms)


def test_every_metric_has_its_unit():
    reported = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", section("operations", "By day"), re.MULTILINE))
    assert reported == {name: unit.lower() for name, unit in METRICS.items()}


def test_every_action_of_the_role_is_explained_and_no_other():
    explained = set(re.findall(r"`([a-z]+:[A-Z]\w+)`", section("security", "Permissions")))
    allowed = {action for all in (EVERYTHING, KEYLESS) for one in Rendering(TEMPLATE, **all).statements() for action in one["Action"]}
    allowed |= {action for one in Rendering(TEMPLATE).statements() for action in one["Action"]}
    assert explained == allowed


@pytest.mark.parametrize(
    "title, known",
    [
        ("Status", SCHEMAS["outcome"]["properties"]["status"]["enum"]),
        ("Violations", SCHEMAS["outcome"]["properties"]["violations"]["items"]["properties"]["code"]["enum"]),
        ("Confirmations", SCHEMAS["confirmation"]["properties"]["status"]["enum"]),
        ("Function errors", ["CancelFailed", "CancelDenied", "PublishFailed", "InvalidEvent", "InvalidConfiguration"]),
    ],
)
def test_every_word_of_an_outcome_has_its_line_and_no_other(title, known):
    assert sorted(first_cells(section("outcomes", title))) == sorted(known)


@pytest.mark.parametrize("code", ["DeadlineExceeded", "Timeout", "ConnectionFailed", "UnreadableReply", "NotConfigured", "PinIncomplete", "StillRunning", "Panic"])
def test_every_code_of_our_own_has_its_line(code):
    assert code in first_cells(section("outcomes", "Error codes"))


def test_every_field_of_a_request_has_its_line():
    known = set(SCHEMAS["cancel-request"]["properties"]) | {
        name for one in SCHEMAS["cancel-request"].get("$defs", {}).values() for name in one.get("properties", {})
    }
    spelled_as_the_api_does = {"FlowName", "ExecutionName", "Cause", "Error"}
    assert set(first_cells(section("requests", "Fields"))) == known - spelled_as_the_api_does


def test_a_saved_query_is_named_as_it_is_saved():
    queries = Rendering(TEMPLATE).of_type("AWS::Logs::QueryDefinition").values()
    saved = {re.sub(r" \(.*", "", one["Name"].split("/", 1)[1]) for one in queries}
    page = " ".join(section("operations", "3. Find the request").split())
    assert set(re.findall(r"\*([a-z][a-z ]+)\*", page)) == saved


@pytest.mark.parametrize("page", PAGES)
def test_what_looks_like_a_parameter_is_one(page):
    """Or an output, a resource, a metric, a code, a word of AWS: nothing is named that does not exist."""
    known = {*read(packaged())["Parameters"], *TEMPLATE["Outputs"], *TEMPLATE["Resources"], *METRICS, *OTHERS}
    known |= {name for recipe in RECIPES for name in recipe.get("Outputs", {})}
    known |= {operation.split(".")[1] for operation in re.findall(r"`(\w+\.[A-Z]\w+)`", PAGES["docs/pace.md"])}
    known |= set(first_cells(section("outcomes", "Error codes") + section("outcomes", "Function errors")))
    text = PAGES[page]
    named = set(re.findall(r"`((?:[A-Z][a-z]+){2,}[A-Za-z]*)`", text))
    assert named <= known, named - known
    # And each value that is given for a parameter is one that it takes.
    for parameter, value in re.findall(r"`(\w+)`\s+(?:at\s+)?`([\w-]+)`", text):
        if parameter in TEMPLATE["Parameters"]:
            rule = TEMPLATE["Parameters"][parameter]
            assert value in rule.get("AllowedValues", [value]), (parameter, value)


def test_every_line_of_the_log_is_one_that_the_code_writes():
    code = "".join(path.read_text() for path in (PROJECT / "src").rglob("*.rs"))
    lines = first_cells(section("operations", "4. Remove the cause"))
    assert [line for line in lines if line not in code] == [] != lines


def commands(page):
    """The local runs of a page and what they are given, in a shell's words."""
    lines = re.findall(rf"^(?:\$ )?({re.escape(LOCAL)}.*|echo .* > .*)$", PAGES[page], re.MULTILINE)
    return [line.replace(LOCAL, f"{LOCAL_RUN} ") for line in lines if "--serve" not in line]


@pytest.mark.parametrize("page", [page for page in PAGES if LOCAL in PAGES[page]])
def test_every_local_run_can_be_typed_as_it_stands(page, tmp_path):
    (tmp_path / "events").symlink_to(PROJECT / "events")
    for command in commands(page):
        ended = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert ended.returncode in (0, 1) and ended.stderr == "", (command, ended.stderr)


def test_the_readme_shows_what_its_command_prints():
    [shown] = re.findall(r"```text\n(.*?)```", PAGES["README.md"], re.DOTALL)
    times = re.compile(r"\+\d+ ms|took \d+ ms")
    assert times.sub("", run("events/sqs-appflow-partial.json").stdout).split() == times.sub("", shown).split()


def test_the_outcome_is_the_one_of_its_event():
    [shown] = [json.loads(one) for one in re.findall(r"```json\n(\{\n.*?)```", PAGES["docs/outcomes.md"], re.DOTALL)]
    [outcome] = json.loads(run("--json", "events/sqs-appflow-partial.json").stdout)["outcomes"]
    for changing in ("serviceRequestIds", "completedAt"):
        assert type(shown.pop(changing)) is type(outcome.pop(changing))
    assert shown == outcome
    [part] = [json.loads(one) for one in re.findall(r"```json\n(\{\n.*?)```", PAGES["README.md"], re.DOTALL)]
    for name, value in part.items():
        assert outcome[name] == value or {**outcome[name], **value} == outcome[name], name
