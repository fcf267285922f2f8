"""The local run as its users see it: what it answers, with which exit code, and that `--serve` can be pasted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from processes import PROJECT, TARGET, Process, until

LOCAL = TARGET / "debug" / "examples" / "local"
BARE = '{"service": "appflow", "flowName": "orders", "executionIds": ["run-1"]}'


def run(*arguments, text="", **environment):
    given = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(
        [LOCAL, *arguments], input=text, env=given, cwd=PROJECT, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    "arguments, text, code, shown",
    [
        (["events/sqs-appflow-partial.json"], "", 0, "PARTIAL"),
        (["events/sqs-appflow-one-run.json"], "", 0, "ACCEPTED"),
        (["events/sqs-appflow-dry-run.json"], "", 0, "DRY_RUN"),
        (["--fault", "sqs=loseReply", "--destination", "queue", "events/sqs-appflow-one-run.json"], "", 0, "ACCEPTED"),
        (["events/sqs-appflow-bad-request.json"], "", 1, "REJECTED"),
        (["events/sqs-swf-closed.json"], "", 1, "NOT_RUNNING"),
        (["events/sqs-cloudflow-backlog.json"], "", 1, "NOT_FOUND"),
        (["--fault", "appflow=error:9", "events/sqs-appflow-one-run.json"], "", 1, "FAILED"),
        (["--fault", "eventbridge=error:9", "events/sqs-appflow-one-run.json"], "", 1, "not published"),
        (["events/sqs-appflow-follow-up.json"], "", 0, "ENDED_OTHERWISE"),
        (["events/sqs-appflow-confirm.json"], "", 0, "CONFIRMED after"),
        (["-"], BARE, 0, "ACCEPTED"),
        (["-"], "service: appflow", 2, "standard input:1:1: this is YAML; Lambda delivers JSON"),
        (["-"], '{"service":\n,}', 2, "standard input:2:1: expected JSON"),
        (["events/sqs-appflow-partia.json"], "", 2, "the nearest is events/sqs-appflow-partial.json"),
        (["--nothing"], "", 2, "there is no option --nothing"),
    ],
)
def test_the_exit_code_says_how_it_ended(arguments, text, code, shown):
    ended = run(*arguments, text=text)
    assert shown in ended.stdout + ended.stderr
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert "\x1b" not in ended.stdout


def test_no_line_is_longer_than_a_terminal_but_for_json():
    assert [line for line in run("--help").stdout.splitlines() if len(line) > 80] == []
    for sample in sorted(PROJECT.glob("events/*.json")):
        shown = run(f"events/{sample.name}").stdout.split("\n  response")[0]
        assert [line for line in shown.splitlines() if len(line) > 80] == [], sample.name


def test_a_closed_pipe_is_no_error():
    piped = f"{LOCAL} events/sqs-mixed-batch.json events/sqs-appflow-one-run.json | head -1; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", piped], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_what_serve_prints_can_be_pasted_as_it_is(tmp_path):
    printed, clients = tmp_path / "printed", Path(sys.executable).parent
    with printed.open("w") as out, Process([LOCAL, "--serve", "--port", "0"], {}, stdout=out):
        until(lambda: "# Calls, as they come:" in printed.read_text(), "the introduction")
        home = {"PATH": f"{clients}:{os.environ['PATH']}", "HOME": str(tmp_path), "AWS_PROFILE": "somebody-elses"}
        script = "set -e\n" + printed.read_text() + "kill %1\n"
        ended = subprocess.run(
            ["bash"], input=script, env=home, cwd=PROJECT, capture_output=True, text=True, timeout=120
        )
        assert ended.returncode == 0, ended.stderr
        # The answer to the event, as JSON and not as JSON in a string.
        assert '"value":{"batchItemFailures":[]}' in ended.stdout.replace(" ", "")
        calls = printed.read_text().split("# Calls, as they come:\n")[1]
        assert "appflow.CancelFlowExecutions  orders: run-1, run-3" in calls
        assert "eventbridge.PutEvents  4 entries" in calls
