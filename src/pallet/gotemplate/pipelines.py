"""Pipelines: commands, fields, functions and their arguments, to values.

Source: the documentation of Go's text/template; error texts, and the node each error names, as
`docker image inspect --format` 20.10 (Go 1.19) prints them.
"""

from __future__ import annotations

from pallet.errors import TemplateError

from .fields import FieldError, lookup
from .functions import FUNCTIONS, Function
from .nodes import Chain, Command, Dot, Field, Identifier, ListNode, Literal, Nil, Node, Pipe, Variable
from .quoting import quote
from .values import MISSING, GoNil, is_interface_element, is_true, kind_of, type_name

MAX_OUTPUT = 64 << 20
"""The most text, in characters, one execution writes or builds."""

_ABSENT = object()
"""No value comes down the pipeline."""


class Pipelines:
    """The state of one run of a template, and what works out the values in it.

    Args:
        text: the template's text, to locate errors in.
        name: the template's name.
        templates: the trees by name.
        missing_key: "default", "zero" or "error": what an absent map entry is.
    """

    def __init__(self, text: str, name: str, templates: dict[str, ListNode], missing_key: str) -> None:
        self._text = text
        self._parse_name = self._name = name
        self._templates = templates
        self._missing_key = missing_key
        self._node: Node = templates[name]
        self._vars: list[tuple[str, object]] = []
        self._out: list[str] = []
        self._size = 0
        self._steps = 0
        self._depth = 0
        # The element a range stands at, if it comes out of plain JSON data.
        self._boxed: object = _ABSENT

    def _error(self, message: str) -> TemplateError:
        before = self._text[: self._node.pos]
        line_start = before.rfind("\n") + 1
        column = len(before[line_start:].encode("utf-8", "surrogateescape"))
        place = f"{self._parse_name}:{before.count(chr(10)) + 1}:{column}"
        return TemplateError(f"template: {place}: executing {quote(self._name)} at <{self._node}>: {message}")

    def _grow(self, text: str) -> None:
        self._size += len(text)
        if self._size > MAX_OUTPUT:
            raise self._error("template output is too large")

    def _assign(self, name: str, value: object) -> None:
        for at in range(len(self._vars) - 1, -1, -1):
            if self._vars[at][0] == name:
                self._vars[at] = (name, value)
                return
        raise self._error(f"undefined variable: {name}")

    def _variable(self, name: str) -> object:
        for known, value in reversed(self._vars):
            if known == name:
                return value
        raise self._error(f"undefined variable: {name}")

    def _pipeline(self, dot: object, pipe: Pipe) -> object:
        self._node = pipe
        value: object = _ABSENT
        for command in pipe.commands:
            value = self._command(dot, command, value)
            if value is None:
                value = MISSING
        for name in pipe.declared:
            if pipe.assigns:
                self._assign(name, value)
            else:
                self._vars.append((name, value))
        return value

    def _command(self, dot: object, command: Command, final: object) -> object:
        self._steps += 1
        first, args = command.args[0], command.args[1:]
        if isinstance(first, (Field, Chain, Variable)):
            return self._fields(dot, first, args, final)
        if isinstance(first, Identifier):
            return self._function(dot, first, command, args, final)
        if not isinstance(first, Pipe):
            self._node = first
        self._no_arguments(first, args, final)
        if isinstance(first, Pipe):
            return self._pipeline(dot, first)
        if isinstance(first, Dot):
            return dot
        if isinstance(first, Literal):
            return self._constant(first)
        raise self._error("nil is not a command")

    def _no_arguments(self, first: Node, args: list[Node], final: object) -> None:
        if args or final is not _ABSENT:
            raise self._error(f"can't give argument to non-function {first}")

    def _constant(self, node: Literal) -> object:
        self._node = node
        if node.overflows:
            raise self._error(f"{node} overflows int")
        return node.value

    def _fields(self, dot: object, node: Field | Chain | Variable, args: list[Node], final: object) -> object:
        self._node = node
        if isinstance(node, Field):
            receiver, names = dot, node.names
        elif isinstance(node, Variable):
            receiver, names = self._variable(node.name), node.fields
            if not names:
                self._no_arguments(node, args, final)
                return receiver
        else:
            if isinstance(node.node, Nil):
                raise self._error(f"indirection through explicit nil in {node}")
            receiver, names = self._argument(dot, "", node.node), node.names
        boxed = receiver is self._boxed
        for name in names[:-1]:
            container = receiver
            receiver = self._field(dot, name, container, boxed, [], _ABSENT)
            boxed = is_interface_element(container)
        return self._field(dot, names[-1], receiver, boxed, args, final)

    def _field(self, dot: object, name: str, receiver: object, boxed: bool, args: list[Node], final: object) -> object:
        has_args = bool(args) or final is not _ABSENT
        try:
            value = lookup(receiver, name, boxed, self._missing_key, has_args)
        except FieldError as error:
            raise self._error(str(error)) from None
        if isinstance(receiver, dict):
            return value
        if not callable(value) or isinstance(value, GoNil) or hasattr(value, "__go_field__"):
            # A method without parameters, worked out already.
            if has_args:
                raise self._error(f"wrong number of args for {name}: want 0 got {len(args) + (final is not _ABSENT)}")
            return value
        values = [self._argument(dot, "any", arg) for arg in args]
        if final is not _ABSENT:
            values.append(None if final is MISSING else final)
        try:
            return value(*values)
        except TypeError:
            raise self._error(f"wrong number of args for {name}: got {len(values)}") from None

    # Calls.

    def _function(self, dot: object, node: Identifier, whole: Node, args: list[Node], final: object) -> object:
        self._node = node
        name, function = node.name, FUNCTIONS[node.name]
        given = len(args) + (final is not _ABSENT)
        fixed = len(function.params)
        if function.rest and given < fixed:
            raise self._error(f"wrong number of args for {name}: want at least {fixed} got {len(args)}")
        if not function.rest and given != fixed:
            raise self._error(f"wrong number of args for {name}: want {fixed} got {given}")
        if name in ("and", "or"):
            return self._and_or(dot, name, args, final)
        values = []
        for at, arg in enumerate(args):
            values.append(self._argument(dot, function.params[at] if at < fixed else function.rest, arg))
        if final is not _ABSENT:
            at = len(values)
            values.append(self._fit(final, function.params[at] if at < fixed else function.rest))
        return self._call(function, name, whole, values)

    def _call(self, function: Function, name: str, whole: Node, values: list[object]) -> object:
        try:
            result = function.call(*values)
        except TemplateError as error:
            self._node = whole
            raise self._error(f"error calling {name}: {error.message}") from None
        if isinstance(result, str):
            # What functions build counts as output does, or a loop could double a text until memory ends.
            self._grow(result)
        return result

    def _and_or(self, dot: object, name: str, args: list[Node], final: object) -> object:
        value: object = None
        for arg in args:
            value = self._argument(dot, "any", arg)
            if is_true(value) == (name == "or"):
                return value
        return value if final is _ABSENT else self._fit(final, "any")

    def _argument(self, dot: object, go_type: str, node: Node) -> object:
        """An argument's value, checked against the parameter's type ("" for no check)."""
        self._node = node
        if isinstance(node, Dot):
            return self._fit(dot, go_type)
        if isinstance(node, Nil):
            if go_type in ("string", "int"):
                raise self._error(f"cannot assign nil to {go_type}")
            return GoNil(go_type) if go_type == "[]string" else None
        if isinstance(node, (Field, Chain, Variable)):
            return self._fit(self._fields(dot, node, [], _ABSENT), go_type)
        if isinstance(node, Pipe):
            return self._fit(self._pipeline(dot, node), go_type)
        if isinstance(node, Identifier):
            return self._fit(self._function(dot, node, node, [], _ABSENT), go_type)
        if not isinstance(node, Literal):
            raise self._error(f"can't handle {node} for arg of type {go_type}")
        return self._literal(node, go_type)

    def _literal(self, node: Literal, go_type: str) -> object:
        value = node.value
        if go_type == "string":
            if not isinstance(value, str):
                raise self._error(f"expected string; found {node}")
        elif go_type == "int":
            if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 63:
                return int(value)
            if isinstance(value, bool) or not isinstance(value, int) or node.overflows:
                raise self._error(f"expected integer; found {node}")
        elif go_type == "[]string":
            raise self._error(f"can't handle {node} for arg of type []string")
        else:
            return self._constant(node)
        return value

    def _fit(self, value: object, go_type: str) -> object:
        """A value checked against a parameter's type. A plain list of strings passes for []string."""
        if not go_type:
            return value
        if value is None or value is MISSING:
            if go_type in ("string", "int"):
                fault = "invalid value" if value is MISSING else "wrong type for value"
                raise self._error(f"{fault}; expected {go_type}{'' if value is MISSING else '; got interface {}'}")
            return GoNil(go_type) if go_type == "[]string" else None
        if (
            go_type == "any"
            or go_type == type_name(value)
            or (go_type == "[]string" and isinstance(value, GoNil) and kind_of(value) == "slice")
            or (isinstance(value, (list, tuple)) and go_type == "[]string" and all(isinstance(v, str) for v in value))
        ):
            return value
        raise self._error(f"wrong type for value; expected {go_type}; got {type_name(value)}")
