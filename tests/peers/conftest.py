"""What the tests share: a fresh simulator for each test, and AWS clients that know nothing else."""

import os
import subprocess

import boto3
import pytest
from botocore.config import Config

from processes import AWS_CLI, REGION, Simulator

KEYS = {"aws_access_key_id": "AKIAPEERSEXAMPLE", "aws_secret_access_key": "peers/secret/access/key/EXAMPLE"}


@pytest.fixture(scope="session", autouse=True)
def no_configuration_of_this_machine():
    """Neither profiles nor proxies decide what these tests see."""
    patch = pytest.MonkeyPatch()
    for name in [name for name in os.environ if name.startswith("AWS_") or name.upper().endswith("_PROXY")]:
        patch.delenv(name)
    patch.setenv("AWS_CONFIG_FILE", os.devnull)
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield
    patch.undo()


@pytest.fixture
def simulator():
    with Simulator() as running:
        yield running


@pytest.fixture
def aws(simulator):
    """A boto3 client of the simulator, which makes `attempts` attempts."""

    def client(service, attempts=1):
        config = Config(retries={"total_max_attempts": attempts, "mode": "standard"})
        return boto3.client(service, endpoint_url=simulator.url, region_name=REGION, config=config, **KEYS)

    return client


@pytest.fixture
def cli(simulator):
    """Runs one command of the AWS CLI against the simulator, without retries."""

    def command(*arguments):
        environment = {
            **os.environ,
            **{name.upper(): key for name, key in KEYS.items()},
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": simulator.url,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }
        return subprocess.run(
            [AWS_CLI, *arguments, "--output", "json"], env=environment, capture_output=True, text=True, timeout=120
        )

    return command
