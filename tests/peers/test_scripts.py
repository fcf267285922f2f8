"""The commands that operators are given, run against moto: what they send, and what they show."""

import json
import os
import re
import subprocess
import threading

import boto3
import pytest
from botocore.config import Config

from conftest import KEYS
from processes import ACCOUNT, AWS_CLI, PROJECT, REGION, Moto
from schemas import SCHEMAS, errors
from test_documents import PAGES
from test_wiring import withdrawn

# In front of the AWS CLI: moto's part for CloudFormation is not installed, and for SQS version 1 reads no variable's endpoint.
CLI = f"""#!/bin/sh
[ "$1" = cloudformation ] && exec cat "$DESCRIBED"
exec "{AWS_CLI}" --endpoint-url "$AWS_ENDPOINT_URL" "$@"
"""
ORDER = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:fulfillment:order-2041"
EXAMPLE = next(one for one in SCHEMAS["outcome"]["examples"] if one["status"] == "DRY_RUN")


@pytest.mark.parametrize("page", [page for page in PAGES if "```sh" in PAGES[page]])
def test_what_a_page_says_to_type_is_a_shell_s_language(page):
    for block in re.findall(r"^( *)```sh\n(.*?)^ *```", PAGES[page], re.MULTILINE | re.DOTALL):
        text = re.sub(rf"^{block[0]}", "", block[1], flags=re.MULTILINE)
        read = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
        assert (read.returncode, read.stderr) == (0, ""), text


@pytest.fixture
def moto():
    with Moto() as running:
        yield running


@pytest.fixture
def client(moto):
    return lambda service: boto3.client(service, endpoint_url=moto.url, region_name=REGION, config=Config(), **KEYS)


@pytest.fixture
def run(moto, tmp_path):
    (tmp_path / "aws").write_text(CLI)
    (tmp_path / "aws").chmod(0o755)
    (tmp_path / "described.json").write_text("{}")

    def command(script, *arguments):
        environment = {
            **os.environ, **{name.upper(): key for name, key in KEYS.items()},
            "PATH": f"{tmp_path}:{os.environ['PATH']}", "DESCRIBED": str(tmp_path / "described.json"),
            "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": moto.url, "AWS_PAGER": "",
        }  # fmt: skip
        return subprocess.run([PROJECT / script, *arguments], env=environment, capture_output=True, text=True, timeout=120)

    return command


class Stack:
    """A rule, a queue and an outcome bus; the function between them is here."""

    def __init__(self, client, tmp_path, status):
        self.status, self.events, self.queues = status, client("events"), client("sqs")
        self.url = self.queues.create_queue(QueueName="requests")["QueueUrl"]
        self.bus = self.events.create_event_bus(Name="outcomes")["EventBusArn"]
        self.events.put_rule(Name="requests", EventPattern=json.dumps({"detail-type": ["Cancel Request"]}))
        self.events.put_targets(Rule="requests", Targets=[{"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:requests"}])
        parameters = [{"ParameterKey": "RequestBusName", "ParameterValue": "default"}]
        outputs = [{"OutputKey": "OutcomeDestinationArn", "OutputValue": self.bus}]
        (tmp_path / "described.json").write_text(json.dumps({"Parameters": parameters, "Outputs": outputs}))
        self.requests, self.over = [], threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.over.is_set():
            for message in self.queues.receive_message(QueueUrl=self.url, WaitTimeSeconds=1).get("Messages", []):
                self.queues.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                request = json.loads(message["Body"])["detail"]
                self.requests.append(request)
                outcome = {**EXAMPLE, "status": self.status, "requestId": request["requestId"]}
                entry = {"Source": "countermand", "DetailType": "Cancellation Outcome", "EventBusName": "outcomes", "Detail": json.dumps(outcome)}
                self.events.put_events(Entries=[entry])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@pytest.mark.parametrize(
    "target, asked, status, code",
    [
        ("appflow:orders", {"service": "appflow", "flowName": "orders", "scope": "ALL_ACTIVE"}, "DENIED", 1),
        ("swf:billing/invoice-2041", {"service": "swf", "domain": "billing", "workflowId": "invoice-2041"}, "DRY_RUN", 0),
        ("cloudflow:etl/hourly-7", {"service": "cloudflow", "flowName": "etl", "executionName": "hourly-7"}, "DRY_RUN", 0),
        ("stepfunctions:fulfillment/order-2041", {"service": "stepfunctions", "executionArn": ORDER}, "DRY_RUN", 0),
    ],
)
def test_a_dry_run_goes_through_the_whole_stack_and_its_outcome_is_shown(client, run, tmp_path, target, asked, status, code):
    with Stack(client, tmp_path, status) as stack:
        done = run("scripts/try", target)
    assert done.returncode == code, done.stderr
    assert {**asked, "dryRun": True}.items() <= stack.requests[0].items()
    assert errors("cancel-request", stack.requests[0]) == []
    assert json.loads(done.stdout) == {**EXAMPLE, "status": status, "requestId": stack.requests[0]["requestId"]}
    # And nothing of it is left behind.
    assert stack.events.list_rules(EventBusName="outcomes")["Rules"] == []
    assert stack.queues.list_queues()["QueueUrls"] == [stack.url]


@pytest.mark.parametrize("arguments", [[], ["orders"], ["swf:billing"], ["cloudflow:etl"]])
def test_a_target_that_names_nothing_gets_the_usage(run, arguments):
    done = run("scripts/try", *arguments)
    assert done.returncode == 2 and "scripts/try TARGET [STACK]" in done.stderr


def test_events_that_were_not_delivered_are_put_on_their_bus_again_with_their_age(client, run):
    events, queues = client("events"), client("sqs")
    url = {name: queues.create_queue(QueueName=name)["QueueUrl"] for name in ("undelivered", "arrived")}
    events.put_rule(Name="again", EventPattern=json.dumps({"source": ["com.example.orders"]}))
    events.put_targets(Rule="again", Targets=[{"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:arrived"}])
    event = withdrawn(workflowId='invoice "7"', runId="r-1")
    for _ in range(2):
        queues.send_message(QueueUrl=url["undelivered"], MessageBody=json.dumps(event))
    done = run("docs/wiring/put-again", url["undelivered"])
    assert (done.returncode, done.stderr, done.stdout.count(event["id"])) == (0, "", 2)
    arrived = queues.receive_message(QueueUrl=url["arrived"], MaxNumberOfMessages=10)["Messages"]
    assert len(arrived) == 2
    for message in arrived:
        again = json.loads(message["Body"])
        assert {name: again[name] for name in ("source", "detail-type", "time", "detail")} == {
            name: event[name] for name in ("source", "detail-type", "time", "detail")
        }
    assert "Messages" not in queues.receive_message(QueueUrl=url["undelivered"])
