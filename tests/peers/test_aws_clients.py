"""boto3 and the AWS CLI against the simulator: what they document is what arrives.

The simulator stands for AWS's services in every other test of this project. Here it is the one
that is tested, by clients whose authors never saw it.
"""

import json

import pytest
from botocore.exceptions import ClientError

CANCEL_RUNS = "appflow.CancelFlowExecutions"
CANCEL_WORKFLOW = "swf.RequestCancelWorkflowExecution"
OPEN_WORKFLOW = {"domain": "billing", "workflowId": "invoice-2041"}
STOP_EXECUTION = "stepfunctions.StopExecution"
RUNNING_EXECUTION = {"executionArn": "arn:aws:states:us-east-1:111122223333:execution:fulfillment:order-2041"}


def runs(simulator, flow):
    return {run["executionId"]: run["status"] for run in simulator.world()["appflow"][flow]["runs"]}


def cancel_requested(simulator):
    executions = simulator.world()["swf"]["billing"]["executions"]
    return {one["workflowId"]: one["cancelRequested"] for one in executions}


def refused(client_error):
    """What the caller of boto3 sees of an error: its code, its HTTP status, its message."""
    response = client_error.value.response
    assert response["ResponseMetadata"]["RequestId"]
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


# AppFlow by boto3


def test_boto3_is_told_which_runs_could_not_be_canceled(aws, simulator):
    answer = aws("appflow").cancel_flow_executions(flowName="orders", executionIds=["run-1", "run-3", "never-was"])
    assert answer["invalidExecutions"] == ["run-3", "never-was"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    [call] = simulator.ledger(CANCEL_RUNS)
    assert call["request"] == {"flowName": "orders", "executionIds": ["run-1", "run-3", "never-was"]}
    expected = {"run-1": "CancelStarted", "run-2": "InProgress", "run-3": "Successful", "run-4": "Canceled"}
    assert runs(simulator, "orders") == expected


def test_boto3_cancels_all_active_runs_where_no_ids_are_given(aws, simulator):
    answer = aws("appflow").cancel_flow_executions(flowName="stock")
    assert not answer.get("invalidExecutions")
    assert runs(simulator, "stock") == {"stock-1": "CancelStarted", "stock-2": "CancelStarted"}
    assert runs(simulator, "orders")["run-1"] == "InProgress"


def test_boto3_raises_resource_not_found_for_an_unknown_flow(aws):
    client = aws("appflow")
    with pytest.raises(client.exceptions.ResourceNotFoundException) as error:
        client.cancel_flow_executions(flowName="nobody")
    code, status, message = refused(error)
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert "nobody" in message


@pytest.mark.parametrize(
    "request_fields",
    [{"flowName": "!!"}, {"flowName": "orders", "executionIds": [f"run-{n}" for n in range(101)]}],
    ids=["flow name", "101 ids"],
)
def test_boto3_raises_validation_exception_for_what_the_model_forbids(aws, simulator, request_fields):
    client = aws("appflow")
    with pytest.raises(client.exceptions.ValidationException) as error:
        client.cancel_flow_executions(**request_fields)
    assert refused(error)[:2] == ("ValidationException", 400)
    assert runs(simulator, "orders")["run-1"] == "InProgress"


def test_boto3_raises_throttling_exception_from_appflow(aws, simulator):
    simulator.fault(CANCEL_RUNS, "throttle")
    client = aws("appflow")
    with pytest.raises(client.exceptions.ThrottlingException) as error:
        client.cancel_flow_executions(flowName="orders")
    assert refused(error)[:2] == ("ThrottlingException", 429)
    assert runs(simulator, "orders")["run-1"] == "InProgress"


@pytest.mark.parametrize(("code", "status"), [("AccessDeniedException", 403), ("InternalServerException", 500)])
def test_boto3_raises_the_other_modeled_errors_of_appflow(aws, simulator, code, status):
    simulator.fault(CANCEL_RUNS, "error", status=status, code=code, message="so it is")
    client = aws("appflow")
    with pytest.raises(getattr(client.exceptions, code)) as error:
        client.cancel_flow_executions(flowName="orders")
    assert refused(error) == (code, status, "so it is")


# SWF by boto3


def test_boto3_requests_the_cancel_of_the_current_run(aws, simulator):
    answer = aws("swf").request_cancel_workflow_execution(**OPEN_WORKFLOW)
    assert set(answer) == {"ResponseMetadata"}
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert [name for name, requested in cancel_requested(simulator).items() if requested] == ["invoice-2041"]


def test_boto3_requests_the_cancel_of_a_named_run(aws, simulator):
    run_id = "22wkJ8fXyV6pC1invoice2042run1"
    aws("swf").request_cancel_workflow_execution(domain="billing", workflowId="invoice-2042", runId=run_id)
    [call] = simulator.ledger(CANCEL_WORKFLOW)
    assert call["request"] == {"domain": "billing", "workflowId": "invoice-2042", "runId": run_id}
    assert cancel_requested(simulator)["invoice-2042"]


@pytest.mark.parametrize(
    ("request_fields", "message"),
    [
        ({"domain": "nowhere", "workflowId": "invoice-2041"}, "Unknown domain: nowhere"),
        ({"domain": "billing", "workflowId": "invoice-1999"}, "Unknown execution, workflowId = invoice-1999"),
        (
            {**OPEN_WORKFLOW, "runId": "another"},
            "Unknown execution: WorkflowExecution=[workflowId=invoice-2041, runId=another]",
        ),
    ],
    ids=["domain", "closed workflow", "run"],
)
def test_boto3_raises_unknown_resource_fault(aws, request_fields, message):
    client = aws("swf")
    with pytest.raises(client.exceptions.UnknownResourceFault) as error:
        client.request_cancel_workflow_execution(**request_fields)
    assert refused(error) == ("UnknownResourceFault", 400, message)


def test_boto3_raises_operation_not_permitted_fault(aws, simulator):
    simulator.fault(CANCEL_WORKFLOW, "error", status=400, code="OperationNotPermittedFault")
    client = aws("swf")
    with pytest.raises(client.exceptions.OperationNotPermittedFault) as error:
        client.request_cancel_workflow_execution(**OPEN_WORKFLOW)
    assert refused(error)[:2] == ("OperationNotPermittedFault", 400)
    assert not cancel_requested(simulator)["invoice-2041"]


def test_boto3_reads_the_throttling_that_swf_does_not_model(aws, simulator):
    simulator.fault(CANCEL_WORKFLOW, "throttle")
    with pytest.raises(ClientError) as error:
        aws("swf").request_cancel_workflow_execution(**OPEN_WORKFLOW)
    assert refused(error) == ("ThrottlingException", 400, "Rate exceeded")
    assert not cancel_requested(simulator)["invoice-2041"]


@pytest.mark.parametrize(
    ("service", "operation", "method", "request_fields"),
    [
        ("appflow", CANCEL_RUNS, "cancel_flow_executions", {"flowName": "orders"}),
        ("swf", CANCEL_WORKFLOW, "request_cancel_workflow_execution", OPEN_WORKFLOW),
        ("stepfunctions", STOP_EXECUTION, "stop_execution", RUNNING_EXECUTION),
    ],
    ids=["appflow", "swf", "stepfunctions"],
)
def test_boto3_knows_throttling_when_it_sees_it_and_tries_again(
    aws, simulator, service, operation, method, request_fields
):
    simulator.fault(operation, "throttle")
    answer = getattr(aws(service, attempts=2), method)(**request_fields)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    assert [call.get("code") for call in simulator.ledger(operation)] == ["ThrottlingException", None]


# Step Functions by boto3


def test_boto3_stops_an_execution_and_reads_when(aws, simulator):
    client = aws("stepfunctions")
    stopped = client.stop_execution(**RUNNING_EXECUTION, cause="why", error="Withdrawn")
    described = client.describe_execution(**RUNNING_EXECUTION, includedData="METADATA_ONLY")
    assert (described["status"], described["stopDate"]) == ("ABORTED", stopped["stopDate"])
    assert "input" not in described and "input" in client.describe_execution(**RUNNING_EXECUTION)
    assert client.stop_execution(**RUNNING_EXECUTION)["stopDate"] == stopped["stopDate"]
    assert simulator.ledger(STOP_EXECUTION)[0]["request"] == {**RUNNING_EXECUTION, "cause": "why", "error": "Withdrawn"}


@pytest.mark.parametrize("operation", ["stop_execution", "describe_execution"])
def test_boto3_raises_what_step_functions_refuses(aws, operation):
    client = aws("stepfunctions")
    with pytest.raises(client.exceptions.ExecutionDoesNotExist) as error:
        getattr(client, operation)(executionArn=RUNNING_EXECUTION["executionArn"] + "-other")
    assert refused(error)[:2] == ("ExecutionDoesNotExist", 400)
    with pytest.raises(client.exceptions.InvalidArn) as error:
        getattr(client, operation)(executionArn="order-2041")
    assert refused(error)[:2] == ("InvalidArn", 400)


# The AWS CLI


def test_the_cli_prints_the_runs_that_could_not_be_canceled(cli, simulator):
    done = cli("appflow", "cancel-flow-executions", "--flow-name", "orders", "--execution-ids", "run-2", "run-4")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"invalidExecutions": ["run-4"]}
    assert runs(simulator, "orders")["run-2"] == "CancelStarted"


