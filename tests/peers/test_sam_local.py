"""`sam build` makes a package of the project, and `sam local invoke` runs it in Lambda's base image.

tests/peers/sam-local starts these tests; it sees to Docker and the image. The function is in a
container, so the simulator listens on Docker's bridge.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from processes import ACCOUNT, EVENTS, PROJECT, REGION, SAM, Simulator
from schemas import CLOSED

WORK = Path(os.environ["SAM_LOCAL_WORK"])
ARCHITECTURE = os.environ["SAM_LOCAL_ARCHITECTURE"]
# What the base image's C library can do: https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html
NEWEST_GLIBC = (2, 34)

def sam(*arguments):
    """One command of the SAM CLI, which tells nobody, asks no account and leaves nothing behind."""
    kept = ("HOME", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR", "DOCKER_HOST")
    given = {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": f"{SAM / 'bin'}:{os.environ['PATH']}",
        "__SAM_CLI_APP_DIR": str(WORK / "sam"),
        "SAM_CLI_TELEMETRY": "0",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "AKIAPEERSEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "peers/secret/access/key/EXAMPLE",
    }
    done = subprocess.run(
        [SAM / "bin" / "sam", *arguments], cwd=PROJECT, env=given, capture_output=True, text=True, timeout=1500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def package():
    """What `sam build` makes, in a folder of its own."""
    folder = WORK / "build"
    sam("build", "--build-dir", str(folder), "--parameter-overrides", f"Architecture={ARCHITECTURE}")
    return folder


@pytest.fixture
def simulator():
    with Simulator(address=os.environ["SAM_LOCAL_BRIDGE"]) as running:
        yield running


@pytest.fixture
def invoke(package, simulator, tmp_path):
    """`sam local invoke` as the README has it; returns what the function answered."""
    template = package / "template.yaml"
    text = template.read_text()
    if "AWS_ENDPOINT_URL:" not in text:
        # SAM passes on only variables that the template names.
        text = re.sub(r"^( *)COUNTERMAND_OUTCOME_SOURCE:", r"\1AWS_ENDPOINT_URL: set below\n\g<0>", text, flags=re.MULTILINE)
        template.write_text(text)
    variables = tmp_path / "env.json"
    variables.write_text(json.dumps({"Function": {
        "AWS_ENDPOINT_URL": simulator.url,
        "COUNTERMAND_OUTCOME_DESTINATION": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/outcomes",
        "COUNTERMAND_ALLOWED_TARGETS": "*",
        "COUNTERMAND_CLOUDFLOW_ENDPOINT_URL": simulator.url,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": simulator.environment["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": simulator.environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    }}))  # fmt: skip

    def run(sample):
        done = sam(
            "local", "invoke", "Function", "--template", str(template), "--region", REGION, "--skip-pull-image",
            "--parameter-overrides", f"Architecture={ARCHITECTURE}", "--env-vars", str(variables),
            "--event", str(EVENTS / f"{sample}.json"),
        )  # fmt: skip
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run


def test_the_binary_needs_no_newer_c_library_than_the_base_image_has(package):
    binary = (package / "Function" / "bootstrap").read_bytes()
    needed = {tuple(map(int, found.split(b"."))) for found in re.findall(rb"GLIBC_(2\.\d+)", binary)}
    assert needed and max(needed) <= NEWEST_GLIBC, needed


# One sample for each way in, and all three services among them; and what their requests come to.
@pytest.mark.parametrize(
    "sample, statuses",
    [
        ("sqs-mixed-batch", ["ACCEPTED", "ACCEPTED", "REJECTED", "ACCEPTED"]),
        ("eventbridge-swf-one-run", ["ACCEPTED"]),
        ("direct-cloudflow-nightly", ["ACCEPTED"]),
        ("sns-appflow-one-run", ["ACCEPTED"]),
    ],
)
def test_a_sample_is_answered_and_its_outcomes_are_published(invoke, simulator, sample, statuses):
    response = invoke(sample)
    outcomes = [json.loads(one["body"]) for one in simulator.published()]
    assert [one["status"] for one in outcomes] == statuses
    assert [error.message for one in outcomes for error in CLOSED["outcome"].iter_errors(one)] == []
    expected = {"sqs": {"batchItemFailures": []}, "sns": outcomes}.get(sample.split("-")[0], outcomes[0])
    assert response == expected


def test_a_record_that_is_denied_is_handed_back_to_its_queue(invoke, simulator):
    simulator.fault("swf.RequestCancelWorkflowExecution", "error", status=400, code="OperationNotPermittedFault")
    event = json.loads((EVENTS / "sqs-mixed-batch.json").read_text())
    assert invoke("sqs-mixed-batch") == {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["messageId"]}]}
