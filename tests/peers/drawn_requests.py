"""Random cancel requests, valid ones and near misses, the same for the same seed.

Each field has values at the edges of its rule, on both sides. A request starts out as a plain valid
one, then gets some fields more, some others, and some taken away.
"""

import random

OTHER_TYPES = [None, True, False, 0, 17, 1.5, "text", [], ["run-1"], {}, {"a": 1}]
BLANKS = [*"\t\n\x0b\x0c\r \x85\u00a0\u1680", *map(chr, range(0x2000, 0x200B)), *"\u2028\u2029\u202f\u205f\u3000"]
WIDE = "\U0001f6d1"

TIMES = [
    "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05Z", "2026-01-02t03:04:05z", "2026-01-02 03:04:05+02:00",
    "2026-01-02T03:04:05.123456789012Z", "2024-02-29T00:00:00Z", "2000-02-29T00:00:00-23:59", "2026-12-31T23:59:59-00:00",
    "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
    "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-02T24:00:00Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:61Z",
    "2026-01-02T03:04:05", "2026-01-02T03:04:05.Z", "2026-01-02_03:04:05Z", "2026-01-02T03:04Z", "26-01-02T03:04:05Z",
    "2026-01-02T03:04:05+0000", "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05+01:60", "2026-01-02T03:04:05Z\n",
    " 2026-01-02T03:04:05Z", "2026-01-02", "yesterday", "", "\u0662026-01-02T03:04:05Z",
]  # fmt: skip


def lengths(most, least=1, letter="a"):
    """Strings at both ends of a length and just past them."""
    return [letter * length for length in {0, 1, least - 1, least, least + 1, most - 1, most, most + 1} if length >= 0]


def wide(most):
    """Each of these is one Unicode scalar value, and four bytes."""
    return [WIDE * most, WIDE * (most + 1)]


def odd(characters, around="run"):
    """A name with an odd character before, within and after it."""
    return [text for one in characters for text in (one + around, around[0] + one + around[1:], around + one)]


