"""How a build is drawn: BuildKit's plain lines, and the live view."""

from __future__ import annotations

import io

from pallet.build.events import BuildEvent
from pallet.cli.build_progress import LivePrinter, PlainPrinter, make_printer


def events() -> list[BuildEvent]:
    """Two steps at the same time; one fails."""
    return [
        BuildEvent(1, "[a 1/1] RUN one", "started", 0.0),
        BuildEvent(1, "[a 1/1] RUN one", "log", 0.1234, "first\nsecond\n"),
        BuildEvent(2, "[b 1/1] RUN two", "started", 0.0),
        BuildEvent(1, "[a 1/1] RUN one", "log", 0.5, "10%\r50%\rthird\r\n"),
        BuildEvent(2, "[b 1/1] RUN two", "failed", 0.6, "exit code: 1"),
        BuildEvent(1, "[a 1/1] RUN one", "canceled", 0.7),
    ]


def test_plain_lines() -> None:
    out = io.StringIO()
    printer = PlainPrinter(out)
    for event in events():
        printer(event)
    assert out.getvalue() == (
        "#1 [a 1/1] RUN one\n#1 0.123 first\n#1 0.123 second\n"
        "#2 [b 1/1] RUN two\n"
        "#1 ...\n#1 0.500 third\n"
        "#2 [b 1/1] RUN two\n#2 ERROR: exit code: 1\n\n"
        "#1 [a 1/1] RUN one\n#1 CANCELED\n\n"
    )
    assert printer.report() == "------\n > [b 1/1] RUN two:\n------\n"


def test_done_and_cached() -> None:
    out = io.StringIO()
    printer = PlainPrinter(out)
    for kind in ("started", "cached"):
        printer(BuildEvent(1, "COPY", kind, 0.0))
    for kind in ("started", "done"):
        printer(BuildEvent(2, "RUN", kind, 1.26))  # type: ignore[arg-type]
    assert out.getvalue() == "#1 COPY\n#1 CACHED\n\n#2 RUN\n#2 DONE 1.3s\n\n"
    assert printer.report() == ""


def test_the_live_view_ends_with_all_steps_and_fits_the_terminal() -> None:
    out = io.StringIO()
    printer = LivePrinter(out, 40, 24)
    for event in events():
        printer(event)
    printer.close()
    last = out.getvalue().rpartition("[+] Building")[2]
    assert "(2/2) FINISHED" in last
    assert "CANCELED [a 1/1] RUN one" in last
    assert "ERROR [b 1/1] RUN two" in last
    assert all(len(line.removesuffix("\x1b[K")) <= 40 for line in last.splitlines()[1:])


def test_a_pipe_gets_plain_lines() -> None:
    assert isinstance(make_printer(io.StringIO(), "auto"), PlainPrinter)
