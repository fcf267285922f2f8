"""What template.yaml watches: its alarms, its dashboard and its saved queries name what there is."""

import json
import re

import pytest

from processes import PROJECT
from templates import Rendering, read

TEMPLATE = read((PROJECT / "template.yaml").read_text())
SERVICES = {"appflow", "swf", "cloudflow"}
# The function's own metrics, with the unit of each and the dimensions beside the service.
METRICS = {
    "Requests": "Count",
    "Attempts": "Count",
    "Throttles": "Count",
    "Deferred": "Count",
    "CancelLatency": "Milliseconds",
    "RequestAge": "Milliseconds",
    "PublishFailures": "Count",
}
DIRECT = {"RequestPath": "direct"}


def unnamed(metric):
    """An outcome can stay unpublished for a request that names no service; nothing else happens to such a one."""
    return {"none"} if metric == "PublishFailures" else set()


def test_the_metrics_are_those_that_the_function_writes():
    code = (PROJECT / "src/metrics.rs").read_text()
    written = dict(re.findall(r'\("(\w+)", "(Count|Milliseconds)"', code)) | {"Requests": "Count"}
    assert '{"Name": "Requests", "Unit": "Count"}' in code
    assert written == METRICS


def alarms(**parameters):
    return Rendering(TEMPLATE, **parameters).of_type("AWS::CloudWatch::Alarm")


def watched(alarm):
    """The metrics of an alarm: namespace, name, dimensions."""
    own = [alarm] if "MetricName" in alarm else [one["MetricStat"]["Metric"] for one in alarm["Metrics"] if "MetricStat" in one]
    for metric in own:
        dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        yield metric["Namespace"], metric["MetricName"], dimensions


def test_there_is_an_alarm_for_each_thing_that_needs_a_person():
    found = {name: list(watched(alarm)) for name, alarm in alarms(**DIRECT).items()}
    by_service = {
        "PublishFailuresAlarm": ("PublishFailures", {}),
        "ThrottlesAlarm": ("Throttles", {}),
        "DeniedAlarm": ("Requests", {"status": "DENIED"}),
    }
    for name, (metric, more) in by_service.items():
        watches = found.pop(name)
        assert {namespace for namespace, *_ in watches} == {"Countermand"}
        assert {metric_name for _, metric_name, _ in watches} == {metric} <= METRICS.keys()
        assert sorted(one["service"] for *_, one in watches) == sorted(SERVICES | unnamed(metric))
        assert all({**one, "service": ""} == {"service": "", **more} for *_, one in watches)
    visible, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    assert found == {
        "DeadLettersAlarm": [("AWS/SQS", visible, {"QueueName": "<DeadLetterQueue.QueueName>"})],
        "FailedEventsAlarm": [("AWS/SQS", visible, {"QueueName": "<FailedEventsQueue.QueueName>"})],
        "OldestRequestAlarm": [("AWS/SQS", age, {"QueueName": "<RequestQueue.QueueName>"})],
        "FunctionErrorsAlarm": [("AWS/Lambda", "Errors", {"FunctionName": "<Function>"})],
    }
    assert "FailedEventsAlarm" not in alarms()


def test_a_sum_over_services_leaves_none_out():
    for name, alarm in alarms().items():
        if "Metrics" not in alarm:
            continue
        [whole] = [one for one in alarm["Metrics"] if "Expression" in one]
        parts = {one["Id"] for one in alarm["Metrics"]} - {whole["Id"]}
        assert set(re.findall(r"FILL\((\w+), 0\)", whole["Expression"])) == parts, name
        assert parts == SERVICES | unnamed(name.removesuffix("Alarm")), name
        # CloudWatch takes exactly one series as the alarm's own.
        assert [one["Id"] for one in alarm["Metrics"] if one.get("ReturnData", True)] == [whole["Id"]], name


@pytest.mark.parametrize("given, topic", [({}, "<AlarmTopic>"), ({"AlarmTopicArn": "a topic"}, "a topic")])
def test_every_alarm_reaches_a_topic_that_cloudwatch_may_publish_to(given, topic):
    for name, alarm in alarms(**given, **DIRECT).items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic], name
        # No requests are no trouble.
        assert alarm["TreatMissingData"] == "notBreaching", name
    policies = Rendering(TEMPLATE, **given).of_type("AWS::SNS::TopicPolicy").values()
    publishers = [
        statement["Principal"]["Service"]
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and statement["Action"] == "sns:Publish"
    ]
    assert publishers == ([] if given else ["cloudwatch.amazonaws.com"])


@pytest.fixture
def widgets():
    [dashboard] = Rendering(TEMPLATE).of_type("AWS::CloudWatch::Dashboard").values()
    return json.loads(dashboard["DashboardBody"])["widgets"]


def test_no_widget_of_the_dashboard_covers_another(widgets):
    taken = [
        (x, y)
        for one in widgets
        for x in range(one["x"], one["x"] + one["width"])
        for y in range(one["y"], one["y"] + one["height"])
    ]
    assert len(taken) == len(set(taken))
    assert all(0 <= x < 24 for x, _ in taken)


def test_the_dashboard_shows_every_metric_by_service_and_the_queues(widgets):
    shown = [metric for one in widgets for metric in one["properties"]["metrics"]]
    searched = {}
    for metric in shown:
        if isinstance(metric[0], dict):
            found = re.fullmatch(
                r"SEARCH\('\{Countermand,(service(?:,status)?)\} MetricName=\"(\w+)\"', '(\w+)', 300\)", metric[0]["expression"]
            )
            assert found, metric
            searched.setdefault(found[2], set()).add((found[1], found[3]))
            assert "${PROP('Dim.service')}" in metric[0]["label"]
    percentiles = {("service", p) for p in ("p50", "p90", "p99")}
    assert searched == {
        "Requests": {("service,status", "Sum")},
        **{name: percentiles if unit == "Milliseconds" else {("service", "Sum")} for name, unit in METRICS.items() if name != "Requests"},
    }
    named = {tuple(metric[:4]) for metric in shown if not isinstance(metric[0], dict)}
    for queue in ("RequestQueue", "DeadLetterQueue"):
        assert [one for one in named if one[3] == f"<{queue}.QueueName>"], queue
    assert ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "<RequestQueue.QueueName>") in named


def test_a_saved_query_asks_for_fields_that_the_log_has():
    queries = Rendering(TEMPLATE).of_type("AWS::Logs::QueryDefinition")
    log = "".join((PROJECT / "src" / name).read_text() for name in ("log.rs",))
    written = set(re.findall(r"^\s+(\w+)(?: = |,$)", log, re.MULTILINE)) | {"message"}
    for name, query in queries.items():
        assert query["LogGroupNames"] == ["<LogGroup>"]
        asked = set(re.findall(r"\bfields\.(\w+)", query["QueryString"]))
        assert asked and asked <= written, (name, asked - written)
    assert len({query["Name"] for query in queries.values()}) == len(queries) >= 4