SHARED = {
    "requestId": [*lengths(128, letter="~"), "!", *odd([" ", "\x7f", "\u00e9", "\n"])],
    "requestedAt": TIMES,
    "reason": [*lengths(4096), *wide(4096), "\n", "\u0000", "\uffff" * 4096],
    "requestedBy": [*lengths(256), *wide(256), " ", "\ufffe"],
    "context": [{}, {"ticket": "OPS-1", "deep": [[{"a": None}]]}, {"executionIds": None, "": ""}, {"\ufffe": "\uffff", "_": "\ufeff"}],
    "dryRun": [True, False],
    "confirm": [True, False],
    "confirmWithinSeconds": [14, 15, 16, 7199, 7200, 7201, -15, 0, 15.5, 10**30],
}
BOUNDS = [{name: time} for name in ("startedBefore", "startedAfter") for time in [*TIMES, None, 1]]
SELECT = [{}, {"all": True}, {"all": False}, {"all": None}, {"all": "true"}, {"al": True}, {"all": True, "_x": 1}]
SELECT += [{"all": True, **bound} for bound in BOUNDS]
MOST = [0, 1, 2, 99_999, 100_000, 100_001, -1, 15.5, 10**30]
NAME = [*lengths(128), "_", "_a-B-9", "9a", "-a", "a.b", "a b", "\u00e9", "a\n", "a\u0663", *wide(1)]
NO_PATH = [*lengths(256), *wide(256), "arn", "arn:x", "Arn", "arna", *odd([":", "/", "|", "\x00", "\x1f", "\x7f", "\x85", "\x9f", *BLANKS])]
EXECUTION = "arn:aws:states:us-east-1:111122223333:execution:m:"
MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:"
ODD_IN_ARNS = odd([*BLANKS, *":/<>{}[]?*\"#%\\^|~`$&,;", "\x00", "\x85"])
SERVICES = {
    "appflow": {
        "flowName": [*lengths(256, least=2), "0a", "a_!@#.-", "_a", "#a", "a\n", "a\u00e9", "flow\u0663", "a b", *wide(2)],
        "executionIds": [
            ["a"], ["a", "a"], [], ["a"] * 1000, ["a"] * 1001, ["a", None], ["a", 1], ["a", ""], [["a"]],
            *([one] for one in [*lengths(256), *wide(256), *odd([*BLANKS, "\x00", "\x1f", "\x7f", "\x85"])]),
        ],
        "scope": ["ALL_ACTIVE", "all_active", "ALL", ""],
        "deactivate": [True, False],
    },
    "swf": {
        "domain": NO_PATH,
        "workflowId": NO_PATH,
        "runId": [*lengths(64), *wide(64), " ", "\n", "a/b"],
        "terminateAfterSeconds": [14, 15, 16, 7199, 7200, 7201, -15, 0, 15.5, 10**30],
        "childPolicy": ["TERMINATE", "REQUEST_CANCEL", "ABANDON", "abandon", ""],
        "select": [
            *SELECT, {"tag": "a", "all": True}, {"tag": "a", "workflowId": "w"}, {"workflowType": {}}, {"workflowType": "a"},
            *({"tag": one} for one in [*lengths(256), *wide(256), None, 1]),
            *({"workflowId": one} for one in NO_PATH),
            *({"workflowType": {"name": one}} for one in [*lengths(256), *wide(256), None]),
            *({"workflowType": {"name": "a", "version": one}} for one in [*lengths(64), *wide(64), None]),
            {"workflowType": {"name": "a", "vers": "1"}}, {"executionNamePrefix": "a"},
        ],
        "maxExecutions": MOST,
    },
    "cloudflow": {
        "flowName": NAME,
        "FlowName": NAME,
        "executionName": NAME,
        "ExecutionName": NAME,
        "cause": [*lengths(4096), *wide(4096)],
        "Cause": [*lengths(4096)],
        "error": [*lengths(128), *wide(128)],
        "Error": [*lengths(128)],
        "select": [*SELECT, {"executionNamePrefix": "a", "all": True}, {"tag": "a"}, *({"executionNamePrefix": one} for one in NAME)],
        "maxExecutions": MOST,
    },
    "stepfunctions": {
        "executionArn": [
            EXECUTION + "e" * (256 - len(EXECUTION)), EXECUTION + "e" * (257 - len(EXECUTION)), EXECUTION, EXECUTION + "\u00e9-1.b_c",
            *(EXECUTION + name for name in ODD_IN_ARNS),
            EXECUTION.replace("m:", "m/each:") + "e", EXECUTION.replace("m:", "m:PROD:") + "e", EXECUTION.replace("m:", "m:a:b:") + "e",
            EXECUTION.replace("aws", "aws-cn", 1) + "e", EXECUTION.replace("aws", "gcp", 1) + "e", EXECUTION.replace("1111", "111") + "e",
            EXECUTION.replace(":execution:", ":express:") + "e:u", EXECUTION.replace("states", "swf") + "e", "e", "",
        ],
        "cause": [*lengths(32768), *wide(32768)],
        "error": [*lengths(256), *wide(256)],
        "stateMachineArn": [
            MACHINE + "m" * (256 - len(MACHINE)), MACHINE + "m" * (257 - len(MACHINE)), MACHINE, MACHINE + "\u00e9-1.b_c",
            *(MACHINE + name for name in ODD_IN_ARNS),
            MACHINE + "m:PROD", MACHINE + "m:1", MACHINE + "m:", MACHINE + "m:a:b", MACHINE + "m/each", EXECUTION + "e",
            MACHINE.replace("aws", "aws-cn", 1) + "m", MACHINE.replace("aws", "gcp", 1) + "m", MACHINE.replace("1111", "111") + "m",
            MACHINE.replace("states", "swf") + "m", "m", "",
        ],
        "select": [
            *SELECT, {"executionNamePrefix": "a", "all": True}, {"tag": "a"},
            *({"executionNamePrefix": one} for one in [*lengths(80), *wide(80), *odd([*BLANKS, "\x00"]), None, 1]),
        ],
        "maxExecutions": MOST,
    },
}  # fmt: skip
PLAIN = {
    "appflow": [{"flowName": "orders"}, {"flowName": "orders", "executionIds": ["run-1"]}],
    "swf": [
        {"domain": "billing", "workflowId": "invoice-1"},
        {"domain": "billing", "workflowId": "invoice-1", "runId": "r"},
        {"domain": "billing", "workflowId": "invoice-1", "terminateAfterSeconds": 60},
        {"domain": "billing", "select": {"tag": "red"}, "maxExecutions": 5},
    ],
    "cloudflow": [
        {"flowName": "etl", "executionName": "n"},
        {"FlowName": "etl", "ExecutionName": "n"},
        {"flowName": "etl", "select": {"all": True}, "maxExecutions": 5},
    ],
    "stepfunctions": [
        {"executionArn": EXECUTION + "e"},
        {"stateMachineArn": MACHINE + "m", "select": {"all": True}, "maxExecutions": 5},
    ],
}
STRAY = ["executionIdz", "FlowNames", "flowname", "Service", "runID", "", "Domain", "Confirm", "datadog"]
# What a tracer or a serializer puts in is nobody's field; what may be one of ours that is misspelled is refused.
IGNORED = ["_datadog", "_", "__", "_X_AMZN_TRACE_ID", "_links", "_type"]
NEARLY = ["_executionIds", "_flowName", "_dry_run", "__SCOPE", "_reasons"]
WRONG_SERVICES = ["AppFlow", "", "swf ", None, 1, ["swf"], "s3"]


def each_value_once():
    """Every value of every field, alone in an otherwise plain request."""
    for service, own in SERVICES.items():
        for field, values in (SHARED | own).items():
            for value in [*values, *OTHER_TYPES]:
                plain = dict(PLAIN[service][-1 if field in ("select", "maxExecutions", "stateMachineArn") else 0])
                # The other spelling of the same field would be a duplicate.
                plain.pop({"FlowName": "flowName", "ExecutionName": "executionName"}.get(field), None)
                yield {"service": service, **plain, field: value}
        for required in PLAIN[service][0]:
            yield {"service": service, **{name: value for name, value in PLAIN[service][0].items() if name != required}}


def drawn(seed, count):
    """Random combinations."""
    rng = random.Random(seed)
    for _ in range(count):
        service = rng.choice(sorted(SERVICES))
        fields = SHARED | SERVICES[service]
        request = {"service": service, **rng.choice(PLAIN[service])}
        for field in rng.sample(sorted(fields), rng.choice([0, 1, 1, 2, 4])):
            request[field] = rng.choice(fields[field])
        if rng.random() < 0.1:
            request[rng.choice(IGNORED)] = rng.choice(OTHER_TYPES)
        damage = rng.random()
        if damage < 0.06:
            request[rng.choice(STRAY)] = rng.choice(OTHER_TYPES)
        elif damage < 0.10:
            request[rng.choice(sorted(fields))] = rng.choice(OTHER_TYPES)
        elif damage < 0.14:
            request.pop(rng.choice(sorted(request)))
        elif damage < 0.17:
            request["service"] = rng.choice(WRONG_SERVICES)
        elif damage < 0.22:
            # A field of another service.
            other = SERVICES[rng.choice(sorted(SERVICES))]
            field = rng.choice(sorted(other))
            request[field] = rng.choice(other[field])
        members = list(request.items())
        rng.shuffle(members)
        yield dict(members)
