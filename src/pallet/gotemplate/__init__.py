"""Go's text/template, for docker's --format.

`parse(text)` gives a Template; `Template.execute(value)` gives its output, as often as there are values. Values are
plain Python data, or the classes of `values` where a Go type shows: GoStruct, GoSlice, GoMap, GoNil, GoInt,
GoJsonNumber, and any object with `__go_field__`.

Source: the documentation of Go's text/template; docker 20.10 (Go 1.19) is the reference for every text.
"""

from __future__ import annotations

from pallet.errors import TemplateError

from .values import MISSING, GoInt, GoJsonNumber, GoMap, GoNil, GoSlice, GoStruct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .nodes import ListNode

__all__ = [
    "MISSING",
    "GoInt",
    "GoJsonNumber",
    "GoMap",
    "GoNil",
    "GoSlice",
    "GoStruct",
    "Template",
    "parse",
]


class Template:
    """A parsed template. It holds no state of a run, and may be executed any number of times.

    Attributes:
        text: the template's text.
        name: its name, which errors begin with.
    """

    __slots__ = ("_templates", "name", "text")

    def __init__(self, text: str, name: str, templates: dict[str, ListNode]) -> None:
        self.text = text
        self.name = name
        self._templates = templates

    def execute(self, value: object, *, missing_key: str = "default") -> str:
        """The template's output for a value.

        Args:
            value: the cursor at the start, also `$`.
            missing_key: what a map's absent entry is: "default" (no value), "zero" (the element type's zero value) or
                "error". docker inspect runs on the typed value with "default", then on the raw JSON with "error".

        Raises:
            TemplateError: "template: NAME:LINE:COLUMN: executing NAME at <...>: ..." as Go words it.
        """
        from .evaluator import Execution

        return Execution(self.text, self.name, self._templates, missing_key).run(value)


def parse(text: str, name: str = "") -> Template:
    """Parses a template.

    Args:
        text: the template.
        name: its name; docker's templates have none.

    Raises:
        TemplateError: "template: NAME:LINE: ..." as Go words it.
    """
    from .functions import FUNCTIONS
    from .parser import Parser

    try:
        return Template(text, name, Parser(text, name, FUNCTIONS).parse())
    except RecursionError:
        raise TemplateError(f"template: {name}:1: template nests too deep") from None
