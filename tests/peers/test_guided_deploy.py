"""`sam deploy --guided` on a pseudo-terminal, with Enter for every answer but one, to a stand-in for CloudFormation and S3."""

import os
import pty
import re
import select
import shutil
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from processes import PROJECT, REGION, SAM, until
from templates import read

TEMPLATE = read((PROJECT / "template.yaml").read_text())
# At each of these the CLI waits for a line: `Parameter CancelAll [explicit]: `, `Save arguments … [Y/n]: `.
QUESTION = re.compile(r"([A-Z][^\n\r]*?)(?: \[[^\]\n]*\])?: $")


class Cloud(ThreadingHTTPServer):
    """Knows the bucket of the SAM CLI, takes what is uploaded, and makes every stack that it is asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.change_set, self.executed = None, False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def parameters(self):
        names = {name.split(".")[-2]: value for name, value in self.change_set.items() if name.endswith("ParameterKey")}
        return {key: self.change_set.get(f"Parameters.member.{index}.ParameterValue") for index, key in names.items()}

    def answer(self, asked):
        action, stack = asked["Action"], asked.get("StackName", "")
        if action == "DescribeStacks":
            own = "aws-sam-cli-managed" in stack
            if not (own or self.executed):
                return None
            outputs = {"SourceBucket": "bucket"} if own else {}
            listed = "".join(f"<member><OutputKey>{k}</OutputKey><OutputValue>{v}</OutputValue></member>" for k, v in outputs.items())
            tag = "<Tags><member><Key>ManagedStackSource</Key><Value>AwsSamCli</Value></member></Tags>" if own else ""
            return f"<Stacks><member><StackName>{stack}</StackName><StackId>{stack}</StackId><CreationTime>2026-01-02T03:04:05Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>{listed}</Outputs>{tag}</member></Stacks>"
        if action == "CreateChangeSet":
            self.change_set = asked
            return "<Id>change</Id><StackId>stack</StackId>"
        if action == "DescribeChangeSet":
            change = "<Action>Add</Action><LogicalResourceId>Function</LogicalResourceId><ResourceType>AWS::Lambda::Function</ResourceType>"
            return f"<Status>CREATE_COMPLETE</Status><Changes><member><Type>Resource</Type><ResourceChange>{change}</ResourceChange></member></Changes>"
        self.executed |= action == "ExecuteChangeSet"
        if action == "DescribeStackEvents":
            time, kind = "2999-01-02T03:04:05Z" if self.executed else "2026-01-02T03:04:05Z", "AWS::CloudFormation::Stack"
            event = f"<StackId>{stack}</StackId><StackName>{stack}</StackName><EventId>1</EventId><PhysicalResourceId>{stack}</PhysicalResourceId>"
            event += f"<LogicalResourceId>{stack}</LogicalResourceId><ResourceType>{kind}</ResourceType><Timestamp>{time}</Timestamp>"
            return f"<StackEvents><member>{event}<ResourceStatus>CREATE_COMPLETE</ResourceStatus></member></StackEvents>"
        return ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "POST" and body.startswith(b"Action="):
            asked = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
            answer = self.server.answer(asked)
            if answer is None:
                message = f"Stack with id {asked['StackName']} does not exist"
                return self.reply(400, f"<ErrorResponse><Error><Code>ValidationError</Code><Message>{message}</Message></Error></ErrorResponse>")
            name = asked["Action"]
            return self.reply(200, f"<{name}Response><{name}Result>{answer}</{name}Result></{name}Response>")
        # S3: nothing is there yet, and everything is taken.
        return self.reply(404 if self.command == "HEAD" else 200, "")

    do_GET = do_POST = do_PUT = do_HEAD = handle_one

    def reply(self, status, text):
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def folder(tmp_path):
    for name in ("template.yaml", "samconfig.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, tmp_path)
    return tmp_path


def guided(folder, cloud, answers):
    """Runs the command; returns the questions that it asked, all that it showed, and how it ended."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb", "COLUMNS": "250", "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": cloud.url, "SAM_CLI_POLL_DELAY": "0.1",
        "AWS_ACCESS_KEY_ID": "AKIAPEERSEXAMPLE", "AWS_SECRET_ACCESS_KEY": "peers/secret/access/key/EXAMPLE",
    }  # fmt: skip
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execve(SAM / "bin" / "sam", ["sam", "deploy", "--guided"], environment)
    asked, shown, unread = [], "", True
    while unread:
        ready, _, _ = select.select([terminal], [], [], 120)
        assert ready and len(asked) < 60, f"it asks for ever, or for nothing: {shown[-2000:]}"
        try:
            text = os.read(terminal, 65536).decode(errors="replace")
        except OSError:
            text = ""
        unread, shown = bool(text), shown + text
        question = QUESTION.search(re.sub(r"\x1b\[[0-9;]*m", "", shown.replace("\r", "").rsplit("\n", 1)[-1].strip() + " "))
        if question and text:
            asked.append(question[1].strip())
            os.write(terminal, answers.get(asked[-1], "").encode() + b"\n")
            shown += "\n"
    return asked, shown, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_enter_is_the_answer_to_every_question_but_one(folder):
    with Cloud() as cloud:
        asked, shown, code = guided(folder, cloud, {"Parameter AllowedTargets": "appflow:orders,swf:billing/*"})
        assert code == 0 and cloud.executed, shown[-3000:]
        given = cloud.parameters()
    defaults = {name: str(one.get("Default", "")) for name, one in TEMPLATE["Parameters"].items()}
    assert given == {**defaults, "AllowedTargets": "appflow:orders,swf:billing/*"}
    # Each parameter is asked for once, in the template's order.
    assert [one.removeprefix("Parameter ") for one in asked if one.startswith("Parameter ")] == list(defaults)
    # What was answered is kept, for a later deploy without questions, and as the answer to them.
    saved = tomllib.loads((folder / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]
    assert 'AllowedTargets="appflow:orders,swf:billing/*"' in saved["parameter_overrides"]
    sender = "arn:aws:sns:us-east-1:111122223333:cancels"
    with Cloud() as cloud:
        _, shown, code = guided(folder, cloud, {"Parameter SenderArns": sender})
        assert code == 0, shown[-3000:]
        assert cloud.parameters() == {**given, "SenderArns": sender}
