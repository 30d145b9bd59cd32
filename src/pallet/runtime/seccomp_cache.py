"""Compiled filters for system calls, kept till the next boot.

crun compiles a container's filter with libseccomp, which takes 15 ms, a tenth of a `run`; the result depends on nothing
but the profile and the programs. crun keeps it beside the container's state, for `exec`, and takes a finished one.

Source: crun(1), `run.oci.seccomp_bpf_data`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from pallet.digest import sha256_hex
from pallet.oci.codec import encode
from pallet.runtime.oci_runtime import OciRuntime

COMPILED_FILTER = "seccomp-"
"""How the names of these files begin, in the store's run directory."""

_ANNOTATION = "run.oci.seccomp_bpf_data"
_COMPILED = "seccomp.bpf"
_INSTRUCTION = 8  # bytes


class CompiledFilter:
    """Where the compiled form of a container's filter is, or will be.

    Args:
        run_dir: the store's run directory, which nobody else can write.
        runtime: the OCI runtime.
        spec: the container's configuration.
    """

    def __init__(self, run_dir: str, runtime: OciRuntime, spec: dict[str, Any]) -> None:
        self._path = ""
        self._runtime = runtime
        profile = spec["linux"].get("seccomp")
        # A filter that asks another process is not just data.
        if not profile or "listenerPath" in profile or not runtime.name.startswith("crun"):
            return
        program = os.stat(runtime.path)
        made_by = f"{runtime.path} {program.st_size} {program.st_mtime_ns} {os.uname().release}\n"
        self._path = f"{run_dir}/{COMPILED_FILTER}{sha256_hex(made_by.encode() + encode(profile))[:32]}"

    def annotations(self) -> dict[str, str]:
        """What gives it to the runtime; empty if it has not been compiled yet."""
        if not self._path:
            return {}
        try:
            with open(self._path, "rb") as file:
                compiled = file.read()
        except FileNotFoundError:
            return {}
        if not compiled or len(compiled) % _INSTRUCTION:
            return {}
        from binascii import b2a_base64

        return {_ANNOTATION: b2a_base64(compiled, newline=False).decode()}

    def keep(self, id: str) -> None:
        """Keep what the runtime has compiled for a container, if it is the first with this filter.

        Args:
            id: the container's full id; it is created.
        """
        if self._path:
            with suppress(OSError):  # another one was quicker, or the runtime keeps it elsewhere
                os.link(f"{self._runtime.root}/{id}/{_COMPILED}", self._path)
