"""Files of `Field: value` paragraphs: Debian's control files and Python's metadata.

Source: Debian policy manual, chapter 5.1; Python's core metadata, which is RFC 5322's.
"""

from __future__ import annotations

from collections.abc import Iterator


def paragraphs(text: str) -> Iterator[dict[str, str]]:
    """The paragraphs of a file: field names in lower case, values with their further lines as they are."""
    fields: dict[str, str] = {}
    last = ""
    for line in text.split("\n"):
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t":
            if last:
                fields[last] += "\n" + line
        else:
            name, colon, value = line.partition(":")
            last = name.lower() if colon else ""
            if last:
                fields[last] = value.strip()
    if fields:
        yield fields
