"""The syntax tree. A node's str() is its source form, which is what execution errors quote between < and >.

Source: the documentation of Go's text/template/parse.
"""

from __future__ import annotations


class Node:
    """Anything in the tree.

    Attributes:
        pos: where it starts in the template's text, in characters.
    """

    __slots__ = ("pos",)

    def __init__(self, pos: int) -> None:
        self.pos = pos


class Text(Node):
    """Plain text."""

    __slots__ = ("text",)

    def __init__(self, pos: int, text: str) -> None:
        super().__init__(pos)
        self.text = text

    def __str__(self) -> str:
        return self.text


class ListNode(Node):
    """Nodes that run one after the other."""

    __slots__ = ("nodes",)

    def __init__(self, pos: int) -> None:
        super().__init__(pos)
        self.nodes: list[Node] = []

    def __str__(self) -> str:
        return "".join(map(str, self.nodes))

    def is_empty(self) -> bool:
        """Whether there is nothing but white space: such a definition gives way to another of its name."""
        return all(isinstance(node, Text) and not node.text.strip() for node in self.nodes)


class Identifier(Node):
    """A function's name."""

    __slots__ = ("name",)

    def __init__(self, pos: int, name: str) -> None:
        super().__init__(pos)
        self.name = name

    def __str__(self) -> str:
        return self.name


class Dot(Node):
    """The cursor."""

    __slots__ = ()

    def __str__(self) -> str:
        return "."


class Nil(Node):
    """The untyped nil."""

    __slots__ = ()

    def __str__(self) -> str:
        return "nil"


class Literal(Node):
    """A bool, number, character or string.

    Attributes:
        value: the constant; a character is its code.
        source: how the template spells it.
        overflows: whether it fits only an unsigned number, which no template value is.
    """

    __slots__ = ("overflows", "source", "value")

    def __init__(
        self, pos: int, value: bool | int | float | complex | str, source: str, *, overflows: bool = False
    ) -> None:
        super().__init__(pos)
        self.value = value
        self.source = source
        self.overflows = overflows

    def __str__(self) -> str:
        return self.source


class Field(Node):
    """A chain of fields of the cursor: `.A.B`."""

    __slots__ = ("names",)

    def __init__(self, pos: int, names: tuple[str, ...]) -> None:
        super().__init__(pos)
        self.names = names

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


class Variable(Node):
    """A variable, with fields perhaps: `$x.A`."""

    __slots__ = ("fields", "name")

    def __init__(self, pos: int, name: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(pos)
        self.name = name
        self.fields = fields

    def __str__(self) -> str:
        return ".".join((self.name, *self.fields))


class Chain(Node):
    """Fields of a parenthesised pipeline or of a function's result: `(f .X).A`."""

    __slots__ = ("names", "node")

    def __init__(self, pos: int, node: Node, names: tuple[str, ...]) -> None:
        super().__init__(pos)
        self.node = node
        self.names = names

    def __str__(self) -> str:
        inner = f"({self.node})" if isinstance(self.node, Pipe) else str(self.node)
        return inner + "".join(f".{name}" for name in self.names)


class Command(Node):
    """One stage of a pipeline: a function and its arguments, or a lone operand."""

    __slots__ = ("args",)

    def __init__(self, pos: int) -> None:
        super().__init__(pos)
        self.args: list[Node] = []

    def __str__(self) -> str:
        return " ".join(f"({arg})" if isinstance(arg, Pipe) else str(arg) for arg in self.args)


class Pipe(Node):
    """A pipeline, perhaps with variables that take its value.

    Attributes:
        declared: the variables, in order.
        assigns: whether they exist already (`=`, not `:=`).
        commands: the stages.
    """

    __slots__ = ("assigns", "commands", "declared")

    def __init__(self, pos: int) -> None:
        super().__init__(pos)
        self.declared: list[str] = []
        self.assigns = False
        self.commands: list[Command] = []

    def __str__(self) -> str:
        head = ", ".join(self.declared)
        if head:
            head += " = " if self.assigns else " := "
        return head + " | ".join(map(str, self.commands))


class Action(Node):
    """A pipeline whose value is printed."""

    __slots__ = ("pipe",)

    def __init__(self, pos: int, pipe: Pipe) -> None:
        super().__init__(pos)
        self.pipe = pipe

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


class Branch(Node):
    """An if, with or range.

    Attributes:
        keyword: which of the three.
        pipe: the condition.
        body: what runs when it holds.
        otherwise: the else part, if there is one.
    """

    __slots__ = ("body", "keyword", "otherwise", "pipe")

    def __init__(self, keyword: str, pipe: Pipe, body: ListNode, otherwise: ListNode | None) -> None:
        super().__init__(pipe.pos)
        self.keyword = keyword
        self.pipe = pipe
        self.body = body
        self.otherwise = otherwise

    def __str__(self) -> str:
        middle = "" if self.otherwise is None else f"{{{{else}}}}{self.otherwise}"
        return f"{{{{{self.keyword} {self.pipe}}}}}{self.body}{middle}{{{{end}}}}"


class Invoke(Node):
    """A call of a named template.

    Attributes:
        name: the template's name.
        pipe: what it gets as its cursor, if anything.
    """

    __slots__ = ("name", "pipe")

    def __init__(self, pos: int, name: str, pipe: Pipe | None) -> None:
        super().__init__(pos)
        self.name = name
        self.pipe = pipe

    def __str__(self) -> str:
        from .quoting import quote

        return f"{{{{template {quote(self.name)}{'' if self.pipe is None else f' {self.pipe}'}}}}}"


class Mark(Node):
    """A keyword that stands alone: break, continue, else or end."""

    __slots__ = ("keyword",)

    def __init__(self, pos: int, keyword: str) -> None:
        super().__init__(pos)
        self.keyword = keyword

    def __str__(self) -> str:
        return f"{{{{{self.keyword}}}}}"
