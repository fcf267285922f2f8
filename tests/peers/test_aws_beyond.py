"""boto3 terminates and deactivates at the simulator, as its models of SWF and AppFlow have it."""

import pytest
from botocore.exceptions import ClientError

INVOICE = {"workflowId": "invoice-2041", "runId": "22wkJ8fXyV6pC1invoice2041run1"}


def refused(call, **fields):
    with pytest.raises(ClientError) as caught:
        call(**fields)
    return caught.value.response["Error"]["Code"]


def test_boto3_terminates_a_run_which_is_closed_at_once(aws):
    client = aws("swf")
    client.terminate_workflow_execution(domain="billing", **INVOICE, reason="r" * 256, childPolicy="REQUEST_CANCEL")
    told = client.describe_workflow_execution(domain="billing", execution=INVOICE)["executionInfo"]
    assert (told["executionStatus"], told["closeStatus"]) == ("CLOSED", "TERMINATED")
    assert told["startTimestamp"] < told["closeTimestamp"]
    assert refused(client.terminate_workflow_execution, domain="billing", **INVOICE) == "UnknownResourceFault"
    # The errors that its model declares have classes of their own.
    with pytest.raises(client.exceptions.UnknownResourceFault):
        client.terminate_workflow_execution(domain="billing", workflowId="nobody")


@pytest.mark.parametrize("fields", [{"reason": "r" * 257}, {"childPolicy": "KILL"}, {"domain": "d" * 257}])
def test_what_the_model_does_not_allow_is_refused(aws, fields):
    call = aws("swf").terminate_workflow_execution
    assert refused(call, **{"domain": "billing", **INVOICE, **fields}) == "ValidationException"


@pytest.mark.parametrize("status", ["Active", "Suspended", "Draft"])
def test_boto3_deactivates_a_flow_and_its_runs_go_on(aws, simulator, status):
    runs = [{"executionId": "a", "status": "InProgress"}]
    simulator.replace_world({"appflow": {"orders": {"runs": runs, "status": status}}})
    client = aws("appflow")
    answer = client.stop_flow(flowName="orders")
    assert set(answer) == {"flowArn", "flowStatus", "ResponseMetadata"}
    assert answer["flowArn"].endswith(":flow/orders")
    assert answer["flowStatus"] == ("Draft" if status == "Draft" else "Suspended")
    [record] = client.describe_flow_execution_records(flowName="orders")["flowExecutions"]
    assert record["executionStatus"] == "InProgress"


def test_a_flow_on_demand_is_not_deactivated(aws, simulator):
    simulator.replace_world({"appflow": {"orders": {"runs": [], "trigger": "OnDemand"}}})
    client = aws("appflow")
    with pytest.raises(client.exceptions.UnsupportedOperationException):
        client.stop_flow(flowName="orders")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.stop_flow(flowName="nobody")
