"""All commands: their names, one line on each, and the module that has the declaration.

A static table, so that help pages and the shell's completion import no command. The lines are docker's.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.cli.command import Command


class Node:
    """A command, or a group of commands.

    Args:
        name: the word on the command line.
        short: one line on it.
        module: the module under `pallet.cli` that has its `COMMAND`; empty for a group.
        aliases: other words for it.
        children: the commands of a group.
        hidden: not on help pages.
    """

    __slots__ = ("aliases", "children", "hidden", "module", "name", "short")

    def __init__(
        self,
        name: str,
        short: str,
        module: str = "",
        *,
        aliases: tuple[str, ...] = (),
        children: tuple[Node, ...] = (),
        hidden: bool = False,
    ) -> None:
        self.name = name
        self.short = short
        self.module = module
        self.aliases = aliases
        self.children = children
        self.hidden = hidden

    def child(self, word: str) -> Node | None:
        """The command of this group that the word names, or None."""
        for node in self.children:
            if word == node.name or word in node.aliases:
                return node
        return None

    def shown(self) -> tuple[Node, ...]:
        """The commands that help pages list, by name."""
        return tuple(sorted((node for node in self.children if not node.hidden), key=lambda node: node.name))


def load(node: Node) -> Command:
    """Import a command's module and return its declaration."""
    import sys

    name = "pallet.cli." + node.module
    __import__(name)
    command: Command = sys.modules[name].COMMAND
    return command


_BUILD = "Build an image from a Dockerfile"
_RMI = "Remove one or more images"

