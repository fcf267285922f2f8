"""What template.yaml watches: its alarms, its dashboard and its saved queries name what there is."""

import json
import re

import pytest

from processes import PROJECT
from templates import Rendering, read

TEMPLATE = read((PROJECT / "template.yaml").read_text())
# The function's own metrics, with the unit of each.
METRICS = {
    "Requests": "Count",
    "Attempts": "Count",
    "Throttles": "Count",
    "Deferred": "Count",
    "CancelLatency": "Milliseconds",
    "RequestAge": "Milliseconds",
    "PublishFailures": "Count",
    "DroppedFollowUps": "Count",
}
DIRECT = {"RequestPath": "direct"}


def test_the_metrics_are_those_that_the_function_writes():
    code = (PROJECT / "src/metrics.rs").read_text()
    # The members of a line, by their types: numbers are sums, lists are times.
    members = "".join(re.findall(r"^struct (?:Sums|Dropped) \{\n(.*?)^\}", code, re.MULTILINE | re.DOTALL))
    found = re.findall(r"^    (\w+): (usize|u32|Vec<u64>),", members, re.MULTILINE)
    written = {name.title().replace("_", ""): "Milliseconds" if "Vec" in kind else "Count" for name, kind in found}
    assert written == METRICS
    # And each is named among the metrics of its line.
    assert set(re.findall(r'"([A-Z]\w+)"', code.split("#[cfg(test)]")[0])) >= set(METRICS)


def alarms(**parameters):
    return Rendering(TEMPLATE, **parameters).of_type("AWS::CloudWatch::Alarm")


def watched(alarm):
    """The metrics of an alarm: namespace, name, dimensions."""
    own = [alarm] if "MetricName" in alarm else [one["MetricStat"]["Metric"] for one in alarm["Metrics"] if "MetricStat" in one]
    for metric in own:
        dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        yield metric["Namespace"], metric["MetricName"], dimensions


def test_there_is_an_alarm_for_each_thing_that_needs_a_person():
    visible, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    # Sums of this function over all services; another stack's do not count.
    function = {"FunctionName": "<Function>"}
    assert {name: list(watched(alarm)) for name, alarm in alarms(**DIRECT).items()} == {
        "DeadLettersAlarm": [("AWS/SQS", visible, {"QueueName": "<DeadLetterQueue.QueueName>"})],
        "FailedEventsAlarm": [("AWS/SQS", visible, {"QueueName": "<FailedEventsQueue.QueueName>"})],
        "UndeliverableEventsAlarm": [("AWS/Events", "InvocationsFailedToBeSentToDlq", {"RuleName": "<RequestRule>"})],
        "LostEventsAlarm": [("AWS/Lambda", "DestinationDeliveryFailures", function)],
        "OldestRequestAlarm": [("AWS/SQS", age, {"QueueName": "<RequestQueue.QueueName>"})],
        "FunctionErrorsAlarm": [("AWS/Lambda", "Errors", function)],
        "PublishFailuresAlarm": [("Countermand", "PublishFailures", function)],
        "ThrottlesAlarm": [("Countermand", "Throttles", function)],
        "DeniedAlarm": [("Countermand", "Requests", {**function, "status": "DENIED"})],
    }
    # A rule of another bus has its metrics by both names.
    own_bus = alarms(RequestBusName="cancels")["UndeliverableEventsAlarm"]
    assert list(watched(own_bus)) == [("AWS/Events", "InvocationsFailedToBeSentToDlq", {"EventBusName": "cancels", "RuleName": "<RequestRule>"})]
    # A follow-up is delayed for up to fifteen minutes, which is no reason to ring.
    assert [alarms(FollowUps=value)["OldestRequestAlarm"]["Threshold"] for value in ("off", "on")] == [900, 1800]
    assert "FailedEventsAlarm" not in alarms()


def test_what_an_alarm_watches_is_written_for_the_function_alone():
    code = (PROJECT / "src/metrics.rs").read_text()
    for _, metric, dimensions in [one for alarm in alarms().values() for one in watched(alarm) if one[0] == "Countermand"]:
        assert metric in METRICS
        assert "&[" + ", ".join(f'"{name}"' for name in sorted(dimensions)) + "]" in code


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
                r"SEARCH\('\{Countermand,FunctionName,(service(?:,status)?)\} FunctionName=\"<Function>\" MetricName=\"(\w+)\"', '(\w+)', 300\)",
                metric[0]["expression"],
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
