"""boto3 and the AWS CLI read what AppFlow and SWF know of their runs, and boto3 a secret.

The simulator answers what the function's look-ups ask. That these clients find every field where
their models expect it, and that their paginators come to an end, is what makes it a stand-in.
"""

import json
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from processes import until

RECORDS = "appflow.DescribeFlowExecutionRecords"
REMINDERS = ["22wkJ8fXyV6pC1remindersrun1", "22wkJ8fXyV6pC1remindersrun2"]
EVER = {"oldestDate": datetime(2020, 1, 1, tzinfo=timezone.utc)}
INVOICE = {"workflowId": "invoice-2041", "runId": "22wkJ8fXyV6pC1invoice2041run1"}


def moment(text):
    return datetime.fromisoformat(text)


def written(number):
    """A time in the simulator's world, so many minutes after ten."""
    return f"2025-11-20T10:{number:02}:00.250Z"


@pytest.fixture
def crowd(simulator):
    """Seven runs of a flow and of a workflow, on pages of at most three."""
    runs = [{"executionId": f"id-{n}", "status": "InProgress", "startedAt": written(n)} for n in range(7)]
    closed = [
        {
            "workflowId": "w", "runId": f"run-{n}", "status": "CLOSED", "closeStatus": "CONTINUED_AS_NEW",
            "startedAt": written(n), "closedAt": written(n + 1),
        }
        for n in range(6)
    ]  # fmt: skip
    opened = {"workflowId": "w", "runId": "run-6", "status": "OPEN", "startedAt": written(6)}
    others = [{"workflowId": f"v-{n}", "runId": "v", "status": "OPEN", "startedAt": written(7 + n)} for n in range(6)]
    world = {
        "appflow": {"big": {"runs": runs}},
        "swf": {"d": {"executions": [*closed, opened, *others]}},
        "mostPerPage": 3,
    }
    simulator.replace_world(world)
    return world


def run_ids(pages):
    return [info["execution"]["runId"] for page in pages for info in page["executionInfos"]]


# AppFlow by boto3


def test_boto3_reads_the_records_of_a_flow(aws):
    answer = aws("appflow").describe_flow_execution_records(flowName="orders")
    assert set(answer) == {"flowExecutions", "ResponseMetadata"}
    records = {record["executionId"]: record for record in answer["flowExecutions"]}
    assert list(records) == ["run-2", "run-1", "run-3", "run-4"]
    statuses = [record["executionStatus"] for record in records.values()]
    assert statuses == ["InProgress", "InProgress", "Successful", "Canceled"]
    assert set(records["run-1"]) == {"executionId", "executionStatus", "startedAt", "lastUpdatedAt"}
    assert records["run-1"]["startedAt"] == moment("2025-11-20T00:40:00.314Z")
    assert records["run-3"]["lastUpdatedAt"] == moment("2025-11-19T23:46:51.840Z")
    assert records["run-3"]["executionResult"]["recordsProcessed"] == 412


def test_boto3_reads_what_went_wrong_in_a_run(aws, simulator):
    simulator.replace_world({"appflow": {"orders": {"runs": [{"executionId": "a", "status": "Error"}]}}})
    [record] = aws("appflow").describe_flow_execution_records(flowName="orders")["flowExecutions"]
    assert record["executionResult"]["errorInfo"]["putFailuresCount"] == 3
    assert record["startedAt"] < record["lastUpdatedAt"]


def test_a_cancel_shows_in_the_records(aws):
    client = aws("appflow")
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    client.cancel_flow_executions(flowName="orders", executionIds=["run-1"])
    records = client.describe_flow_execution_records(flowName="orders", maxResults=100)["flowExecutions"]
    [record] = [record for record in records if record["executionId"] == "run-1"]
    assert record["executionStatus"] == "CancelStarted"
    assert record["startedAt"] < before < record["lastUpdatedAt"]


def pages_of_records(client, **fields):
    """Every page, as boto3 has no paginator for this operation."""
    while True:
        page = client.describe_flow_execution_records(**fields)
        yield [record["executionId"] for record in page["flowExecutions"]]
        if "nextToken" not in page:
            return
        fields["nextToken"] = page["nextToken"]


@pytest.mark.parametrize(
    ("most", "sizes"), [({}, [3, 3, 1]), ({"maxResults": 2}, [2, 2, 2, 1]), ({"maxResults": 100}, [3, 3, 1])]
)
def test_boto3_reads_the_records_to_the_last_page(aws, crowd, most, sizes):
    pages = list(pages_of_records(aws("appflow"), flowName="big", **most))
    assert [len(page) for page in pages] == sizes
    assert sum(pages, []) == [f"id-{n}" for n in reversed(range(7))]


