"""The evaluator: a parsed template and a value to text.

Source: the documentation of Go's text/template; error texts, and the node each error names, as
`docker image inspect --format` 20.10 (Go 1.19) prints them.
"""

from __future__ import annotations

from pallet.errors import TemplateError

from .nodes import Action, Branch, Invoke, ListNode, Mark, Node, Pipe, Text
from .pipelines import Pipelines
from .quoting import quote
from .values import MISSING, GoStruct, is_interface_element, is_true, kind_of, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_STEPS = 2_000_000
"""How many nodes one execution may visit, so that no template runs for ever."""
MAX_TEMPLATE_DEPTH = 60
"""How deep templates may call templates. Go's limit, 100000, is the number its error names."""


class Execution(Pipelines):
    """One run of a template."""

    def run(self, value: object) -> str:
        """The output for a value.

        Raises:
            TemplateError: with Go's text.
        """
        dot = MISSING if value is None else value
        self._vars = [("$", dot)]
        try:
            self._walk_list(dot, self._templates[self._name])
        except RecursionError:
            raise self._error("exceeded maximum depth") from None
        return "".join(self._out)

    # Nodes.

    def _walk_list(self, dot: object, body: ListNode) -> str:
        """Runs nodes in turn; returns "break" or "continue" where a loop is to be told of one."""
        for node in body.nodes:
            signal = self._walk(dot, node)
            if signal:
                return signal
        return ""

    def _walk(self, dot: object, node: Node) -> str:
        self._node = node
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise self._error(f"template takes more than {MAX_STEPS} steps")
        if isinstance(node, Text):
            self._grow(node.text)
            self._out.append(node.text)
        elif isinstance(node, Action):
            value = self._pipeline(dot, node.pipe)
            if not node.pipe.declared:
                self._node = node
                self._print(value)
        elif isinstance(node, Branch):
            return self._range(dot, node) if node.keyword == "range" else self._condition(dot, node)
        elif isinstance(node, Invoke):
            self._invoke(dot, node)
        elif isinstance(node, Mark):
            return node.keyword
        return ""

    def _print(self, value: object) -> None:
        if isinstance(value, str):
            text = value
        elif value is MISSING:
            text = "<no value>"
        elif kind_of(value) == "func":
            raise self._error(f"can't print {self._node} of type {type_name(value)}")
        else:
            from .printing import sprint

            if isinstance(value, GoStruct) and value.pointer:
                # An action follows the pointer, which printf does not: {...}, not &{...}.
                value = GoStruct(value.go_type, value)
            text = self._guard(sprint, [value])
        self._grow(text)
        self._out.append(text)

    def _guard(self, function: Callable[..., str], *args: object) -> str:
        try:
            return function(*args)
        except TemplateError as error:
            raise self._error(error.message) from None

    def _condition(self, dot: object, node: Branch) -> str:
        mark = len(self._vars)
        value = self._pipeline(dot, node.pipe)
        signal = ""
        if is_true(value):
            signal = self._walk_list(value if node.keyword == "with" else dot, node.body)
        elif node.otherwise is not None:
            signal = self._walk_list(dot, node.otherwise)
        del self._vars[mark:]
        return signal

    def _range(self, dot: object, node: Branch) -> str:
        outer = len(self._vars)
        value = self._pipeline(dot, node.pipe)
        mark = len(self._vars)
        ran, outer_boxed, boxes = False, self._boxed, is_interface_element(value)
        for key, item in self._items(value):
            ran = True
            self._set_loop_variables(node.pipe, key, item)
            if boxes:
                self._boxed = item
            signal = self._walk_list(item, node.body)
            del self._vars[mark:]
            if signal == "break":
                break
        self._boxed = outer_boxed
        signal = ""
        if not ran and node.otherwise is not None:
            signal = self._walk_list(dot, node.otherwise)
        del self._vars[outer:]
        return signal

    def _items(self, value: object) -> list[tuple[object, object]]:
        kind = kind_of(value)
        if isinstance(value, dict) and kind == "map":
            return [(key, value[key]) for key in sorted(value, key=str)]
        if isinstance(value, (list, tuple)):
            return list(enumerate(value))
        if kind in ("invalid", "map", "slice"):
            return []
        from .printing import describe

        raise self._error(f"range can't iterate over {self._guard(describe, value)}")

    def _set_loop_variables(self, pipe: Pipe, key: object, item: object) -> None:
        """Sets one variable to the item, or two to the key and the item. Declared ones are last on the stack."""
        count = len(pipe.declared)
        for at, value in enumerate((key, item)[2 - count :]):
            if pipe.assigns:
                self._assign(pipe.declared[at], value)
            else:
                self._vars[len(self._vars) - count + at] = (pipe.declared[at], value)

    def _invoke(self, dot: object, node: Invoke) -> None:
        body = self._templates.get(node.name)
        if body is None:
            raise self._error(f"template {quote(node.name)} not defined")
        if self._depth >= MAX_TEMPLATE_DEPTH:
            raise self._error("exceeded maximum template depth (100000)")
        value = MISSING if node.pipe is None else self._pipeline(dot, node.pipe)
        outer_vars, outer_name = self._vars, self._name
        self._vars, self._name = [("$", value)], node.name
        self._depth += 1
        self._walk_list(value, body)
        self._depth -= 1
        self._vars, self._name = outer_vars, outer_name
