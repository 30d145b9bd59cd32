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
_ATTACH = "Attach local standard input, output, and error streams to a running container"
_COMMIT = "Create a new image from a container's changes"
_CP = "Copy files/folders between a container and the local filesystem"
_CREATE = "Create a new container"
_DIFF = "Inspect changes to files or directories on a container's filesystem"
_EVENTS = "Get real time events from the server"
_EXEC = "Run a command in a running container"
_EXPORT = "Export a container's filesystem as a tar archive"
_HISTORY = "Show the history of an image"
_IMPORT = "Import the contents from a tarball to create a filesystem image"
_INFO = "Display system-wide information"
_KILL = "Kill one or more running containers"
_LOAD = "Load an image from a tar archive or STDIN"
_LOGS = "Fetch the logs of a container"
_PAUSE = "Pause all processes within one or more containers"
_PORT = "List port mappings or a specific mapping for the container"
_PULL = "Pull an image or a repository from a registry"
_PUSH = "Push an image or a repository to a registry"
_RENAME = "Rename a container"
_RESTART = "Restart one or more containers"
_RM = "Remove one or more containers"
_RMI = "Remove one or more images"
_RUN = "Run a command in a new container"
_SAVE = "Save one or more images to a tar archive (streamed to STDOUT by default)"
_START = "Start one or more stopped containers"
_STATS = "Display a live stream of container(s) resource usage statistics"
_STOP = "Stop one or more running containers"
_TAG = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE"
_TOP = "Display the running processes of a container"
_UNPAUSE = "Unpause all processes within one or more containers"
_UPDATE = "Update configuration of one or more containers"
_WAIT = "Block until one or more containers stop, then print their exit codes"

_IMAGE = (
    Node("build", _BUILD, "image.build"),
    Node("copy", "Copy an image from one registry, layout or archive to another", "image.copy"),
    Node("history", _HISTORY, "image.history"),
    Node("import", _IMPORT, "image.import_"),
    Node("inspect", "Display detailed information on one or more images", "image.inspect"),
    Node("load", _LOAD, "image.load"),
    Node("ls", "List images", "image.ls", aliases=("list",)),
    Node("prune", "Remove unused images", "image.prune"),
    Node("pull", _PULL, "image.pull"),
    Node("push", _PUSH, "image.push"),
    Node("rm", _RMI, "image.rm", aliases=("rmi", "remove")),
    Node("save", _SAVE, "image.save"),
    Node("tag", _TAG, "image.tag"),
)

_CONTAINER = (
    Node("attach", _ATTACH, "container.attach"),
    Node("cleanup", "Settle the state of a container that has ended", "container.cleanup", hidden=True),
    Node("commit", _COMMIT, "container.commit"),
    Node("cp", _CP, "container.cp"),
    Node("create", _CREATE, "container.create"),
    Node("diff", _DIFF, "container.diff"),
    Node("exec", _EXEC, "container.exec_"),
    Node("export", _EXPORT, "container.export"),
    Node("inspect", "Display detailed information on one or more containers", "container.inspect"),
    Node("kill", _KILL, "container.kill"),
    Node("logs", _LOGS, "container.logs"),
    Node("ls", "List containers", "container.ls", aliases=("ps", "list")),
    Node("pause", _PAUSE, "container.pause"),
    Node("port", _PORT, "container.port"),
    Node("prune", "Remove all stopped containers", "container.prune"),
    Node("rename", _RENAME, "container.rename"),
    Node("restart", _RESTART, "container.restart"),
    Node("rm", _RM, "container.rm"),
    Node("run", _RUN, "container.run"),
    Node("start", _START, "container.start"),
    Node("stats", _STATS, "container.stats"),
    Node("stop", _STOP, "container.stop"),
    Node("supervise", "See to a container's health checks and restarts", "container.supervise", hidden=True),
    Node("top", _TOP, "container.top"),
    Node("unpause", _UNPAUSE, "container.unpause"),
    Node("update", _UPDATE, "container.update"),
    Node("wait", _WAIT, "container.wait"),
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
    Node("events", _EVENTS, "system.events"),
    Node("generate-systemd", "Write systemd units that start containers at boot", "system.generate_systemd"),
    Node("info", _INFO, "system.info"),
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
        Node("build", _BUILD, "image.build"),
        Node("attach", _ATTACH, "container.attach"),
        Node("commit", _COMMIT, "container.commit"),
        Node("cp", _CP, "container.cp"),
        Node("create", _CREATE, "container.create"),
        Node("diff", _DIFF, "container.diff"),
        Node("exec", _EXEC, "container.exec_"),
        Node("events", _EVENTS, "system.events"),
        Node("export", _EXPORT, "container.export"),
        Node("history", _HISTORY, "image.history"),
        Node("images", "List images", "image.ls"),
        Node("import", _IMPORT, "image.import_"),
        Node("info", _INFO, "system.info"),
        Node("inspect", "Return low-level information on Docker objects", "inspect"),
        Node("kill", _KILL, "container.kill"),
        Node("load", _LOAD, "image.load"),
        Node("login", "Log in to a Docker registry", "login"),
        Node("logout", "Log out from a Docker registry", "logout"),
        Node("logs", _LOGS, "container.logs"),
        Node("pause", _PAUSE, "container.pause"),
        Node("port", _PORT, "container.port"),
        Node("ps", "List containers", "container.ls"),
        Node("pull", _PULL, "image.pull"),
        Node("push", _PUSH, "image.push"),
        Node("rename", _RENAME, "container.rename"),
        Node("restart", _RESTART, "container.restart"),
        Node("rm", _RM, "container.rm"),
        Node("rmi", _RMI, "image.rm"),
        Node("run", _RUN, "container.run"),
        Node("save", _SAVE, "image.save"),
        Node("start", _START, "container.start"),
        Node("stats", _STATS, "container.stats"),
        Node("stop", _STOP, "container.stop"),
        Node("tag", _TAG, "image.tag"),
        Node("top", _TOP, "container.top"),
        Node("unpause", _UNPAUSE, "container.unpause"),
        Node("update", _UPDATE, "container.update"),
        Node("version", "Show the pallet version information", "version"),
        Node("wait", _WAIT, "container.wait"),
        Node("help", "Help about the command", "help_topic", hidden=True),
        Node("__complete", "List what may stand at the end of a command line", "complete", hidden=True),
    ),
)
