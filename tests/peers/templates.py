"""CloudFormation templates as data: read with their short forms, and rendered for given parameters.

Rendering stands in for CloudFormation as far as the project's templates need it: conditions, mappings
and references. What a resource is only at run time, its ARN or its name, becomes a readable stand-in.
"""

import re
import subprocess
import sys

import yaml

from processes import ACCOUNT, PROJECT, REGION

PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::NoValue": None,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}


class Template(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, as `{"!Name": value}`."""


def short_form(loader, suffix, node):
    read = {"scalar": loader.construct_scalar, "sequence": loader.construct_sequence}
    value = read[node.id](node, deep=True) if node.id == "sequence" else read[node.id](node)
    return {f"!{suffix}": value}


Template.add_multi_constructor("!", short_form)


def read(text):
    return yaml.load(text, Template)


def packaged():
    """The text of the template that takes the function's code from a bucket."""
    return subprocess.run([sys.executable, PROJECT / "scripts" / "packaged-template"], capture_output=True, text=True, check=True).stdout


class Rendering:
    """A template with its parameters put in. A part that refers to nothing that exists is an error."""

    def __init__(self, template, **parameters):
        self.template = template
        declared = template.get("Parameters", {})
        assert parameters.keys() <= declared.keys(), parameters.keys() - declared.keys()
        self.parameters = {name: one.get("Default", f"<{name}>") for name, one in declared.items()} | parameters
        for name, one in declared.items():
            if one["Type"] == "CommaDelimitedList":
                self.parameters[name] = self.parameters[name].split(",")
        self.resources = {name: self.value(one) for name, one in self._there(template["Resources"]).items()}
        self.outputs = {name: self.value(one["Value"]) for name, one in self._there(template.get("Outputs", {})).items()}

    def of_type(self, kind):
        return {name: one.get("Properties", {}) for name, one in self.resources.items() if one["Type"] == kind}

    def statements(self):
        """What the roles of the template may do: one statement each, its actions always a list."""
        documents = [policy for role in self.of_type("AWS::IAM::Role").values() for policy in role.get("Policies", [])]
        documents += self.of_type("AWS::IAM::RolePolicy").values()
        for document in documents:
            for statement in document["PolicyDocument"]["Statement"]:
                action = statement["Action"]
                yield {**statement, "Action": action if isinstance(action, list) else [action]}

    def holds(self, name):
        return self.value(self.template["Conditions"][name])

    def broken_rules(self):
        for rule in self.template.get("Rules", {}).values():
            if self.value(rule["RuleCondition"]):
                yield from (one["AssertDescription"] for one in rule["Assertions"] if not self.value(one["Assert"]))

    def value(self, part):
        if isinstance(part, list):
            return [one for one in map(self.value, part) if one is not None]
        if not isinstance(part, dict):
            return part
        if len(part) == 1 and (name := next(iter(part))).startswith("!"):
            return getattr(self, "_" + name[1:].lower())(part[name])
        values = {name: self.value(one) for name, one in part.items()}
        return {name: one for name, one in values.items() if one is not None}

    def _there(self, parts):
        return {name: one for name, one in parts.items() if "Condition" not in one or self.holds(one["Condition"])}

    def _ref(self, name):
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        return f"<{self._there(self.template['Resources'])[name] and name}>"

    def _getatt(self, path):
        name, attribute = path.split(".", 1)
        there = self._there(self.template["Resources"])
        assert name in there, f"{path}: there is no {name} here"
        if (there[name]["Type"], attribute) == ("AWS::Events::Rule", "Arn"):
            bus = self.value(there[name]["Properties"].get("EventBusName", "default"))
            return f"arn:aws:events:{REGION}:{ACCOUNT}:rule/" + ("" if bus == "default" else f"{bus}/") + f"<{name}>"
        return f"<{name}.{attribute}>"

    def _sub(self, text):
        def put_in(match):
            name = match[1]
            return "${" + name[1:] + "}" if name.startswith("!") else str(self._getatt(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", put_in, text)

    def _if(self, parts):
        condition, then, otherwise = parts
        return self.value(then if self.holds(condition) else otherwise)

    def _equals(self, parts):
        one, other = map(self.value, parts)
        return str(one) == str(other)

    def _not(self, parts):
        return not self.value(parts[0])

    def _and(self, parts):
        return all(map(self.value, parts))

    def _or(self, parts):
        return any(map(self.value, parts))

    def _select(self, parts):
        index, values = map(self.value, parts)
        return values[index]

    def _split(self, parts):
        between, text = map(self.value, parts)
        return text.split(between)

    def _join(self, parts):
        between, values = map(self.value, parts)
        return between.join(values)

    def _condition(self, name):
        return self.holds(name)

    def _findinmap(self, parts):
        name, first, second = map(self.value, parts)
        return self.template["Mappings"][name][str(first)][second]


def names(part):
    """The names that a part of a template refers to, by `!Ref`, `!GetAtt` or inside `!Sub`."""
    if isinstance(part, list):
        return {name for one in part for name in names(one)}
    if not isinstance(part, dict):
        return set()
    found = names(list(part.values()))
    found |= {part[form].split(".")[0] for form in ("!Ref", "!GetAtt") if form in part}
    if "!Sub" in part:
        found |= {name.split(".")[0] for name in re.findall(r"\$\{([^}!]+)\}", part["!Sub"])}
    return found
