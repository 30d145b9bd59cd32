"""`pallet events`: what happens, as it happens."""

from __future__ import annotations

from pallet.cli.command import Command, Flag
from pallet.cli.failure import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pallet.cli.command import Options
    from pallet.cli.context import Context
    from pallet.store.events import Event

_USAGE = 64


def _moment(text: str) -> int | None:
    from pallet.errors import InvalidInput
    from pallet.ops.times import parse_until

    try:
        return parse_until(text) if text else None
    except InvalidInput as error:  # docker's client finds these itself
        raise Failure(error.message, exit_code=1) from None


def _writer(template: str) -> Callable[[Event], str]:
    if not template:
        return _line
    from pallet.errors import TemplateError
    from pallet.gotemplate import parse

    try:
        compiled = parse(template)
    except TemplateError as error:
        raise Failure(f"Error parsing format: {error.message}", exit_code=_USAGE) from None

    def write(event: Event) -> str:
        try:
            return compiled.execute(_value(event))
        except TemplateError as error:
            raise Failure(f"Error parsing format: {error.message}", exit_code=_USAGE) from None

    from pallet.store.events import Event

    write(Event(0, 0, "", "", "", {}))  # as docker: a template that cannot do is found before anything has happened
    return write


def _line(event: Event) -> str:
    """docker's line for people, with the machine's own time."""
    import time

    moment = time.localtime(event.time // 1_000_000_000)
    zone = time.strftime("%z", moment)
    shown = time.strftime("%Y-%m-%dT%H:%M:%S", moment) + f".{event.time % 1_000_000_000:09d}"
    shown += "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}"
    attributes = ", ".join(f"{key}={value}" for key, value in sorted(event.attributes.items()))
    return f"{shown} {event.type} {event.action} {event.actor}" + (f" ({attributes})" if attributes else "")


def _value(event: Event) -> object:
    """docker's events.Message."""
    from pallet.cli.govalues import string_map
    from pallet.gotemplate import GoInt, GoStruct
    from pallet.ops.follow_events import event_json

    plain = event_json(event)
    old = ("status", "id", "from")
    actor = {"ID": event.actor, "Attributes": string_map(plain["Actor"]["Attributes"])}
    fields = {
        "Status": plain.get("status", ""),
        "ID": plain.get("id", ""),
        "From": plain.get("from", ""),
        "Type": event.type,
        "Action": event.action,
        "Actor": GoStruct("events.Actor", actor),
        "Scope": "local",
        "Time": GoInt(plain["time"], "int64"),
        "TimeNano": GoInt(plain["timeNano"], "int64"),
    }
    tags = {name: f"{json},omitempty" for name, json in zip(("Status", "ID", "From"), old, strict=True)}
    tags |= {"Scope": "scope,omitempty", "Time": "time,omitempty", "TimeNano": "timeNano,omitempty"}
    return GoStruct("events.Message", fields, tags=tags, pointer=True)


def _run(ctx: Context, opts: Options, args: list[str]) -> int:
    from pallet.ops.follow_events import follow_events

    write = _writer(opts.format)
    events = follow_events(ctx.engine, since=_moment(opts.since), until=_moment(opts.until), filters=opts.filter)
    for event in events:
        ctx.print(write(event))
        ctx.stdout.flush()
    return 0


COMMAND = Command(
    "events [OPTIONS]",
    "Get real time events from the server",
    _run,
    example="pallet events --since 10m --filter type=container --filter event=die",
    flags=(
        Flag(
            "filter",
            "f",
            "filter",
            help="Filter output based on conditions provided",
            complete="container= event= image= label= network= scope= type= volume=",
        ),
        Flag("format", kind="string", help="Format the output using the given Go template"),
        Flag("since", kind="string", help="Show all events created since timestamp"),
        Flag("until", kind="string", help="Stream events until this timestamp"),
    ),
    args=(0, 0),
)
