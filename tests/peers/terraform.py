"""The Terraform module as data: its files read by python-hcl2, and evaluated for given variables.

Evaluating stands in for Terraform as far as the module needs it. What a resource is only at run time, its ARN or its
name, becomes a readable stand-in; `count` and `for_each` decide what is there.
"""

import functools
import json
import operator
import re
import textwrap

import hcl2
from lark import Token, Tree

from processes import ACCOUNT, REGION

DATA = {
    "data.aws_caller_identity.current": {"account_id": ACCOUNT},
    "data.aws_partition.current": {"partition": "aws"},
    "data.aws_region.current": {"region": REGION},
}
OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "*": operator.mul,
}


@functools.cache
def tree(text):
    return hcl2.parses_to_tree(text).children[0]


class Reference:
    """A resource, or the way to one: `aws_sqs_queue` on its way to `aws_sqs_queue.requests`."""

    def __init__(self, address):
        self.address = address


def parts(node):
    """What a node is made of, without punctuation, line ends and comments."""
    return [one for one in node.children if isinstance(one, Tree) and one.data != "new_line_or_comment"]


def name_of(node):
    while isinstance(node, Tree):
        node = [one for one in node.children if not (isinstance(one, Token) and one.type == "DBLQUOTE")][0]
    return str(node)


def body(node):
    """The attributes of a block, and the blocks in it with their labels."""
    attributes, blocks = {}, []
    for one in parts(node):
        if one.data == "attribute":
            name, value = parts(one)
            attributes[name_of(name)] = value
        else:
            *labels, inner = parts(one)
            blocks.append(([name_of(label) for label in labels], inner))
    return attributes, blocks


