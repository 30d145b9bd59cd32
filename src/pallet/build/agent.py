"""`--ssh id=key`: an SSH agent of the build's own that holds the keys; RUN sees the agent, never a key."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from pallet.errors import HostError, InvalidInput
from pallet.host.spawn import find_program

_PATIENCE = 5.0  # seconds for the agent to listen
_POLL = 0.01


@contextmanager
def key_agent(directory: str, keys: Sequence[str]) -> Iterator[str]:
    """An agent with these keys; it ends with the context, or with the calling thread.

    Args:
        directory: where its socket goes; only we can look into it.
        keys: private keys' files, without passphrases.

    Returns:
        The socket's path.

    Raises:
        InvalidInput: a file that is no key, or needs a passphrase.
        HostError: there is no ssh-agent.
    """
    agent, add, guard = find_program("ssh-agent"), find_program("ssh-add"), find_program("setpriv")
    if agent is None or add is None:
        raise HostError("ssh-agent and ssh-add are needed for --ssh with a key", hint="install openssh-client")
    socket = os.path.join(directory, "agent")
    kept = [] if guard is None else [guard, "--pdeathsig", "KILL", "--"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = subprocess.Popen([*kept, agent, "-D", "-a", socket], **quiet)  # type: ignore[call-overload]
    try:
        end = time.monotonic() + _PATIENCE
        while not os.path.exists(socket):
            if running.poll() is not None or time.monotonic() > end:
                raise HostError("ssh-agent does not start")
            time.sleep(_POLL)
        for key in keys:
            _add(add, socket, key)
        yield socket
    finally:
        running.kill()
        running.wait()
        with suppress(FileNotFoundError):
            os.unlink(socket)


def _add(add: str, socket: str, key: str) -> None:
    # The key goes in by a pipe: ssh-add would refuse a file that others may read, which docker takes.
    try:
        with open(key, "rb") as file:
            content = file.read(1 << 20)
    except OSError as error:
        raise InvalidInput(f"failed to open {key}: {error.strerror}") from error
    env = {"PATH": os.defpath, "SSH_AUTH_SOCK": socket, "SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force"}
    done = subprocess.run([add, "-q", "-"], input=content, env=env, check=False, capture_output=True)
    if done.returncode:
        raise InvalidInput(f"failed to parse {key}: it is no private key, or has a passphrase")
