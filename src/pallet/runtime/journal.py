"""What a container wrote to the systemd journal, by `journalctl`.

Source: conmon, src/ctr_logging.c (the fields of its entries); journalctl(1) and systemd.journal-fields(7), and
systemd's documentation of the JSON format (a text that is no UTF-8 is a list of its bytes).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pallet.errors import HostError
from pallet.host.spawn import find_program, run
from pallet.runtime.logs import Entry

_ERROR = "3"  # the priority that conmon gives to standard error
_PAUSE = 0.1  # seconds between looks at a journal that is followed


def read_journal(id: str, *, tail: int | None = None, ended: Callable[[], bool] | None = None) -> Iterator[Entry]:
    """The entries of a container, oldest first.

    Args:
        id: the container's full id.
        tail: how many entries from the end to begin with; None for all.
        ended: for following: tells whether nothing more will come; None not to follow.

    Raises:
        HostError: there is no journalctl, or it fails.
    """
    program = find_program("journalctl")
    if program is None:
        raise HostError("journalctl not found", hint="install systemd, or use another --log-driver")
    words = [program, "--quiet", "--all", "--output=json", f"CONTAINER_ID_FULL={id}"]
    cursor = ""
    while True:
        last = ended is None or ended()
        where = [f"--after-cursor={cursor}"] if cursor else [] if tail is None else [f"--lines={tail}"]
        done = run([*words, *where])
        if done.code != 0:
            raise HostError(f"cannot read the journal: {done.stderr.decode(errors='replace').strip()}")
        for line in done.stdout.splitlines():
            fields = msgspec.json.decode(line)
            cursor = fields.get("__CURSOR", cursor)
            yield entry_of(fields)
        if last:
            return
        time.sleep(_PAUSE)


def entry_of(fields: dict[str, Any]) -> Entry:
    """An entry of the journal as one of the log."""
    message = fields.get("MESSAGE") or ""
    text = bytes(message) if isinstance(message, list) else os.fsencode(message)
    partial = fields.get("CONTAINER_PARTIAL_MESSAGE") == "true"
    microseconds = int(fields["__REALTIME_TIMESTAMP"])
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(microseconds // 10**6))
    stamp = f"{moment}.{microseconds % 10**6:06d}000+00:00"
    stream = "stderr" if fields.get("PRIORITY") == _ERROR else "stdout"
    return Entry(stamp.encode(), stream, text if partial else text + b"\n", partial)