def test_the_order_of_the_records_is_the_world_s(aws, simulator, crowd):
    simulator.replace_world({**crowd, "appflowRecordsOrder": "shuffled"})
    ids = sum(pages_of_records(aws("appflow"), flowName="big"), [])
    in_order = [f"id-{n}" for n in range(7)]
    assert sorted(ids) == in_order
    assert ids not in (in_order, in_order[::-1])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"flowName": "nobody"}, "ResourceNotFoundException"),
        ({"flowName": "orders", "nextToken": "never-given"}, "ValidationException"),
        ({"flowName": "orders", "maxResults": 101}, "ValidationException"),
        ({"flowName": "!!"}, "ValidationException"),
    ],
    ids=["flow", "token", "page size", "flow name"],
)
def test_boto3_raises_what_appflow_models(aws, fields, code):
    client = aws("appflow")
    with pytest.raises(getattr(client.exceptions, code)):
        client.describe_flow_execution_records(**fields)


def test_a_token_of_another_flow_is_refused(aws):
    client = aws("appflow")
    token = client.describe_flow_execution_records(flowName="orders", maxResults=1)["nextToken"]
    with pytest.raises(client.exceptions.ValidationException):
        client.describe_flow_execution_records(flowName="stock", nextToken=token)


def test_boto3_reads_the_throttling_that_the_records_do_not_model(aws, simulator):
    simulator.fault(RECORDS, "throttle")
    with pytest.raises(ClientError) as error:
        aws("appflow").describe_flow_execution_records(flowName="orders")
    assert error.value.response["Error"]["Code"] == "ThrottlingException"


# SWF by boto3


def test_boto3_describes_an_open_run(aws):
    client = aws("swf")
    client.request_cancel_workflow_execution(domain="billing", workflowId="invoice-2041")
    answer = client.describe_workflow_execution(domain="billing", execution=INVOICE)
    assert answer["executionInfo"] == {
        "execution": INVOICE,
        "workflowType": {"name": "workflow", "version": "1.0"},
        "startTimestamp": moment("2025-11-20T00:31:12.067Z"),
        "executionStatus": "OPEN",
        "cancelRequested": True,
    }
    assert answer["executionConfiguration"]["childPolicy"] == "REQUEST_CANCEL"
    assert answer["executionConfiguration"]["taskList"] == {"name": "deciders"}
    assert answer["openCounts"]["openActivityTasks"] == 1


def test_boto3_describes_a_closed_run(aws):
    execution = {"workflowId": "reminders", "runId": REMINDERS[0]}
    info = aws("swf").describe_workflow_execution(domain="billing", execution=execution)["executionInfo"]
    assert (info["executionStatus"], info["closeStatus"]) == ("CLOSED", "CONTINUED_AS_NEW")
    assert info["closeTimestamp"] == moment("2025-11-20T01:05:00.480Z")


# A request is followed to its end by these reads: what a run is in the meantime, and how it ended.


def world_that_takes(milliseconds, **workflow):
    """A run and a workflow that end so long after they were asked to."""
    opened = {"workflowId": "w", "runId": "r", "status": "OPEN", **workflow}
    return {
        "settleAfterMs": milliseconds,
        "appflow": {"orders": {"runs": [{"executionId": "a", "status": "InProgress"}]}},
        "swf": {"d": {"executions": [opened]}},
    }


def described(client):
    execution = {"workflowId": "w", "runId": "r"}
    info = client.describe_workflow_execution(domain="d", execution=execution)["executionInfo"]
    return info["executionStatus"], info["cancelRequested"], info.get("closeStatus")


def test_a_workflow_is_canceling_until_its_decider_closes_it(aws, simulator):
    simulator.replace_world(world_that_takes(1_500))
    client = aws("swf")
    assert described(client) == ("OPEN", False, None)
    client.request_cancel_workflow_execution(domain="d", workflowId="w", runId="r")
    assert described(client) == ("OPEN", True, None)
    until(lambda: described(client)[0] == "CLOSED", "the decider")
    assert described(client) == ("CLOSED", True, "CANCELED")


def test_a_decider_that_ignores_the_request_goes_on(aws, simulator):
    simulator.replace_world(world_that_takes(0, ignoresCancel=True))
    client = aws("swf")
    for _ in range(2):
        client.request_cancel_workflow_execution(domain="d", workflowId="w", runId="r")
        assert described(client) == ("OPEN", True, None)
    assert client.describe_workflow_execution(
        domain="d", execution={"workflowId": "w", "runId": "r"}
    )["executionInfo"].get("closeTimestamp") is None


