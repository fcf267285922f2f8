"""`sam build` and `sam local invoke` as they stand: what is typed is all that is given.

tests/peers/sam-local runs this with Docker, which it sees to first, and cargo-lambda. Otherwise the SAM CLI is as real, a
stand-in for Docker's engine runs the function without a container, and what is built is the binary of these tests.
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from engine import SIMULATOR, Engine
from processes import EVENTS, PROJECT, SAM, Simulator, bootstrap, free_ports
from schemas import CLOSED

# With Docker, the machine's architecture, and a folder for what is left over.
WORK = os.environ.get("SAM_LOCAL_WORK")
OPTIONS = ["--parameter-overrides", "Architecture=arm64"] if os.environ.get("SAM_LOCAL_ARCHITECTURE") == "arm64" else []
# What the base image's C library can do: https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html
NEWEST_GLIBC = (2, 34)
# A shell in which much is set already: real keys and another region, and what `--serve` says to export.
SHELL = {
    "AWS_ACCESS_KEY_ID": "AKIAPEERSEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "peers/secret/access/key/EXAMPLE",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4180",
    "COUNTERMAND_CLOUDFLOW_ENDPOINT_URL": "http://127.0.0.1:4180",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The folder in which the commands are given, after `sam build`."""
    if WORK:
        sam(PROJECT, "build", *OPTIONS)
        return PROJECT
    folder = tmp_path_factory.mktemp("project")
    for name in ("template.yaml", "samconfig.toml", "sam-local.json", "Cargo.toml", "Cargo.lock"):
        shutil.copy(PROJECT / name, folder)
    shutil.copytree(EVENTS, folder / "events")
    program = folder / "bin" / "cargo-lambda"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nmkdir -p target/lambda/bootstrap\ncp '{bootstrap()}' target/lambda/bootstrap/bootstrap\n")
    program.chmod(0o755)
    sam(folder, "build")
    return folder


