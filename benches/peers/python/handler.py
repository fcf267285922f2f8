"""Countermand's job for AppFlow in Python: reads each record, has its runs canceled, publishes the outcomes.

The clients and the threads are made when the module is imported, which Lambda does in the init phase.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

RECORDS_AT_ONCE = 10
ENTRIES_PER_CALL = 10
OUTCOME_BUS = os.environ["COUNTERMAND_OUTCOME_DESTINATION"]

config = Config(retries={"mode": "standard"}, max_pool_connections=RECORDS_AT_ONCE)
appflow = boto3.client("appflow", config=config)
events = boto3.client("events", config=config)
threads = ThreadPoolExecutor(RECORDS_AT_ONCE)


def handler(event, _context):
    records = event["Records"]
    outcomes = list(threads.map(cancel, records))
    done = zip(records, outcomes, publish(outcomes))
    failed = [record for record, outcome, published in done if outcome["status"] == "FAILED" or not published]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def cancel(record):
    """The outcome of one record, whatever becomes of it."""
    outcome = {"type": "CancellationOutcome", "version": "1", "requestId": record["messageId"]}
    try:
        request = read(record["body"])
    except ValueError as error:
        outcome |= {"status": "REJECTED", "error": {"code": "InvalidRequest", "message": str(error)}}
    else:
        flow, ids = request["flowName"], request["executionIds"]
        outcome |= {
            "requestId": request.get("requestId", record["messageId"]),
            "service": "appflow",
            "operation": "CancelFlowExecutions",
            "target": {"key": f"appflow:{flow}", "flowName": flow, "executionIds": ids},
            **ask(flow, ids),
        }
    return outcome | {"completedAt": datetime.now(timezone.utc).isoformat(timespec="milliseconds")}


def read(body):
    request = json.loads(body)
    match request:
        case {"service": "appflow", "flowName": str(flow), "executionIds": [_, *_] as ids} if (
            2 <= len(flow) <= 256 and all(isinstance(one, str) for one in ids)
        ):
            return request
    raise ValueError("expected service appflow, flowName of 2 to 256 characters, executionIds with at least one id")


def ask(flow, ids):
    """What AppFlow says to the request."""
    try:
        reply = appflow.cancel_flow_executions(flowName=flow, executionIds=ids)
    except appflow.exceptions.ResourceNotFoundException as error:
        return {"status": "NOT_FOUND", "error": described(error)}
    except (BotoCoreError, ClientError) as error:
        return {"status": "FAILED", "error": described(error)}
    invalid = set(reply.get("invalidExecutions", ()))
    states = [{"executionId": one, "state": "UNEXPLAINED" if one in invalid else "ACCEPTED"} for one in ids]
    status = "ACCEPTED" if not invalid else "NOT_RUNNING" if invalid.issuperset(ids) else "PARTIAL"
    return {"status": status, "result": {"executions": states}}


def described(error):
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    return {"code": code, "message": str(error)}


def publish(outcomes):
    """For each outcome, whether it was published."""
    published = []
    for start in range(0, len(outcomes), ENTRIES_PER_CALL):
        entries = [entry(outcome) for outcome in outcomes[start : start + ENTRIES_PER_CALL]]
        try:
            reply = events.put_events(Entries=entries)
        except (BotoCoreError, ClientError) as error:
            print(f"outcomes could not be published: {error}")
            published += [False] * len(entries)
        else:
            all_taken = reply["FailedEntryCount"] == 0
            published += [all_taken or "EventId" in result for result in reply["Entries"]]
    return published


def entry(outcome):
    return {
        "EventBusName": OUTCOME_BUS,
        "Source": "countermand",
        "DetailType": "Cancellation Outcome",
        "Detail": json.dumps(outcome, separators=(",", ":")),
    }
