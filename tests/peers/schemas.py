"""The published schemas, and validators of them by a library that others wrote."""

import copy
import json

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from processes import PROJECT

NAMES = ["cancel-request", "outcome", "confirmation", "progress", "summary"]
# What the function writes.
MESSAGES = [name for name in NAMES if name != "cancel-request"]
SCHEMAS = {name: json.loads((PROJECT / "schemas" / f"{name}.schema.json").read_text()) for name in NAMES}
REGISTRY = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in SCHEMAS.values())


def validator(schema):
    return Draft202012Validator(schema, registry=REGISTRY)


def errors(name, instance):
    """What is wrong with an instance, in words; nothing where it is valid."""
    return [f"{one.json_path}: {one.message[:300]}" for one in VALIDATORS[name].iter_errors(instance)]


def closed(schema):
    """The schema without its openness to later fields: what this version writes, it also describes."""
    schema = copy.deepcopy(schema)
    schema["unevaluatedProperties"] = False
    parts = [schema["properties"], schema["$defs"]]
    for part in (one for parts in parts for one in parts.values()):
        for place in (part, part.get("items", {})):
            if "properties" in place:
                place.setdefault("additionalProperties", False)
    return schema


VALIDATORS = {name: validator(schema) for name, schema in SCHEMAS.items()}
CLOSED = {name: validator(closed(SCHEMAS[name])) for name in MESSAGES}