def sam(folder, *arguments, **variables):
    """One command of the SAM CLI, which tells nobody."""
    kept = ("HOME", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR", "DOCKER_HOST")
    given = {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": f"{folder / 'bin'}:{SAM / 'bin'}:{os.environ['PATH']}",
        "__SAM_CLI_APP_DIR": str(folder / ".aws-sam" / "cli"),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_SKIP_PULL_IMAGE": "1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **variables,
    }
    done = subprocess.run(
        [SAM / "bin" / "sam", *arguments], cwd=folder, env=given, capture_output=True, text=True, timeout=1500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


class Answer:
    """What `sam local invoke` shows: the response, and in the log each outcome."""

    def __init__(self, done, variables):
        self.response = json.loads(done.stdout.strip().splitlines()[-1])
        lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith('{"timestamp"')]
        self.outcomes = [json.loads(one["fields"]["outcome"]) for one in lines if one["fields"]["message"] == "outcome"]
        self.variables = variables


@pytest.fixture
def invoke(project, tmp_path, request):
    """`sam local invoke --event events/<sample>.json`, with the simulator where there is one."""
    simulator = request.getfixturevalue("simulator").url if "simulator" in request.fixturenames else None

    def run(sample, *options, **variables):
        event = f"events/{sample}.json"
        if WORK:
            return Answer(sam(project, "local", "invoke", "--event", event, *OPTIONS, *options, **SHELL, **variables), None)
        with Engine(tmp_path / "engine", simulator or f"http://127.0.0.1:{free_ports(1)[0]}") as engine:
            given = {**SHELL, "DOCKER_HOST": engine.url, **variables}
            return Answer(sam(project, "local", "invoke", "--event", event, *options, **given), engine.variables)

    return run


@pytest.fixture
def simulator():
    # A container knows one port only.
    with Simulator(port=4180 if WORK else 0) as running:
        yield running


@pytest.mark.skipif(not WORK, reason="what is built is the binary of these tests")
def test_the_binary_needs_no_newer_c_library_than_the_base_image_has(project):
    binary = (project / ".aws-sam" / "build" / "Function" / "bootstrap").read_bytes()
    needed = {tuple(map(int, found.split(b"."))) for found in re.findall(rb"GLIBC_(2\.\d+)", binary)}
    assert needed and max(needed) <= NEWEST_GLIBC, needed


# One sample for each way in, and all three services among them; and what their requests come to.
@pytest.mark.parametrize(
    "sample, statuses",
    [
        ("sqs-mixed-batch", ["ACCEPTED", "ACCEPTED", "REJECTED", "ACCEPTED"]),
        ("sqs-appflow-confirm", ["ACCEPTED"]),
        ("eventbridge-swf-one-run", ["ACCEPTED"]),
        ("direct-cloudflow-nightly", ["ACCEPTED"]),
        ("sns-appflow-one-run", ["ACCEPTED"]),
    ],
)
def test_a_sample_is_answered_shown_and_published(invoke, simulator, sample, statuses):
    answer = invoke(sample)
    outcomes = [json.loads(one["body"]) for one in simulator.published() if one["destination"] == "queue:outcomes"]
    assert [one["status"] for one in outcomes] == [one["status"] for one in answer.outcomes] == statuses
    assert [error.message for one in outcomes for error in CLOSED["outcome"].iter_errors(one)] == []
    expected = {"sqs": {"batchItemFailures": []}, "sns": outcomes}.get(sample.split("-")[0], outcomes[0])
    assert answer.response == expected


def test_a_record_that_is_denied_is_handed_back_to_its_queue(invoke, simulator):
    simulator.fault("swf.RequestCancelWorkflowExecution", "error", status=400, code="OperationNotPermittedFault")
    event = json.loads((EVENTS / "sqs-mixed-batch.json").read_text())
    assert invoke("sqs-mixed-batch").response == {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}


@pytest.mark.parametrize("sample", ["sqs-appflow-partial", "direct-swf-one-run", "direct-cloudflow-nightly"])
def test_without_a_simulator_the_outcome_says_what_could_not_be_reached(invoke, sample):
    [outcome] = invoke(sample).outcomes
    assert (outcome["status"], outcome["effect"]) == ("FAILED", "NONE")
    assert outcome["error"]["code"] == "ConnectionFailed"
    assert ("host.docker.internal" if WORK else "127.0.0.1") in outcome["error"]["message"]


@pytest.mark.skipif(bool(WORK), reason="a container keeps its variables to itself")
@pytest.mark.parametrize("ours", [True, False], ids=["samconfig.toml", "another configuration"])
def test_no_variable_leads_to_a_real_service(invoke, ours):
    """Without our configuration the shell's variables count, and where the shell has none the function calls nobody."""
    others = ["--config-env", "somebody", "--parameter-overrides", "FollowUps=always"]
    answer = invoke("direct-swf-one-run", *([] if ours else others), **({} if ours else {"AWS_ENDPOINT_URL": ""}))
    assert answer.variables["AWS_ACCESS_KEY_ID"] == SHELL["AWS_ACCESS_KEY_ID"]
    assert answer.variables["AWS_ENDPOINT_URL"] == (SIMULATOR if ours else "")
    assert answer.variables["COUNTERMAND_CLOUDFLOW_ENDPOINT_URL"] in (SIMULATOR, SHELL["AWS_ENDPOINT_URL"])
    [outcome] = answer.outcomes
    assert (outcome["status"], outcome["error"]["code"]) == ("FAILED", "ConnectionFailed")
    assert ours or "set-aws-endpoint-url.invalid" in outcome["error"]["message"]


def test_the_simulator_listens_where_a_container_looks_for_it():
    [port] = re.findall(r"const SERVE_PORT: u16 = (\d+);", (PROJECT / "examples/local/arguments.rs").read_text())
    assert SIMULATOR.endswith(f":{port}")
    named = re.findall(r"http://[^\"]+", (PROJECT / "template.yaml").read_text() + (PROJECT / "sam-local.json").read_text())
    assert set(named) == {SIMULATOR}
