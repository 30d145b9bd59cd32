"""Git repositories as contexts and sources of ADD: `https://host/repo.git#branch:directory`, fetched by git itself.

Source: docker's documentation, "Build context", "Git repositories".
"""

from __future__ import annotations

import os
import posixpath
import re

import msgspec

from pallet.build.redact import redacted
from pallet.errors import HostError, InvalidInput, Unavailable
from pallet.host.files import remove_tree

_SCP = r"[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:"
_WEB = r"https?://[^?#]*\.git(#|\Z)"
_COMMIT = r"[0-9a-f]{40}\Z"
_PROTOCOLS = "http:https:git:ssh"


def is_git(where: str) -> bool:
    """Whether a word names a git repository."""
    if where.startswith(("git://", "ssh://", "git@", "github.com/")):
        return True
    return ":" in where and bool(re.match(_WEB, where) or re.match(_SCP, where))


class Repository(msgspec.Struct, frozen=True):
    """A repository's address; what of its history, "" for its head; which directory of it, "" for all."""

    address: str
    reference: str = ""
    directory: str = ""


def parse_git(where: str) -> Repository:
    """Understand a word that names a repository: behind `#` a branch, tag or commit, and behind `:` a directory."""
    address, _, fragment = where.partition("#")
    reference, _, inner = fragment.partition(":")
    return Repository("https://" + address if address.startswith("github.com/") else address, reference, inner)


def clone(where: str, target: str, *, keep_git: bool = False) -> tuple[str, str]:
    """Check a repository out.

    Args:
        where: the repository, as `parse_git` takes it.
        target: an empty directory.
        keep_git: keep `.git`.

    Returns:
        The directory that is meant, relative to `target` ("" for all of it); and the commit's id.

    Raises:
        InvalidInput: it has no such directory.
        Unavailable: git cannot fetch it.
        HostError: git is not installed.
    """
    repository = parse_git(where)
    address, reference, inner = repository.address, repository.reference, repository.directory
    if reference.startswith("-") or address.startswith("-"):
        raise InvalidInput(f"invalid git reference: {where}")
    from pallet.host.spawn import find_program

    git = find_program("git")
    if git is None:
        raise HostError("git not found", hint="install git")
    _git(git, target, "init", "--quiet")
    _git(git, target, "remote", "add", "origin", address)
    wanted = reference or "HEAD"
    # Servers that only hand out files give no shallow history.
    if _fetch(git, target, "--depth=1", wanted) or _fetch(git, target, "--no-tags", wanted):
        _git(git, target, "checkout", "--quiet", "--force", "FETCH_HEAD")
    else:
        # Not every server gives single commits, and a short id is no name that it knows.
        if not _fetch(git, target, "--tags", "+refs/heads/*:refs/remotes/origin/*"):
            raise Unavailable(f"failed to fetch remote {address}")
        _git(git, target, "checkout", "--quiet", "--force", wanted)
    _git(git, target, "submodule", "update", "--quiet", "--init", "--recursive", "--depth=1")
    commit = _head(git, target)
    if not keep_git:
        remove_tree(f"{target}/.git")
    directory = posixpath.normpath("/" + inner).lstrip("/")
    real = os.path.realpath(f"{target}/{directory}")
    base = os.path.realpath(target)
    if not os.path.isdir(real) or not (real + "/").startswith(base + "/"):
        raise InvalidInput(f'subdir not a directory: "{inner}"')
    return os.path.relpath(real, base) if real != base else "", commit


def version_control(directory: str, dockerfile: str = "") -> dict[str, str]:
    """What is checked out where a context is: `source` and `revision`, and where in there context and Dockerfile are.

    Args:
        directory: the context's.
        dockerfile: where the Dockerfile is in it; "" for at its top.

    Returns:
        As buildx has it; nothing if it is in no work tree, or git does not want to tell.
    """
    from pallet.host.spawn import Spawned, find_program

    git = find_program("git")
    if git is None:
        return {}

    def ask(*words: str) -> str:
        done = Spawned([git, "-C", directory, *words], env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"}).wait()
        return done.stdout.decode("utf-8", "replace").strip() if done.code == 0 else ""

    top = ask("rev-parse", "--show-toplevel")
    if not top:
        return {}
    place = os.path.relpath(os.path.realpath(directory), os.path.realpath(top))
    remotes = (ask("remote", "get-url", name) for name in ("origin", "upstream"))
    found = {
        "source": redacted(next(filter(None, remotes), "")),
        "revision": ask("rev-parse", "--verify", "--quiet", "HEAD"),
        "localdir:context": place,
        "localdir:dockerfile": posixpath.normpath(posixpath.join(place, posixpath.dirname(dockerfile))),
    }
    return {name: value for name, value in found.items() if value}


def is_commit(text: str) -> bool:
    """Whether that is the full id of a commit."""
    return bool(re.match(_COMMIT, text))


def _head(git: str, target: str) -> str:
    """The commit that is checked out. Of a detached head the file says it: a process less."""
    with open(f"{target}/.git/HEAD", encoding="utf-8") as file:
        said = file.read().strip()
    return said if is_commit(said) else _git(git, target, "rev-parse", "HEAD").decode().strip()


def _fetch(git: str, target: str, *words: str) -> bool:
    return _run(git, target, "fetch", "--quiet", words[0], "origin", *words[1:])[0] == 0


def _git(git: str, target: str, *words: str) -> bytes:
    code, said = _run(git, target, *words)
    if code:
        raise Unavailable(f"git {words[0]} failed: {said.decode(errors='replace').strip() or f'exit code {code}'}")
    return said


def _run(git: str, target: str, *words: str) -> tuple[int, bytes]:
    from pallet.host.spawn import Spawned

    # Neither prompts nor the machine's own configuration, and no transport that runs programs.
    env = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    }
    env.pop("GIT_DIR", None)
    umask = ("-c", "core.hooksPath=/dev/null", "-c", "core.sharedRepository=umask", "-c", "safe.directory=*")
    done = Spawned([git, *umask, "-C", target, *words], env=env).wait()
    return done.code, done.stdout if done.code == 0 else done.stderr or done.stdout