class Module:
    def __init__(self, folder, **given):
        self.folder = folder
        self.variables, self.local, self.declared, self.outputs = {}, {}, {}, {}
        for file in sorted(folder.glob("*.tf")):
            for labels, inner in body(tree(file.read_text()))[1]:
                attributes, blocks = body(inner)
                if labels[0] == "locals":
                    self.local |= attributes
                elif labels[0] == "variable":
                    self.variables[labels[1]] = (
                        attributes,
                        [body(one)[0] for kind, one in blocks if kind == ["validation"]],
                    )
                elif labels[0] == "output":
                    self.outputs[labels[1]] = attributes
                elif labels[0] == "resource":
                    self.declared[f"{labels[1]}.{labels[2]}"] = inner
        assert given.keys() <= self.variables.keys(), given.keys() - self.variables.keys()
        self.given = given

    def variable(self, name):
        return self.given[name] if name in self.given else self.value(self.variables[name][0]["default"])

    def broken(self):
        """The messages of the validations that do not hold."""
        rules = [rule for _, rules in self.variables.values() for rule in rules]
        return [self.value(rule["error_message"]) for rule in rules if not self.value(rule["condition"])]

    def resources(self):
        """What is there, by address; of several by `for_each`, with the key behind it."""
        found = {}
        for address, inner in self.declared.items():
            attributes, _ = body(inner)
            if "for_each" in attributes:
                for key, value in self.value(attributes["for_each"]).items():
                    found[f"{address}/{key}"] = self.block(inner, {"each": {"key": key, "value": value}})
            elif "count" not in attributes or self.value(attributes["count"]) == 1:
                found[address] = self.block(inner, {})
        return found

    def block(self, node, scope):
        attributes, blocks = body(node)
        read = {k: self.value(v, scope) for k, v in attributes.items() if k not in ("count", "for_each", "depends_on")}
        return {k: v for k, v in read.items() if v is not None} | {
            labels[0]: self.block(inner, scope) for labels, inner in blocks
        }

    def value(self, node, scope=None):
        return getattr(self, "_" + node.data)(node, scope or {})

    def values(self, node, scope):
        return [self.value(one, scope) for one in parts(node)]

    def _expr_term(self, node, scope):
        [one] = parts(node)
        return self.value(one, scope)

    def _conditional(self, node, scope):
        condition, then, otherwise = parts(node)
        return self.value(then if self.value(condition, scope) else otherwise, scope)

    def _binary_op(self, node, scope):
        left, term = parts(node)
        sign, right = parts(term)
        sign, left = str(sign.children[0]), self.value(left, scope)
        if sign in ("&&", "||"):
            return self.value(right, scope) if left == (sign == "&&") else left
        return OPERATORS[sign](left, self.value(right, scope))

    def _unary_op(self, node, scope):
        assert str(node.children[0]) == "!"
        return not self.value(parts(node)[0], scope)

    def _int_lit(self, node, scope):
        return int(node.children[0])

    def _literal_value(self, node, scope):
        return {"true": True, "false": False, "null": None}[str(node.children[0])]

    def _string(self, node, scope):
        read = []
        for part in parts(node):
            [one] = part.children
            read.append(str(self.value(parts(one)[0], scope)) if isinstance(one, Tree) else json.loads(f'"{one}"'))
        return "".join(read)

    def _heredoc_template_trim(self, node, scope):
        text = str(node.children[0]).split("\n", 1)[1].rstrip()
        return textwrap.dedent(text[: text.rindex("\n") + 1])

    def _tuple(self, node, scope):
        return self.values(node, scope)

    def _object(self, node, scope):
        return {self.key(key, scope): self.value(value, scope) for key, value in map(parts, parts(node))}

    def key(self, node, scope):
        [one] = node.children
        if one.data == "expr_term" and parts(one)[0].data == "identifier":
            return name_of(one)
        return self.value(one, scope)

    def _for(self, node, scope):
        intro, *rest = parts(node)
        *names, over = parts(intro)
        over = self.value(over, scope)
        for pair in over.items() if isinstance(over, dict) else enumerate(over):
            inner = scope | dict(zip([name_of(one) for one in names], pair[-len(names) :], strict=True))
            if rest[-1].data != "for_cond" or self.value(parts(rest[-1])[0], inner):
                yield [self.value(one, inner) for one in rest if one.data != "for_cond"]

    def _for_tuple_expr(self, node, scope):
        return [one for [one] in self._for(node, scope)]

    def _for_object_expr(self, node, scope):
        return dict(self._for(node, scope))

    def _identifier(self, node, scope):
        name = name_of(node)
        return scope[name] if name in scope else {"path": {"module": self.folder}}.get(name, Reference(name))

    def _get_attr_expr_term(self, node, scope):
        of, attribute = parts(node)
        return self.attribute(self.value(of, scope), name_of(parts(attribute)[0]))

    def attribute(self, of, name):
        if not isinstance(of, Reference):
            return of[name]
        address = f"{of.address}.{name}"
        if of.address == "var":
            return self.variable(name)
        if of.address == "local":
            return self.value(self.local[name])
        if of.address in self.declared:
            return f"<{address}>"
        if address in DATA:
            return DATA[address]
        if address in self.declared and "count" in (attributes := body(self.declared[address])[0]):
            return [Reference(address)] * self.value(attributes["count"])
        assert address in self.declared or any(one.startswith(address + ".") for one in DATA), (
            f"{address}: there is none"
        )
        return Reference(address)

    def _index_expr_term(self, node, scope):
        of, index = parts(node)
        return self.value(of, scope)[self.value(parts(index)[0], scope)]

    def _full_splat_expr_term(self, node, scope):
        of, splat = parts(node)
        return [self.attribute(one, name_of(parts(parts(splat)[0])[0])) for one in self.value(of, scope)]

    def _function_call(self, node, scope):
        name, *arguments = parts(node)
        arguments = parts(arguments[0]) if arguments else []
        if name_of(name) in ("can", "try"):
            for argument in arguments:
                try:
                    value = self.value(argument, scope)
                except (KeyError, ValueError):
                    continue
                return True if name_of(name) == "can" else value
            return False
        return FUNCTIONS[name_of(name)](*(self.value(one, scope) for one in arguments))


def regex(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise ValueError(f"{text}: expected {pattern}")
    return found[0]


def template(path, values):
    with open(path) as file:
        return re.sub(r"(?<!\$)\$\{(\w+)\}", lambda found: values[found[1]], file.read()).replace("$${", "${")


FUNCTIONS = {
    "alltrue": all,
    "basename": lambda path: path.split("/")[-1],
    "concat": lambda *lists: [one for each in lists for one in each],
    "contains": lambda values, value: value in values,
    "filebase64sha256": lambda path: f"<hash of {path}>",
    "jsonencode": json.dumps,
    "length": len,
    "lookup": lambda values, name, otherwise: values.get(name, otherwise),
    "merge": lambda *maps: {name: one for each in maps for name, one in each.items()},
    "one": lambda values: values[0] if values else None,
    "regex": regex,
    "startswith": str.startswith,
    "templatefile": template,
    "trimsuffix": str.removesuffix,
}