@pytest.mark.parametrize("close_status", ["COMPLETED", "FAILED", "CANCELED", "TERMINATED", "CONTINUED_AS_NEW", "TIMED_OUT"])
def test_boto3_reads_how_a_workflow_closed(aws, simulator, close_status):
    simulator.replace_world(world_that_takes(0, status="CLOSED", closeStatus=close_status, cancelRequested=True))
    assert described(aws("swf")) == ("CLOSED", True, close_status)


def test_a_run_is_canceling_until_it_is_canceled(aws, simulator):
    simulator.replace_world(world_that_takes(1_500))
    client = aws("appflow")

    def record():
        [record] = client.describe_flow_execution_records(flowName="orders", maxResults=100)["flowExecutions"]
        return record

    assert record()["executionStatus"] == "InProgress"
    client.cancel_flow_executions(flowName="orders", executionIds=["a"])
    started = record()
    assert started["executionStatus"] == "CancelStarted"
    until(lambda: record()["executionStatus"] == "Canceled", "the run's end")
    assert record()["lastUpdatedAt"] > started["lastUpdatedAt"]


@pytest.mark.parametrize("status", ["InProgress", "Successful", "Error", "CancelStarted", "Canceled"])
def test_boto3_reads_every_status_of_a_run(aws, simulator, status):
    assert status in aws("appflow").meta.service_model.shape_for("ExecutionStatus").enum
    simulator.replace_world({"appflow": {"orders": {"runs": [{"executionId": "a", "status": status}]}}})
    [record] = aws("appflow").describe_flow_execution_records(flowName="orders")["flowExecutions"]
    assert record["executionStatus"] == status


@pytest.mark.parametrize(
    ("domain", "run_id", "message"),
    [
        ("nowhere", "r", "Unknown domain: nowhere"),
        ("billing", "r", "Unknown execution: WorkflowExecution=[workflowId=invoice-2041, runId=r]"),
    ],
    ids=["domain", "run"],
)
def test_boto3_raises_unknown_resource_fault_for_a_run_that_is_not_there(aws, domain, run_id, message):
    client = aws("swf")
    with pytest.raises(client.exceptions.UnknownResourceFault) as error:
        client.describe_workflow_execution(domain=domain, execution={**INVOICE, "runId": run_id})
    assert error.value.response["Error"]["Message"] == message


def test_the_paginators_of_boto3_come_to_an_end(aws, simulator, crowd):
    client = aws("swf")
    closed = client.get_paginator("list_closed_workflow_executions")
    pages = list(closed.paginate(domain="d", closeTimeFilter=EVER, executionFilter={"workflowId": "w"}))
    assert [len(page["executionInfos"]) for page in pages] == [3, 3]
    assert run_ids(pages) == [f"run-{n}" for n in reversed(range(6))]
    assert {info["closeStatus"] for page in pages for info in page["executionInfos"]} == {"CONTINUED_AS_NEW"}
    opened = client.get_paginator("list_open_workflow_executions")
    pages = list(opened.paginate(domain="d", startTimeFilter=EVER, PaginationConfig={"PageSize": 2}))
    assert [len(page["executionInfos"]) for page in pages] == [2, 2, 2, 1]
    assert run_ids(pages)[-1] == "run-6"
    assert [call["status"] for call in simulator.ledger("swf.ListOpenWorkflowExecutions")] == [200] * 4


def test_a_continued_workflow_ends_as_its_next_run_starts(aws):
    client = aws("swf")
    asked = {"domain": "billing", "startTimeFilter": EVER, "executionFilter": {"workflowId": "reminders"}}
    [closed] = client.list_closed_workflow_executions(**asked)["executionInfos"]
    [opened] = client.list_open_workflow_executions(**asked)["executionInfos"]
    assert [one["execution"]["runId"] for one in (closed, opened)] == REMINDERS
    assert closed["closeTimestamp"] == opened["startTimestamp"]


def test_the_filters_of_the_lists(aws, crowd):
    def closed(**filters):
        return run_ids([aws("swf").list_closed_workflow_executions(domain="d", **filters)])

    middle = {"oldestDate": moment(written(2)), "latestDate": moment(written(4))}
    assert closed(startTimeFilter=middle) == ["run-4", "run-3", "run-2"]
    assert closed(closeTimeFilter=middle, reverseOrder=True) == ["run-1", "run-2", "run-3"]
    assert closed(closeTimeFilter=EVER, closeStatusFilter={"status": "FAILED"}) == []
    assert closed(closeTimeFilter=EVER, typeFilter={"name": "workflow"}) == ["run-5", "run-4", "run-3"]
    assert closed(closeTimeFilter=EVER, tagFilter={"tag": "none"}) == []