_IMAGE = (
    Node("build", _BUILD, "image.build"),
    Node("copy", "Copy an image from one registry, layout or archive to another", "image.copy"),
    Node("history", "Show the history of an image", "image.history"),
    Node("import", "Import the contents from a tarball to create a filesystem image", "image.import_"),
    Node("inspect", "Display detailed information on one or more images", "image.inspect"),
    Node("load", "Load an image from a tar archive or STDIN", "image.load"),
    Node("ls", "List images", "image.ls", aliases=("list",)),
    Node("prune", "Remove unused images", "image.prune"),
    Node("pull", "Pull an image or a repository from a registry", "image.pull"),
    Node("push", "Push an image or a repository to a registry", "image.push"),
    Node("rm", _RMI, "image.rm", aliases=("rmi", "remove")),
    Node("save", "Save one or more images to a tar archive (streamed to STDOUT by default)", "image.save"),
    Node("tag", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE", "image.tag"),
)

_CONTAINER = (
    Node("attach", "Attach local standard input, output, and error streams to a running container", "container.attach"),
    Node("cleanup", "Settle the state of a container that has ended", "container.cleanup", hidden=True),
    Node("commit", "Create a new image from a container's changes", "container.commit"),
    Node("cp", "Copy files/folders between a container and the local filesystem", "container.cp"),
    Node("create", "Create a new container", "container.create"),
    Node("diff", "Inspect changes to files or directories on a container's filesystem", "container.diff"),
    Node("exec", "Run a command in a running container", "container.exec_"),
    Node("export", "Export a container's filesystem as a tar archive", "container.export"),
    Node("inspect", "Display detailed information on one or more containers", "container.inspect"),
    Node("kill", "Kill one or more running containers", "container.kill"),
    Node("logs", "Fetch the logs of a container", "container.logs"),
    Node("ls", "List containers", "container.ls", aliases=("ps", "list")),
    Node("pause", "Pause all processes within one or more containers", "container.pause"),
    Node("port", "List port mappings or a specific mapping for the container", "container.port"),
    Node("prune", "Remove all stopped containers", "container.prune"),
    Node("rename", "Rename a container", "container.rename"),
    Node("restart", "Restart one or more containers", "container.restart"),
    Node("rm", "Remove one or more containers", "container.rm"),
    Node("run", "Run a command in a new container", "container.run"),
    Node("start", "Start one or more stopped containers", "container.start"),
    Node("stats", "Display a live stream of container(s) resource usage statistics", "container.stats"),
    Node("stop", "Stop one or more running containers", "container.stop"),
    Node("supervise", "See to a container's health checks and restarts", "container.supervise", hidden=True),
    Node("top", "Display the running processes of a container", "container.top"),
    Node("unpause", "Unpause all processes within one or more containers", "container.unpause"),
    Node("update", "Update configuration of one or more containers", "container.update"),
    Node("wait", "Block until one or more containers stop, then print their exit codes", "container.wait"),
)

_NETWORK = (
    Node("connect", "Connect a container to a network", "network.connect"),
    Node("create", "Create a network", "network.create"),
    Node("disconnect", "Disconnect a container from a network", "network.disconnect"),
    Node("inspect", "Display detailed information on one or more networks", "network.inspect"),
    Node("ls", "List networks", "network.ls", aliases=("list",)),
    Node("prune", "Remove all unused networks", "network.prune"),
    Node("rm", "Remove one or more networks", "network.rm", aliases=("remove",)),
)

_VOLUME = (
    Node("create", "Create a volume", "volume.create"),
    Node("inspect", "Display detailed information on one or more volumes", "volume.inspect"),
    Node("ls", "List volumes", "volume.ls", aliases=("list",)),
    Node("prune", "Remove all unused local volumes", "volume.prune"),
    Node("rm", "Remove one or more volumes", "volume.rm", aliases=("remove",)),
)

_SYSTEM = (
    Node("boot", "Start the containers whose restart policy wants it", "system.boot", hidden=True),
    Node("check", "Verify the store's content, layers and records", "system.check"),
    Node("df", "Show pallet disk usage", "system.df"),
    Node("events", "Get real time events from the server", "system.events"),
    Node("generate-systemd", "Write systemd units that start containers at boot", "system.generate_systemd"),
    Node("info", "Display system-wide information", "system.info"),
    Node("prune", "Remove unused data", "system.prune"),
)

_BUILDER = (
    Node("build", _BUILD, "image.build"),
    Node("prune", "Remove build cache", "builder.prune"),
)

_COMPLETION = (
    Node("bash", "Generate the autocompletion script for bash", "completion.bash"),
    Node("fish", "Generate the autocompletion script for fish", "completion.fish"),
    Node("zsh", "Generate the autocompletion script for zsh", "completion.zsh"),
)


def _short_forms(group: tuple[Node, ...], *names: str) -> tuple[Node, ...]:
    """Commands of a group as docker has them at the top, too: `pallet run` is `pallet container run`."""
    return tuple(Node(node.name, node.short, node.module) for node in group if node.name in names)


ROOT = Node(
    "pallet",
    "A self-sufficient engine for container images and containers",
    children=(
        Node("builder", "Manage builds", children=_BUILDER),
        Node("completion", "Generate the autocompletion script for the specified shell", children=_COMPLETION),
        Node("container", "Manage containers", children=_CONTAINER),
        Node("image", "Manage images", children=_IMAGE),
        Node("network", "Manage networks", children=_NETWORK),
        Node("system", "Manage pallet", children=_SYSTEM),
        Node("volume", "Manage volumes", children=_VOLUME),
        *_short_forms(
            _CONTAINER,
            *("attach", "commit", "cp", "create", "diff", "exec", "export", "kill", "logs", "pause", "port", "rename"),
            *("restart", "rm", "run", "start", "stats", "stop", "top", "unpause", "update", "wait"),
        ),
        *_short_forms(_IMAGE, "build", "history", "import", "load", "pull", "push", "save", "tag"),
        *_short_forms(_SYSTEM, "events", "info"),
        Node("images", "List images", "image.ls"),
        Node("inspect", "Return low-level information on Docker objects", "inspect"),
        Node("login", "Log in to a Docker registry", "login"),
        Node("logout", "Log out from a Docker registry", "logout"),
        Node("ps", "List containers", "container.ls"),
        Node("rmi", _RMI, "image.rm"),
        Node("version", "Show the pallet version information", "version"),
        Node("help", "Help about the command", "help_topic", hidden=True),
        Node("__complete", "List what may stand at the end of a command line", "complete", hidden=True),
    ),
)
