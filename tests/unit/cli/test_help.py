"""Help pages: docker's own for the same declarations, and pallet's as golden files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pallet.cli import tree
from pallet.cli.command import Command, Flag
from pallet.cli.help import command_page, group_page
from pallet.cli.root import root_flags

GOLDEN = Path(__file__).parents[2] / "golden" / "help"

FORMAT_IMAGES = Flag("format", None, "string", help="Pretty-print images using a Go template")
FILTER = Flag("filter", "f", "filter", help="Filter output based on conditions provided")
LS = Command(
    "ls [OPTIONS] [REPOSITORY[:TAG]]",
    "List images",
    lambda ctx, opts, args: 0,
    flags=(
        Flag("quiet", "q", help="Only show image IDs"),
        Flag("all", "a", help="Show all images (default hides intermediate images)"),
        Flag("no-trunc", help="Don't truncate output"),
        Flag("digests", help="Show digests"),
        FORMAT_IMAGES,
        FILTER,
        Flag("tree", help="Not for everybody", hidden=True),
    ),
)
PS = Command(
    "ls [OPTIONS]",
    "List containers",
    lambda ctx, opts, args: 0,
    flags=(
        Flag("all", "a", help="Show all containers (default shows just running)"),
        Flag("quiet", "q", help="Only display container IDs"),
        Flag("size", "s", help="Display total file sizes"),
        Flag("no-trunc", help="Don't truncate output"),
        Flag("latest", "l", help="Show the latest created container (includes all states)"),
        Flag("last", "n", "int", default=-1, help="Show n last created containers (includes all states)"),
        Flag("format", None, "string", help="Pretty-print containers using a Go template"),
        FILTER,
    ),
)
PULL = Command(
    "pull [OPTIONS] NAME[:TAG|@DIGEST]",
    "Pull an image or a repository from a registry",
    lambda ctx, opts, args: 0,
    flags=(
        Flag("all-tags", "a", help="Download all tagged images in the repository"),
        Flag("quiet", "q", help="Suppress verbose output"),
        Flag("platform", None, "string", help="Set platform if server is multi-platform capable"),
        Flag("disable-content-trust", default=True, help="Skip image verification"),
    ),
)
STOP = Command(
    "stop [OPTIONS] CONTAINER [CONTAINER...]",
    "Stop one or more running containers",
    lambda ctx, opts, args: 0,
    flags=(Flag("time", "t", "int", default=10, help="Seconds to wait for stop before killing it"),),
)


@pytest.mark.parametrize(
    ("path", "command", "aliases"),
    [
        ("pallet image ls", LS, ("list",)),
        ("pallet images", LS, ()),
        ("pallet ps", PS, ()),
        ("pallet image pull", PULL, ()),
        ("pallet container stop", STOP, ()),
    ],
)
def test_a_page_is_docker_s(path: str, command: Command, aliases: tuple[str, ...]) -> None:
    node = tree.Node(path.split()[-1], command.short, aliases=aliases)
    docker = (GOLDEN / f"docker-{'-'.join(path.split()[1:])}.txt").read_text()
    assert "\n" + command_page(path, node, command, 80) == docker


RUN_FLAGS = (
    Flag("add-host", None, "list", help="Add a custom host-to-IP mapping (host:ip)"),
    Flag(
        "blkio-weight",
        None,
        "uint16",
        shown="0",
        help="Block IO (relative weight), between 10 and 1000, or 0 to disable",
    ),
    Flag(
        "cgroupns",
        None,
        "string",
        help="Cgroup namespace to use (host|private)\n"
        "'host':    Run the container in the Docker host's cgroup namespace\n"
        "'private': Run the container in its own private cgroup namespace\n"
        "'':        Use the cgroup namespace as configured by the\n"
        "           default-cgroupns-mode option on the daemon (default)",
    ),
    Flag("health-start-period", None, "duration", shown="0s", help=""),
    Flag("hostname", "h", "string", help="Container host name"),
    Flag(
        "pull",
        None,
        "string",
        default="missing",
        help='Pull image before running ("always"|"missing"|"never")',
    ),
    Flag("network", None, "string", metavar="network", help="Connect a container to a network"),
    Flag("memory-swappiness", None, "int", default=-1, help="Tune container memory swappiness (0 to 100)"),
    Flag("sig-proxy", default=True, help="Proxy received signals to the process"),
    Flag("stop-signal", None, "string", default="SIGTERM", help="Signal to stop a container"),
    Flag("device-read-bps", None, "list", shown="[]", help="Limit read rate (bytes per second) from a device"),
    Flag("env-file", None, "list", help="Read in a file of environment variables"),
)


@pytest.mark.parametrize("flag", [flag.name for flag in RUN_FLAGS if flag.name != "health-start-period"])
def test_each_flag_of_run_is_folded_as_docker_folds_it(flag: str) -> None:
    command = Command("run", "Run", lambda ctx, opts, args: 0, flags=RUN_FLAGS)
    mine = _flag_lines(command_page("pallet run", tree.Node("run", "Run"), command, 80), flag)
    assert mine == _flag_lines((GOLDEN / "docker-run.txt").read_text(), flag)
    assert mine


def _flag_lines(page: str, flag: str) -> list[str]:
    """The lines of one flag on a page."""
    lines: list[str] = []
    for line in page.partition("Options:\n")[2].splitlines():
        if line[:6].strip() or line[6:8] == "--":
            if lines:
                return lines
            if f"--{flag} " in line:
                lines.append(line)
        elif lines:
            lines.append(line)
    return lines


def test_help_shows_itself_only_where_its_letter_is_taken() -> None:
    command = Command("run", "Run", lambda ctx, opts, args: 0, flags=RUN_FLAGS)
    assert "      --help " in command_page("pallet run", tree.Node("run", ""), command, 80)
    assert "--help " not in command_page("pallet ps", tree.Node("ps", ""), PS, 80)


def test_a_wide_terminal_is_used_and_a_narrow_one_gets_the_text_below() -> None:
    node = tree.Node("pull", PULL.short)
    assert "Set platform if server is multi-platform capable\n" in command_page("pallet pull", node, PULL, 200)
    assert "\n                Set platform if" in command_page("pallet pull", node, PULL, 48)


def test_examples_and_the_long_text_have_their_place() -> None:
    command = Command(
        "tag SOURCE TARGET",
        "Create a tag",
        lambda ctx, opts, args: 0,
        long="\nCreate a tag, at length.\n",
        example="pallet tag a b\npallet tag a c",
    )
    assert command_page("pallet tag", tree.Node("tag", ""), command, 80) == (
        "Usage:  pallet tag SOURCE TARGET\n\nCreate a tag, at length.\n\n"
        "Examples:\n  pallet tag a b\n  pallet tag a c\n"
    )


GROUPS = [(), ("image",), ("container",), ("network",), ("system",), ("volume",), ("completion",)]


@pytest.mark.parametrize("words", GROUPS)
def test_group_pages_are_the_golden_ones(words: tuple[str, ...]) -> None:
    node = tree.ROOT
    for word in words:
        child = node.child(word)
        assert child is not None
        node = child
    flags = () if words else root_flags("/root/.docker")
    page = group_page(" ".join(("pallet", *words)), node, flags, 80)
    assert page == (GOLDEN / f"{'-'.join(('pallet', *words))}.txt").read_text()


@pytest.mark.parametrize("words", ["version", "completion bash", "completion zsh", "completion fish", "help"])
def test_command_pages_are_the_golden_ones(words: str) -> None:
    node = tree.ROOT
    for word in words.split():
        child = node.child(word)
        assert child is not None
        node = child
    page = command_page(f"pallet {words}", node, tree.load(node), 80)
    assert page == (GOLDEN / f"pallet-{words.replace(' ', '-')}.txt").read_text()
