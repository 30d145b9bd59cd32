"""printf's format strings.

Source: the documentation of Go's fmt, with its error notation (`%!d(string=x)`, `%!(EXTRA ...)`, `%!d(MISSING)`).
"""

from __future__ import annotations

from .printing import MAX_NUMBER, Output, print_value
from .scalars import Flags
from .values import MISSING, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_FLAG_NAMES = {"#": "sharp", "0": "zero", "+": "plus", "-": "minus", " ": "space"}


def sprintf(form: str, args: Sequence[object]) -> str:
    """The format with its verbs replaced by the arguments."""
    return _Formatter(form, args).run()


class _Formatter:
    """One run over a format string."""

    __slots__ = ("args", "form", "good_index", "next_arg", "out", "pos", "reordered", "was_index")

    def __init__(self, form: str, args: Sequence[object]) -> None:
        self.form = form
        self.args = args
        self.out = Output()
        self.pos = 0
        self.next_arg = 0
        self.reordered = False
        self.good_index = True
        self.was_index = False

    def run(self) -> str:
        """The result."""
        while True:
            percent = self.form.find("%", self.pos)
            if percent < 0:
                self.out.write(self.form[self.pos :])
                break
            self.out.write(self.form[self.pos : percent])
            self.pos = percent + 1
            self._verb()
        if not self.reordered and self.next_arg < len(self.args):
            self._extra()
        return str(self.out)

    def _extra(self) -> None:
        self.out.write("%!(EXTRA ")
        for index, value in enumerate(self.args[self.next_arg :]):
            if index:
                self.out.write(", ")
            if value is None or value is MISSING:
                self.out.write("<nil>")
            else:
                self.out.write(f"{type_name(value)}=")
                print_value(self.out, value, "v", Flags(), 0)
        self.out.write(")")

    def _peek(self) -> str:
        return self.form[self.pos : self.pos + 1]

    def _verb(self) -> None:
        flags = Flags()
        self.good_index = True
        while self._peek() in ("#", "0", "+", "-", " "):
            setattr(flags, _FLAG_NAMES[self._peek()], True)
            self.pos += 1
        self.was_index = False
        self._index()
        self._width(flags)
        if self._peek() == ".":
            self.pos += 1
            self._precision(flags)
        if not self.was_index:
            self._index()
        flags.zero = flags.zero and not flags.minus
        verb = self._peek()
        self.pos += 1
        if not verb:
            self.out.write("%!(NOVERB)")
        elif verb == "%":
            self.out.write("%")
        elif not self.good_index:
            self.out.write(f"%!{verb}(BADINDEX)")
        elif self.next_arg >= len(self.args):
            self.out.write(f"%!{verb}(MISSING)")
        else:
            if verb == "v":
                flags.sharp_v, flags.sharp = flags.sharp, False
                flags.plus_v, flags.plus = flags.plus, False
            value = self.args[self.next_arg]
            self.next_arg += 1
            print_value(self.out, value, verb, flags, 0)

    def _width(self, flags: Flags) -> None:
        if self._peek() == "*":
            self.pos += 1
            width = self._star()
            if width is None:
                self.out.write("%!(BADWIDTH)")
            elif width < 0:
                flags.width, flags.minus, flags.zero = -width, True, False
            else:
                flags.width = width
            self.was_index = False
            return
        flags.width = self._number()
        if self.was_index and flags.width is not None:
            self.good_index = False

    def _precision(self, flags: Flags) -> None:
        if self.was_index:
            self.good_index = False
        self.was_index = False
        self._index()
        if self._peek() == "*":
            self.pos += 1
            precision = self._star()
            if precision is None:
                self.out.write("%!(BADPREC)")
            elif precision >= 0:
                flags.precision = precision
            self.was_index = False
            return
        flags.precision = self._number() or 0

    def _number(self) -> int | None:
        """Digits at this place; None if there are none. A number past Go's limit swallows the rest of the format."""
        start = self.pos
        while self._peek() and "0" <= self._peek() <= "9":
            self.pos += 1
        digits = self.form[start : self.pos]
        if not digits:
            return None
        if len(digits) > 8 or int(digits[:-1] or "0") > MAX_NUMBER:
            # Go's check looks at the number before its last digit.
            self.pos = len(self.form)
            return None
        return int(digits)

    def _star(self) -> int | None:
        """A width or precision taken from the arguments; None if it is no fitting whole number."""
        if self.next_arg >= len(self.args):
            return None
        value = self.args[self.next_arg]
        self.next_arg += 1
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_NUMBER:
            return None
        return value

    def _index(self) -> None:
        """An explicit argument index: [n]."""
        if self._peek() != "[":
            return
        self.reordered = True
        close = self.form.find("]", self.pos)
        digits = self.form[self.pos + 1 : close] if close > 0 else ""
        good = digits.isascii() and digits.isdecimal() and len(digits) < 8 and 1 <= int(digits) <= len(self.args)
        self.pos = close + 1 if close > 0 else self.pos + 1
        self.was_index = close > 0
        if good:
            self.next_arg = int(digits) - 1
        else:
            self.good_index = False