def test_the_cli_reads_a_cancel_from_a_json_file(cli, simulator, tmp_path):
    request = {"flowName": "stock", "executionIds": ["stock-1"]}
    file = tmp_path / "cancel.json"
    file.write_text(json.dumps(request))
    done = cli("appflow", "cancel-flow-executions", "--cli-input-json", f"file://{file}")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"invalidExecutions": []}
    assert simulator.ledger(CANCEL_RUNS)[0]["request"] == request
    assert runs(simulator, "stock") == {"stock-1": "CancelStarted", "stock-2": "InProgress"}


def test_the_cli_prints_nothing_where_swf_took_the_request(cli, simulator):
    done = cli("swf", "request-cancel-workflow-execution", "--domain", "billing", "--workflow-id", "invoice-2041")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert cancel_requested(simulator)["invoice-2041"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("appflow", "cancel-flow-executions", "--flow-name", "nobody"),
            "An error occurred (ResourceNotFoundException) when calling the CancelFlowExecutions operation",
        ),
        (
            ("swf", "request-cancel-workflow-execution", "--domain", "billing", "--workflow-id", "invoice-1999"),
            "An error occurred (UnknownResourceFault) when calling the RequestCancelWorkflowExecution operation: "
            "Unknown execution, workflowId = invoice-1999",
        ),
        (
            ("stepfunctions", "stop-execution", "--execution-arn", "order-2041"),
            "An error occurred (InvalidArn) when calling the StopExecution operation: Invalid Arn: 'order-2041'",
        ),
    ],
    ids=["appflow", "swf", "stepfunctions"],
)
def test_the_cli_reports_a_service_error_with_its_code(cli, arguments, expected):
    done = cli(*arguments)
    assert done.returncode not in (0, None)
    assert done.stdout == ""
    assert expected in done.stderr


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        (CANCEL_RUNS, ("appflow", "cancel-flow-executions", "--flow-name", "stock")),
        (
            CANCEL_WORKFLOW,
            ("swf", "request-cancel-workflow-execution", "--domain", "billing", "--workflow-id", "invoice-2041"),
        ),
        (STOP_EXECUTION, ("stepfunctions", "stop-execution", "--execution-arn", RUNNING_EXECUTION["executionArn"])),
    ],
    ids=["appflow", "swf", "stepfunctions"],
)
def test_the_cli_reports_throttling(cli, simulator, operation, arguments):
    simulator.fault(operation, "throttle")
    done = cli(*arguments)
    assert done.returncode not in (0, None)
    assert "An error occurred (ThrottlingException)" in done.stderr
    assert "Rate exceeded" in done.stderr
