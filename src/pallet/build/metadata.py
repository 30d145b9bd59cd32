"""Instructions that only change the config: what they change, and what they leave in the history.

Source: the histories that docker's BuildKit writes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from pallet.build.state import State
from pallet.dockerfile.instructions import (
    Arg,
    Cmd,
    Entrypoint,
    Env,
    Expose,
    Healthcheck,
    Instruction,
    Label,
    Maintainer,
    Onbuild,
    Shell,
    Stopsignal,
    User,
    Volume,
)
from pallet.dockerfile.words import SHELL
from pallet.oci.config import ContainerConfig
from pallet.oci.config import Healthcheck as Check


def apply_metadata(state: State, instruction: Instruction) -> str | None:
    """Change the config as an expanded instruction says.

    Returns:
        The history text; "" for an instruction that leaves none, None for one that is not metadata.

    Raises:
        InvalidInput: an unknown signal.
    """
    match instruction:
        case Arg():
            words = (
                each.name if each.value is None else f"{each.name}={each.value}" for each in instruction.definitions
            )
            return "ARG " + " ".join(words)
        case Env():
            state.change(env=tuple(f"{name}={value}" for name, value in state.scope.environment.items()))
            return "ENV " + " ".join(f"{pair.name}={pair.value}" for pair in instruction.pairs)
        case Label():
            labels = {pair.name: pair.value for pair in instruction.pairs}
            state.change(labels={**(state.config.labels or {}), **labels})
            return "LABEL " + " ".join(f"{pair.name}={pair.value}" for pair in instruction.pairs)
        case Maintainer():
            state.author = instruction.maintainer
            return f"MAINTAINER {instruction.maintainer}"
        case Expose():
            ports = dict.fromkeys(instruction.ports)
            state.change(exposed_ports={**(state.config.exposed_ports or {}), **{port: {} for port in ports}})
            return f"EXPOSE map[{' '.join(f'{port}:{{}}' for port in sorted(ports))}]"
        case Volume():
            state.change(volumes={**(state.config.volumes or {}), **{path: {} for path in instruction.paths}})
            return f"VOLUME [{' '.join(instruction.paths)}]"
        case User():
            state.change(user=instruction.user)
            return f"USER {instruction.user}"
        case Shell():
            state.change(shell=instruction.command)
            return f"SHELL [{' '.join(instruction.command)}]"
        case Stopsignal():
            from pallet.ops.signals import signal_number

            signal_number(instruction.signal)
            state.change(stop_signal=instruction.signal)
            return f"STOPSIGNAL {instruction.signal}"
        case Healthcheck():
            state.change(healthcheck=instruction.check)
            return f"HEALTHCHECK {_check_text(instruction.check)}"
        case Onbuild():
            state.change(on_build=(*(state.config.on_build or ()), instruction.trigger))
            return ""
        case Cmd():
            command = _command(state, instruction)
            state.change(cmd=command, args_escaped=True)
            state.command_set = True
            return f"CMD {_quoted(command)}"
        case Entrypoint():
            command = _command(state, instruction)
            state.change(entrypoint=command)
            if not state.command_set:
                state.change(cmd=None)  # it was made for the old entry point
            return f"ENTRYPOINT {_quoted(command)}"
        case _:
            return None


def with_shell(state: State, text: str) -> tuple[str, ...]:
    """A command in shell form, behind the stage's shell."""
    return (*(state.config.shell or SHELL), text)


def working_directory(state: State, path: str) -> str:
    """Where a WORKDIR, or any relative path, leads from the stage's working directory."""
    return working_directory_of(state.config, path)


def working_directory_of(config: ContainerConfig, path: str) -> str:
    """The same from a config's."""
    joined = posixpath.normpath(posixpath.join("/", config.working_dir, path))
    return "/" + joined.lstrip("/")


def _command(state: State, instruction: Cmd | Entrypoint) -> tuple[str, ...]:
    if instruction.shell_form:
        return with_shell(state, " ".join(instruction.command))
    return instruction.command


def _quoted(words: Sequence[str]) -> str:
    from pallet.gotemplate.quoting import quote

    return f"[{' '.join(map(quote, words))}]"


def _check_text(check: Check) -> str:
    from pallet.gotemplate.durations import duration_text
    from pallet.gotemplate.quoting import quote_rune

    test = _quoted(check.test or ())
    times = [check.interval, check.timeout, check.start_period]
    if check.start_interval:
        times.append(check.start_interval)
    shown = " ".join(f'"{duration_text(time)}"' for time in times)
    return f"&{{{test} {shown} {quote_rune(check.retries)}}}"