@pytest.mark.parametrize(
    ("method", "fields", "code"),
    [
        ("list_open_workflow_executions", {"domain": "nowhere", "startTimeFilter": EVER}, "UnknownResourceFault"),
        ("list_closed_workflow_executions", {"domain": "nowhere", "closeTimeFilter": EVER}, "UnknownResourceFault"),
        ("list_closed_workflow_executions", {"domain": "billing"}, "ValidationException"),
        (
            "list_closed_workflow_executions",
            {"domain": "billing", "startTimeFilter": EVER, "closeTimeFilter": EVER},
            "ValidationException",
        ),
        (
            "list_open_workflow_executions",
            {
                "domain": "billing", "startTimeFilter": EVER,
                "executionFilter": {"workflowId": "w"}, "tagFilter": {"tag": "t"},
            },
            "ValidationException",
        ),
        (
            "list_open_workflow_executions",
            {"domain": "billing", "startTimeFilter": EVER, "nextPageToken": "never-given"},
            "ValidationException",
        ),
    ],
    ids=["open, domain", "closed, domain", "no time", "two times", "two filters", "token"],
)  # fmt: skip
def test_boto3_raises_what_swf_refuses(aws, method, fields, code):
    with pytest.raises(ClientError) as error:
        getattr(aws("swf"), method)(**fields)
    response = error.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, 400)


# Secrets Manager by boto3


def test_boto3_reads_a_secret_as_it_is_rotated(aws, simulator):
    arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:team/cloudflow-a1B2c3"
    simulator.replace_world({"secrets": {arn: ["first", "second"]}})
    client = aws("secretsmanager")
    answers = [client.get_secret_value(SecretId=arn) for _ in range(3)]
    assert [answer["SecretString"] for answer in answers] == ["first", "second", "second"]
    assert (answers[0]["ARN"], answers[0]["Name"]) == (arn, "team/cloudflow")
    assert answers[0]["VersionStages"] == ["AWSCURRENT"]
    assert answers[0]["CreatedDate"] < datetime.now(timezone.utc)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_secret_value(SecretId=arn + "x")


def test_boto3_reads_what_keeps_a_secret(aws, simulator):
    for kind, fields, code in [
        ("throttle", {}, "ThrottlingException"),
        ("error", {"status": 400, "code": "AccessDeniedException"}, "AccessDeniedException"),
    ]:
        simulator.fault("secretsmanager.GetSecretValue", kind, **fields)
        with pytest.raises(ClientError) as error:
            aws("secretsmanager").get_secret_value(SecretId="any")
        assert error.value.response["Error"]["Code"] == code


# The AWS CLI


def printed(done):
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_cli_prints_the_records(cli):
    answer = printed(cli("appflow", "describe-flow-execution-records", "--flow-name", "orders", "--max-results", "1"))
    [record] = answer["flowExecutions"]
    assert (record["executionId"], record["executionStatus"]) == ("run-2", "InProgress")
    # The CLI leaves times as they came.
    assert record["startedAt"] == moment("2025-11-20T00:55:00.127Z").timestamp()
    assert answer["nextToken"]


def test_the_cli_prints_a_run(cli):
    execution = ",".join(f"{name}={value}" for name, value in INVOICE.items())
    answer = printed(cli("swf", "describe-workflow-execution", "--domain", "billing", "--execution", execution))
    assert answer["executionInfo"]["execution"] == INVOICE
    assert answer["executionInfo"]["executionStatus"] == "OPEN"


@pytest.mark.parametrize(
    ("command", "operation", "filter_name", "pages", "expected"),
    [
        (
            "list-open-workflow-executions", "swf.ListOpenWorkflowExecutions", "--start-time-filter",
            3, ["v", "v", "v", "v", "v", "v", "run-6"],
        ),
        (
            "list-closed-workflow-executions", "swf.ListClosedWorkflowExecutions", "--close-time-filter",
            2, [f"run-{n}" for n in reversed(range(6))],
        ),
    ],
    ids=["open", "closed"],
)  # fmt: skip
def test_the_cli_prints_the_runs_of_all_pages(cli, simulator, crowd, command, operation, filter_name, pages, expected):
    answer = printed(cli("swf", command, "--domain", "d", filter_name, "oldestDate=2020-01-01T00:00:00Z"))
    assert run_ids([answer]) == expected
    assert [call["status"] for call in simulator.ledger(operation)] == [200] * pages
