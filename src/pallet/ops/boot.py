"""Starting at boot what docker's daemon would start, and the systemd units that have it done.

Source: docker's documentation of restart policies; systemd.unit(5), systemd.service(5).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping

from pallet.engine import Engine
from pallet.errors import NoSuchContainer, PalletError
from pallet.ops.container_settle import settle_container
from pallet.ops.container_start import start_container
from pallet.ops.container_state import current
from pallet.ops.supervision import wants_restart
from pallet.runtime.paths import ContainerPaths
from pallet.store.container_record import ContainerRecord, ContainerState

_ALL = "pallet.service"
_STOP_TIMEOUT = 10
_GRACE = 15  # seconds beyond the container's own time to stop


def start_at_boot(engine: Engine, failed: Callable[[ContainerRecord, PalletError], None]) -> list[str]:
    """Start the containers whose restart policy wants it.

    Args:
        engine: whose containers.
        failed: gets each that cannot be started, and why; the others are started all the same.

    Returns:
        The names of those that were started, the oldest first.
    """
    started = []
    for record in reversed(engine.store.containers.all()):
        try:
            if current(engine, record.id)[1].running:
                continue
            settle_container(engine, record.id)
            if not starts_at_boot(record, engine.store.containers.state(record.id)):
                continue
            start_container(engine, record)
        except NoSuchContainer:
            continue
        except PalletError as error:
            failed(record, error)
        else:
            started.append(record.name)
    return started


def starts_at_boot(record: ContainerRecord, state: ContainerState) -> bool:
    """Whether a container that does not run is started at boot: `always` even if the user had it stopped."""
    if record.host.restart_policy.name == "always":
        return state.started > 0
    return wants_restart(record, state)


def systemd_units(engine: Engine, names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Unit files, by name.

    Args:
        engine: whose containers.
        names: containers that get a unit each; without any, one unit starts all that have a restart policy.
        environ: variables that pallet was called with; those that are its own settings are kept.

    Raises:
        NoSuchContainer: there is none.
    """
    records = [engine.store.containers.find(name) for name in names]
    settings = engine.settings
    kept = {"PALLET_ROOT": settings.root, "PALLET_RUN": settings.run_dir}
    kept |= {name: value for name, value in environ.items() if name in ("PALLET_RUNTIME", "PALLET_SNAPSHOTTER")}
    variables = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in kept.items())
    if not records:
        text = _unit("containers with a restart policy", "oneshot", "RemainAfterExit=yes\n", variables)
        return {_ALL: text + f"ExecStart={_command('system', 'boot')}\n{_INSTALL}"}
    units = {}
    for record in records:
        timeout = _STOP_TIMEOUT if record.config.stop_timeout is None else record.config.stop_timeout
        own = f"PIDFile={_escaped(ContainerPaths(settings, record.id).conmon_pidfile)}\n"
        own += f"TimeoutStopSec={max(timeout, 0) + _GRACE}\n"
        text = _unit(f"container {record.name}", "forking", own, variables)
        text += f"ExecStart={_command('container', 'start', record.name)}\n"
        text += f"ExecStop={_command('container', 'stop', record.name)}\n"
        units[f"pallet-{record.name}.service"] = text + _INSTALL
    return units


_INSTALL = "\n[Install]\nWantedBy=multi-user.target\n"


def _unit(what: str, kind: str, own: str, variables: str) -> str:
    # The containers' processes are not the unit's to kill: what watches them ends them in order.
    return (
        f"[Unit]\nDescription=pallet: {what}\nWants=network-online.target\n"
        f"After=network-online.target local-fs.target\n\n[Service]\nType={kind}\n{own}KillMode=process\n{variables}"
    )


def _command(*words: str) -> str:
    return " ".join(_quoted(word) for word in (sys.executable, "-P", "-m", "pallet", *words))


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    """A word for systemd, which expands % and $ and splits at blanks."""
    text = _escaped(word).replace("$", "$$")
    if text and not set(text) & set(" \t\"'\\;"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
