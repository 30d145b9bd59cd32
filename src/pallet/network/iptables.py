"""iptables-save and iptables-restore, and the environment in which they, and netavark's iptables, run."""

from __future__ import annotations

import os

from pallet.host.idmap import in_user_namespace
from pallet.host.spawn import Spawned, find_program


def environment() -> dict[str, str]:
    """The environment of programs that change firewall rules.

    iptables of the older kind locks a file in /run, which is closed to users; pallet's own lock does the same for them.
    """
    return {**os.environ, "XTABLES_LOCKFILE": os.devnull} if in_user_namespace() else dict(os.environ)


def saved_rules(kind: str) -> str | None:
    """The rules there are, as iptables-save prints them; None if it is not installed.

    Args:
        kind: `iptables` or `ip6tables`.
    """
    program = find_program(f"{kind}-save")
    if program is None or find_program(f"{kind}-restore") is None:
        return None
    return Spawned([program], env=environment()).wait().stdout.decode(errors="replace")


def change_rules(kind: str, script: str) -> None:
    """Tell iptables-restore; without it nothing happens.

    Args:
        kind: `iptables` or `ip6tables`.
        script: what it reads; nothing is done if it is empty.
    """
    program = find_program(f"{kind}-restore")
    if program is not None and script:
        Spawned([program, "--noflush"], stdin=script.encode(), env=environment()).wait()
