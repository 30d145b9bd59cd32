"""Names of licences, as packagers write them, to SPDX licence expressions.

Source: SPDX 2.3, annex D (expressions) and the SPDX licence list; Debian's short names are those of DEP-5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

import msgspec

_LISTED = """
0BSD AFL-2.0 AFL-2.1 AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-1.1 Apache-2.0 Artistic-1.0
Artistic-1.0-Perl Artistic-2.0 BSD-1-Clause BSD-2-Clause BSD-3-Clause BSD-4-Clause BSD-4-Clause-UC BSL-1.0
bzip2-1.0.6 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 CDDL-1.0 CDDL-1.1 curl EPL-1.0 EPL-2.0
EUPL-1.2 FSFAP FSFUL FSFULLR FTL GFDL-1.2-only GFDL-1.2-or-later GFDL-1.3-only GFDL-1.3-or-later GPL-1.0-only
GPL-1.0-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later HPND ICU IJG ISC LGPL-2.0-only
LGPL-2.0-or-later LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later libpng-2.0 Libpng MIT MIT-0
MPL-1.1 MPL-2.0 MS-PL NCSA OFL-1.1 OLDAP-2.8 OpenSSL PHP-3.01 PostgreSQL PSF-2.0 Python-2.0 Ruby SISSL
Sleepycat SSPL-1.0 TCL Unicode-DFS-2016 Unlicense UPL-1.0 Vim W3C WTFPL X11 Zlib ZPL-2.1
"""
_BY_LOWER = {name.lower(): name for name in _LISTED.split()}
_OTHER_NAMES = {
    "expat": "MIT",
    "mit license": "MIT",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "asl 2.0": "Apache-2.0",
    "artistic": "Artistic-1.0-Perl",
    "bsd-2": "BSD-2-Clause",
    "bsd-3": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "mplv2.0": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "psf": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "perl": "Artistic-1.0-Perl OR GPL-1.0-or-later",
}
_GNU = re.compile(r"(A?GPL|LGPL|GFDL)(?:v|-)?(\d(?:\.\d)?)(\+|-only|-or-later)?\Z", re.I)
_TOKEN = re.compile(r"\(|\)|[^\s()]+")
_WORDS = frozenset({"and", "or", "with"})


class Expression(msgspec.Struct, frozen=True):
    """An SPDX expression, empty if nothing is known, and the licences in it that are not on the list: id to name."""

    text: str
    extracted: dict[str, str]


def expression(licenses: Iterable[str]) -> Expression:
    """One expression for licences all of which apply.

    A name that is neither on the list nor a well-known other name becomes a `LicenseRef-`.
    """
    extracted: dict[str, str] = {}
    parts = [_one(name.strip(), extracted) for name in licenses if name.strip()]
    parts = list(dict.fromkeys(parts))
    if len(parts) > 1:
        parts = [f"({part})" if " OR " in part or " WITH " in part else part for part in parts]
    return Expression(" AND ".join(parts), extracted)


def _one(name: str, extracted: dict[str, str]) -> str:
    known = _known(name)
    if known:
        return known
    tokens = _TOKEN.findall(name)
    if len(tokens) > 1 and _is_expression(tokens):
        return " ".join(_token(token, extracted) for token in tokens).replace("( ", "(").replace(" )", ")")
    return _reference(name, extracted)


def _known(name: str) -> str:
    lowered = name.lower()
    if lowered in _BY_LOWER:
        return _BY_LOWER[lowered]
    if lowered in _OTHER_NAMES:
        return _OTHER_NAMES[lowered]
    gnu = _GNU.match(name)
    if gnu:
        kind, version, suffix = gnu.groups()
        version = version if "." in version else version + ".0"
        later = "or-later" if suffix in ("+", "-or-later") else "only"
        return _BY_LOWER.get(f"{kind}-{version}-{later}".lower(), "")
    return ""


def _is_expression(tokens: list[str]) -> bool:
    """Whether words and operators alternate, as in an expression, rather than make a sentence."""
    bare = [token for token in tokens if token not in "()"]
    operators = [token.lower() in _WORDS for token in bare]
    balanced = tokens.count("(") == tokens.count(")")
    if any(not name.endswith("-exception") for word, name in pairwise(bare) if word.lower() == "with"):
        return False  # only an exception may stand there
    return balanced and len(bare) % 2 == 1 and all(flag == bool(place % 2) for place, flag in enumerate(operators))


def _token(token: str, extracted: dict[str, str]) -> str:
    if token in "()":
        return token
    if token.lower() in _WORDS:
        return token.upper()
    return _known(token) or (token if token.endswith("-exception") else _reference(token, extracted))


def _reference(name: str, extracted: dict[str, str]) -> str:
    id = "LicenseRef-" + (re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-") or "unnamed")
    extracted.setdefault(id, name)
    return id
