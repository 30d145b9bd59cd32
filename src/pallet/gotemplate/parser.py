"""The parser: tokens to a tree.

Source: the documentation of Go's text/template and its parse package; error texts as
`docker image inspect --format` 20.10 (Go 1.19) prints them.
"""

from __future__ import annotations

from .literals import number, string
from .nodes import (
    Action,
    Branch,
    Chain,
    Command,
    Dot,
    Field,
    Identifier,
    Invoke,
    ListNode,
    Literal,
    Mark,
    Nil,
    Node,
    Pipe,
    Text,
    Variable,
)
from .quoting import quote
from .stream import TokenStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from .lexer import Token

MAX_DEPTH = 60
"""How deep parentheses and blocks may nest together: far past any real format, far short of Python's stack."""

_OPERANDS = frozenset(
    ("bool", "char", "complex", "dot", "field", "ident", "number", "raw", "string", "var", "paren_open"),
)


class Parser(TokenStream):
    """Parses one template text and the templates defined in it.

    Args:
        text: the template.
        name: its name, for errors.
        functions: the names a template may call.
    """

    def __init__(self, text: str, name: str, functions: Container[str]) -> None:
        super().__init__(text, name)
        self._functions = functions
        self._vars = ["$"]
        self._depth = 0
        self._ranges = 0
        self.templates: dict[str, ListNode] = {}

    def parse(self) -> dict[str, ListNode]:
        """The trees by template name; the text itself is under the parser's own name.

        Raises:
            TemplateError: with Go's text.
        """
        root = ListNode(0)
        while self._peek().kind != "eof":
            if self._peek().kind == "left" and self._peek_word(1).text == "define":
                self._next()
                self._word()
                self._definition()
                continue
            node = self._text_or_action()
            if isinstance(node, Mark) and node.keyword in ("else", "end"):
                raise self._error(f"unexpected {node}")
            root.nodes.append(node)
        self._add(self._name, root)
        return self.templates

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"template nests deeper than {MAX_DEPTH} levels")

    # Blocks.

    def _add(self, name: str, body: ListNode) -> None:
        known = self.templates.get(name)
        if known is None or known.is_empty():
            self.templates[name] = body
        elif not body.is_empty():
            raise self._error(f"template: multiple definition of template {quote(name)}")

    def _definition(self) -> None:
        context = "define clause"
        token = self._expect(("string", "raw"), context)
        name = self._string(token)
        self._expect(("right",), context)
        self._add(name, self._template_body(context))

    def _template_body(self, context: str) -> ListNode:
        """The body of a define or block: its variables and loops are its own."""
        outer = self._vars, self._ranges
        self._vars, self._ranges = ["$"], 0
        body, end = self._item_list()
        if end.keyword != "end":
            raise self._error(f"unexpected {end} in {context}")
        self._vars, self._ranges = outer
        return body

    def _item_list(self) -> tuple[ListNode, Mark]:
        """Everything up to an else or end, which is returned too."""
        body = ListNode(self._peek_word().pos)
        while self._peek_word().kind != "eof":
            node = self._text_or_action()
            if isinstance(node, Mark) and node.keyword in ("else", "end"):
                return body, node
            body.nodes.append(node)
        raise self._error("unexpected EOF")

    def _text_or_action(self) -> Node:
        token = self._word()
        if token.kind == "text":
            return Text(token.pos, token.text)
        if token.kind != "left":
            raise self._unexpected(token, "input")
        self._action_line = token.line
        node = self._action()
        self._action_line = 0
        return node

    def _action(self) -> Node:
        token = self._peek_word()
        if token.kind != "keyword" or token.text in ("nil", "define"):
            return Action(token.pos, self._pipeline("command", "right"))
        self._word()
        if token.text in ("if", "range", "with"):
            return self._branch(token.text)
        if token.text in ("break", "continue"):
            self._expect(("right",), f"{{{{{token.text}}}}}")
            if not self._ranges:
                raise self._error(f"{{{{{token.text}}}}} outside {{{{range}}}}")
            return Mark(token.pos, token.text)
        if token.text == "end":
            return Mark(self._expect(("right",), "end").pos, "end")
        if token.text == "else":
            if self._peek_word().text == "if":
                return Mark(self._peek_word().pos, "else")
            return Mark(self._expect(("right",), "else").pos, "else")
        return self._invoke(token.text)

    def _branch(self, keyword: str) -> Branch:
        self._deeper()
        visible = len(self._vars)
        pipe = self._pipeline(keyword, "right")
        self._ranges += keyword == "range"
        body, end = self._item_list()
        self._ranges -= keyword == "range"
        otherwise: ListNode | None = None
        if end.keyword == "else" and keyword == "if" and self._peek_word().text == "if":
            # {{else if}} is an if inside the else; the one {{end}} closes both.
            self._word()
            otherwise = ListNode(end.pos)
            otherwise.nodes.append(self._branch("if"))
        elif end.keyword == "else":
            if self._peek_word().text == "if":
                raise self._unexpected(self._word(), "input")
            otherwise, end = self._item_list()
            if end.keyword != "end":
                raise self._error(f"expected end; found {end}")
        del self._vars[visible:]
        self._depth -= 1
        return Branch(keyword, pipe, body, otherwise)

    def _invoke(self, keyword: str) -> Invoke:
        context = f"{keyword} clause"
        token = self._expect(("string", "raw"), context)
        name = self._string(token)
        if keyword == "template" and self._peek_word().kind == "right":
            self._word()
            return Invoke(token.pos, name, None)
        pipe = self._pipeline(context, "right")
        if keyword == "block":
            self._deeper()
            self._add(name, self._template_body(context))
            self._depth -= 1
        return Invoke(token.pos, name, pipe)

    # Pipelines.

    def _pipeline(self, context: str, end: str) -> Pipe:
        pipe = Pipe(self._peek_word().pos)
        self._declarations(pipe, context)
        while True:
            token = self._word()
            if token.kind == end:
                self._check(pipe, context)
                return pipe
            if token.kind not in _OPERANDS and token.text != "nil":
                raise self._unexpected(token, context)
            self._at -= 1
            pipe.commands.append(self._command())

    def _declarations(self, pipe: Pipe, context: str) -> None:
        while self._peek_word().kind == "var":
            start = self._at
            variable = self._word().text
            after = self._peek_word()
            if after.kind not in ("assign", "declare") and after.text != ",":
                self._at = start
                return
            self._word()
            pipe.declared.append(variable)
            self._vars.append(variable)
            if after.text != ",":
                pipe.assigns = after.kind == "assign"
                return
            if context != "range" or len(pipe.declared) > 1:
                raise self._error(f"too many declarations in {context}")
            if self._peek_word().kind not in ("var", "right", "paren_close"):
                raise self._error("range can only initialize variables")

    def _check(self, pipe: Pipe, context: str) -> None:
        if not pipe.commands:
            raise self._error(f"missing value for {context}")
        for stage, command in enumerate(pipe.commands[1:], 2):
            if isinstance(command.args[0], (Dot, Nil, Literal)):
                raise self._error(f"non executable command in pipeline stage {stage}")

    def _command(self) -> Command:
        command = Command(self._peek_word().pos)
        while True:
            self._peek_word()
            operand = self._operand()
            if operand is not None:
                command.args.append(operand)
            token = self._next()
            if token.kind == "space":
                continue
            if token.kind in ("right", "paren_close"):
                self._at -= 1
            elif token.kind != "pipe":
                raise self._unexpected(token, "operand")
            break
        if not command.args:
            raise self._error("empty command")
        return command

    def _operand(self) -> Node | None:
        node = self._term()
        if node is None or self._peek().kind != "field":
            return node
        pos = self._peek().pos
        names: tuple[str, ...] = ()
        while self._peek().kind == "field":
            names += (self._next().text[1:],)
        if isinstance(node, Field):
            return Field(pos, node.names + names)
        if isinstance(node, Variable):
            return Variable(pos, node.name, names)
        if isinstance(node, (Literal, Nil, Dot)):
            raise self._error(f"unexpected . after term {quote(str(node))}")
        return Chain(pos, node, names)

    def _term(self) -> Node | None:
        token = self._word()
        kind, text, pos = token.kind, token.text, token.pos
        if kind == "field":
            return Field(pos, (text[1:],))
        if kind == "ident":
            if text not in self._functions:
                raise self._error(f"function {quote(text)} not defined")
            return Identifier(pos, text)
        if kind == "dot":
            return Dot(pos)
        if kind == "var":
            if text not in self._vars:
                raise self._error(f"undefined variable {quote(text)}")
            return Variable(pos, text)
        if kind == "bool":
            return Literal(pos, text == "true", text)
        if kind in ("string", "raw"):
            return Literal(pos, self._string(token), text)
        if kind in ("number", "complex", "char"):
            try:
                return number(token)
            except ValueError as error:
                raise self._error(str(error)) from None
        if kind == "paren_open":
            self._deeper()
            pipe = self._pipeline("parenthesized pipeline", "paren_close")
            self._depth -= 1
            return pipe
        if kind == "keyword" and text == "nil":
            return Nil(pos)
        self._at -= 1
        return None

    def _string(self, token: Token) -> str:
        try:
            return string(token)
        except ValueError:
            raise self._error("invalid syntax") from None
