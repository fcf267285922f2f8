"""The official Alibaba Cloud client against the simulator.

It signs as it does in production, with RPC signature 1.0, and once with ACS3, which the same
client's core signs for the products that have moved on. That the simulator accepts its signatures,
and no others, is what makes the simulator a judge of the function's own signer.
"""

import threading
import time
from datetime import datetime

import pytest
from alibabacloud_fnf20190315.client import Client
from alibabacloud_fnf20190315.models import DescribeExecutionRequest, StopExecutionRequest
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException, ThrottlingException
from alibabacloud_tea_openapi.utils_models import Config

from processes import until

STOP = "cloudflow.StopExecution"
DESCRIBE = "cloudflow.DescribeExecution"
RUNNING = {"flow_name": "etl", "execution_name": "nightly-2025-11-20"}


def connect(simulator, acs3=False, key_id=None, secret=None):
    environment = simulator.environment
    client = Client(
        Config(
            access_key_id=key_id or environment["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            access_key_secret=secret or environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            region_id=environment["ALIBABA_CLOUD_REGION_ID"],
            endpoint=simulator.url.removeprefix("http://"),
            protocol="HTTP",
        )
    )
    if acs3:
        # What the core signs with where a product's client does not hold it back at RPC 1.0.
        client._signature_algorithm = "ACS3-HMAC-SHA256"
    return client


def stop(simulator, acs3=False, key_id=None, secret=None, **fields):
    return connect(simulator, acs3, key_id, secret).stop_execution(StopExecutionRequest(**fields))


def describe(simulator, acs3=False, secret=None, **fields):
    return connect(simulator, acs3, secret=secret).describe_execution(DescribeExecutionRequest(**fields))


def status(simulator, name):
    [execution] = [one for one in simulator.world()["cloudflow"]["etl"]["executions"] if one["name"] == name]
    return execution["status"]


@pytest.mark.parametrize(("acs3", "signature"), [(False, "HMAC-SHA1"), (True, "ACS3-HMAC-SHA256")], ids=["rpc", "acs3"])
def test_its_signature_verifies_and_the_execution_stops(simulator, acs3, signature):
    cause = "the source tables + their views are being reloaded: 100 % * \u5168\u90e8 ~"
    reply = stop(simulator, acs3=acs3, cause=cause, error="SourceReload", **RUNNING)
    assert reply.status_code == 200
    assert (reply.body.flow_name, reply.body.name, reply.body.status) == ("etl", "nightly-2025-11-20", "Stopped")
    assert reply.body.request_id
    assert datetime.fromisoformat(reply.body.started_time) < datetime.fromisoformat(reply.body.stopped_time)
    assert status(simulator, "nightly-2025-11-20") == "Stopped"
    [call] = simulator.ledger(STOP)
    assert (call["status"], call["signature"]) == (200, signature)
    expected = {
        "FlowName": "etl", "ExecutionName": "nightly-2025-11-20", "Cause": cause, "Error": "SourceReload"
    }  # fmt: skip
    assert {name: call["request"].get(name) for name in expected} == expected


@pytest.mark.parametrize("acs3", [False, True], ids=["rpc", "acs3"])
def test_a_wrong_secret_is_refused(simulator, acs3):
    with pytest.raises(ClientException) as error:
        stop(simulator, acs3=acs3, secret="not-the-secret", **RUNNING)
    assert (error.value.code, error.value.status_code) == ("SignatureDoesNotMatch", 400)
    assert status(simulator, "nightly-2025-11-20") == "Running"


@pytest.mark.parametrize("acs3", [False, True], ids=["rpc", "acs3"])
def test_an_unknown_key_is_refused_with_a_404_that_is_no_missing_execution(simulator, acs3):
    with pytest.raises(ClientException) as error:
        stop(simulator, acs3=acs3, key_id="LTAI5tNobody", **RUNNING)
    assert (error.value.code, error.value.status_code) == ("InvalidAccessKeyId.NotFound", 404)
    assert status(simulator, "nightly-2025-11-20") == "Running"


@pytest.mark.parametrize(
    ("flow", "execution", "code", "http_status"),
    [
        ("etl", "never-was", "ExecutionNotExists", 404),
        ("nobody", "hourly-7", "FlowNotExists", 404),
        ("etl", "nightly-2025-11-19", "ExecutionAlreadyCompleted", 400),
        ("etl", "7-hourly", "InvalidArgument", 400),
    ],
    ids=["execution", "flow", "completed", "name"],
)
def test_it_raises_the_documented_errors(simulator, flow, execution, code, http_status):
    with pytest.raises(ClientException) as error:
        stop(simulator, flow_name=flow, execution_name=execution)
    assert (error.value.code, error.value.status_code) == (code, http_status)
    # The whole body, as the service documents it.
    assert error.value.data["Code"] == code
    assert error.value.data["RequestId"] and error.value.data["HostId"] and error.value.data["Message"]


def test_an_empty_cause_is_refused(simulator):
    with pytest.raises(ClientException) as error:
        stop(simulator, cause="", **RUNNING)
    assert error.value.code == "InvalidArgument"
    assert status(simulator, "nightly-2025-11-20") == "Running"


def test_it_raises_throttling_and_reads_how_long_to_wait(simulator):
    simulator.fault(STOP, "throttle", retryAfterMs=250)
    with pytest.raises(ThrottlingException) as error:
        stop(simulator, **RUNNING)
    assert (error.value.code, error.value.status_code) == ("ResourceThrottled", 429)
    assert error.value.retry_after == 250
    assert status(simulator, "nightly-2025-11-20") == "Running"


def test_it_raises_a_server_exception_for_a_5xx(simulator):
    simulator.fault(STOP, "error", status=500, code="InternalServerError")
    with pytest.raises(ServerException) as error:
        stop(simulator, **RUNNING)
    assert (error.value.code, error.value.status_code) == ("InternalServerError", 500)


# DescribeExecution, everything of which is in the query of a GET


@pytest.mark.parametrize(("acs3", "signature"), [(False, "HMAC-SHA1"), (True, "ACS3-HMAC-SHA256")], ids=["rpc", "acs3"])
def test_it_describes_an_execution(simulator, acs3, signature):
    fields = {"flow_name": "etl", "execution_name": "nightly-2025-11-19", "wait_time_seconds": 20}
    reply = describe(simulator, acs3=acs3, **fields)
    assert reply.status_code == 200
    assert (reply.body.flow_name, reply.body.name, reply.body.status) == ("etl", "nightly-2025-11-19", "Succeeded")
    assert reply.body.started_time == "2025-11-19T01:00:00.087Z"
    assert reply.body.stopped_time == "2025-11-19T02:14:31.502Z"
    assert reply.body.request_id and reply.body.flow_definition and reply.body.input and reply.body.output
    assert reply.body.environment.variables[0].name == "confidential"
    [call] = simulator.ledger(DESCRIBE)
    assert (call["status"], call["signature"]) == (200, signature)
    # What was asked, without what only signs it.
    expected = {"FlowName": "etl", "ExecutionName": "nightly-2025-11-19", "WaitTimeSeconds": "20"}
    assert call["request"] == expected


def test_a_running_execution_has_neither_an_end_nor_an_output(simulator):
    body = describe(simulator, **RUNNING).body
    assert (body.status, body.stopped_time, body.output) == ("Running", None, None)
    stop(simulator, **RUNNING)
    body = describe(simulator, **RUNNING).body
    assert body.status == "Stopped"
    assert datetime.fromisoformat(body.started_time) < datetime.fromisoformat(body.stopped_time)


def test_it_waits_until_the_execution_ends(simulator):
    replies = []
    waiting = threading.Thread(target=lambda: replies.append(describe(simulator, wait_time_seconds=60, **RUNNING)))
    began = time.monotonic()
    waiting.start()
    until(lambda: simulator.ledger(DESCRIBE), "the call that waits")
    stop(simulator, **RUNNING)
    waiting.join(timeout=50)
    assert [reply.body.status for reply in replies] == ["Stopped"]
    assert time.monotonic() - began < 50


@pytest.mark.parametrize("acs3", [False, True], ids=["rpc", "acs3"])
def test_a_description_needs_the_right_secret_too(simulator, acs3):
    with pytest.raises(ClientException) as error:
        describe(simulator, acs3=acs3, secret="not-the-secret", **RUNNING)
    assert error.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("fields", "code", "http_status"),
    [
        ({"execution_name": "never-was", "flow_name": "etl"}, "ExecutionNotExists", 404),
        ({"execution_name": "hourly-7", "flow_name": "nobody"}, "FlowNotExists", 404),
        ({"flow_name": "etl"}, "MissingRequiredParams", 400),
        ({**RUNNING, "wait_time_seconds": 61}, "InvalidArgument", 400),
    ],
    ids=["execution", "flow", "no name", "too long a wait"],
)
def test_a_description_raises_the_documented_errors(simulator, fields, code, http_status):
    with pytest.raises(ClientException) as error:
        describe(simulator, **fields)
    assert (error.value.code, error.value.status_code) == (code, http_status)
