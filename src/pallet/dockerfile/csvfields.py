"""The fields of one line of comma-separated values, as RFC 4180 quotes them."""

from __future__ import annotations

from pallet.errors import InvalidInput


def csv_fields(text: str, what: str) -> list[str]:
    """Split at commas; a field in double quotes may hold commas, and quotes written twice.

    Args:
        text: the line.
        what: what it holds, for the error.

    Raises:
        InvalidInput: a quote where none may be, with Go's text.
    """
    fields: list[str] = []
    position = 0
    while True:
        if text.startswith('"', position):
            field, position = _quoted_field(text, position + 1, what)
        else:
            end = text.find(",", position)
            end = len(text) if end < 0 else end
            field = text[position:end]
            if '"' in field:
                column = position + field.index('"') + 1
                raise _error(what, column, 'bare " in non-quoted-field')
            position = end
        fields.append(field)
        if position >= len(text):
            return fields
        position += 1


def _quoted_field(text: str, position: int, what: str) -> tuple[str, int]:
    field = ""
    while True:
        end = text.find('"', position)
        if end < 0:
            raise _error(what, len(text) + 1, 'extraneous or missing " in quoted-field')
        field += text[position:end]
        position = end + 1
        if text.startswith('"', position):
            field += '"'
            position += 1
        elif position == len(text) or text[position] == ",":
            return field, position
        else:
            raise _error(what, end + 1, 'extraneous or missing " in quoted-field')


def _error(what: str, column: int, why: str) -> InvalidInput:
    return InvalidInput(f"failed to parse csv {what}: parse error on line 1, column {column}: {why}")
