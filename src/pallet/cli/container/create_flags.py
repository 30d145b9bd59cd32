"""docker's flags for a new container, which `run` and `create` share. On the way of every `run`: imports little."""

from __future__ import annotations

from pallet.cli.command import Flag
from pallet.cli.container.variables import environment_word, label_word
from pallet.cli.shared_flags import PLATFORM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def _reader(name: str) -> Callable[[str], object]:
    """A reader of `create_values` (or `mount_words`, `network_words`), imported when the flag is used."""

    def read(text: str) -> object:
        if name == "mount":
            from pallet.cli.container.mount_words import mount

            return mount(text)
        if name == "network_word":
            from pallet.cli.container.network_words import network_word

            return network_word(text)
        from pallet.cli.container import create_values

        return getattr(create_values, name)(text)

    return read


RESTART_POLICIES = "no always on-failure unless-stopped"
_CGROUPNS = """Cgroup namespace to use (host|private)
'host':    Run the container in the Docker host's cgroup namespace
'private': Run the container in its own private cgroup namespace
'':        Use the cgroup namespace as configured by the
           default-cgroupns-mode option on the daemon (default)"""


def create_flags(doing: str) -> tuple[Flag, ...]:
    """The flags.

    Args:
        doing: what the command does, for the help of `--pull`: `running` or `creating`.
    """
    return (*_GENERAL, *_MOUNTS, *_NETWORK, *_RESOURCES, *_SECURITY, *_WATCHED, _pull(doing))


def _pull(doing: str) -> Flag:
    text = f'Pull image before {doing} ("always"|"missing"|"never")'
    return Flag("pull", kind="string", default="missing", help=text, complete="always missing never")


_GENERAL = (
    Flag(
        "attach",
        "a",
        "list",
        help="Attach to STDIN, STDOUT or STDERR",
        read=_reader("stream"),
        complete="stdin stdout stderr",
    ),
    Flag("cidfile", kind="string", help="Write the container ID to the file", complete="file"),
    Flag("disable-content-trust", default=True, help="Skip image verification"),
    Flag("entrypoint", kind="string", help="Overwrite the default ENTRYPOINT of the image"),
    Flag("env", "e", "list", help="Set environment variables", read=environment_word),
    Flag("env-file", kind="list", help="Read in a file of environment variables", complete="file"),
    Flag(
        "gpus",
        kind="string",
        help="GPU devices to add to the container ('all' to pass all GPUs)",
        metavar="gpu-request",
        read=_reader("gpus"),
    ),
    Flag("init", help="Run an init inside the container that forwards signals and reaps processes"),
    Flag("interactive", "i", help="Keep STDIN open even if not attached"),
    Flag("isolation", kind="string", help="Container isolation technology"),
    Flag("label", "l", "list", help="Set meta data on a container", read=label_word),
    Flag("label-file", kind="list", help="Read in a line delimited file of labels", complete="file"),
    Flag("name", kind="string", help="Assign a name to the container"),
    PLATFORM,
    Flag("rm", help="Automatically remove the container when it exits"),
    Flag("runtime", kind="string", help="Runtime to use for this container", complete="crun runc"),
    Flag("stop-signal", kind="string", help="Signal to stop a container", shown='"SIGTERM"', complete="signal"),
    Flag("stop-timeout", kind="int", help="Timeout (in seconds) to stop a container"),
    Flag("tty", "t", help="Allocate a pseudo-TTY"),
    Flag("user", "u", "string", help="Username or UID (format: <name|uid>[:<group|gid>])"),
    Flag("workdir", "w", "string", help="Working directory inside the container"),
)
_MOUNTS = (
    Flag(
        "mount", kind="list", help="Attach a filesystem mount to the container", metavar="mount", read=_reader("mount")
    ),
    Flag("read-only", help="Mount the container's root filesystem as read only"),
    Flag("storage-opt", kind="list", help="Storage driver options for the container"),
    Flag("tmpfs", kind="list", help="Mount a tmpfs directory"),
    Flag("volume", "v", "list", help="Bind mount a volume"),
    Flag("volume-driver", kind="string", help="Optional volume driver for the container"),
    Flag("volumes-from", kind="list", help="Mount volumes from the specified container(s)", complete="container"),
)
_NETWORK = (
    Flag("add-host", kind="list", help="Add a custom host-to-IP mapping (host:ip)", read=_reader("extra_host")),
    Flag("dns", kind="list", help="Set custom DNS servers", read=_reader("address")),
    Flag("dns-opt", kind="list", hidden=True),
    Flag("dns-option", kind="list", help="Set DNS options"),
    Flag("dns-search", kind="list", help="Set custom DNS search domains", read=_reader("search_domain")),
    Flag("domainname", kind="string", help="Container NIS domain name"),
    Flag("expose", kind="list", help="Expose a port or a range of ports"),
    Flag("hostname", "h", "string", help="Container host name"),
    Flag("ip", kind="string", help="IPv4 address (e.g., 172.30.100.104)"),
    Flag("ip6", kind="string", help="IPv6 address (e.g., 2001:db8::33)"),
    Flag("link", kind="list", help="Add link to another container", read=_reader("link"), complete="container"),
    Flag("link-local-ip", kind="list", help="Container IPv4/IPv6 link-local addresses"),
    Flag("mac-address", kind="string", help="Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
    Flag("net", kind="list", hidden=True, read=_reader("network_word"), complete="network"),
    Flag("net-alias", kind="list", hidden=True),
    Flag(
        "network",
        kind="list",
        help="Connect a container to a network",
        metavar="network",
        read=_reader("network_word"),
        complete="network",
    ),
    Flag("network-alias", kind="list", help="Add network-scoped alias for the container"),
    Flag("publish", "p", "list", help="Publish a container's port(s) to the host"),
    Flag("publish-all", "P", help="Publish all exposed ports to random ports"),
)
_RESOURCES = (
    Flag(
        "blkio-weight",
        kind="uint16",
        help="Block IO (relative weight), between 10 and 1000, or 0 to disable",
        shown="0",
    ),
    Flag(
        "blkio-weight-device",
        kind="list",
        help="Block IO weight (relative device weight)",
        shown="[]",
        read=_reader("weight"),
    ),
    Flag("cgroup-parent", kind="string", help="Optional parent cgroup for the container"),
    Flag("cgroupns", kind="string", help=_CGROUPNS, complete="host private"),
    Flag("cpu-period", kind="int", help="Limit CPU CFS (Completely Fair Scheduler) period"),
    Flag("cpu-quota", kind="int", help="Limit CPU CFS (Completely Fair Scheduler) quota"),
    Flag("cpu-rt-period", kind="int", help="Limit CPU real-time period in microseconds"),
    Flag("cpu-rt-runtime", kind="int", help="Limit CPU real-time runtime in microseconds"),
    Flag("cpu-shares", "c", "int", help="CPU shares (relative weight)"),
    Flag("cpus", kind="decimal", help="Number of CPUs"),
    Flag("cpuset-cpus", kind="string", help="CPUs in which to allow execution (0-3, 0,1)"),
    Flag("cpuset-mems", kind="string", help="MEMs in which to allow execution (0-3, 0,1)"),
    Flag("device", kind="list", help="Add a host device to the container", complete="file"),
    Flag(
        "device-cgroup-rule",
        kind="list",
        help="Add a rule to the cgroup allowed devices list",
        read=_reader("device_rule"),
    ),
    *(
        Flag(
            f"device-{verb}-{unit}",
            kind="list",
            help=f"Limit {verb} rate ({meaning} per second) {way} a device",
            shown="[]",
            read=_reader(reader),
        )
        for verb, way in (("read", "from"), ("write", "to"))
        for unit, meaning, reader in (("bps", "bytes", "byte_rate"), ("iops", "IO", "operation_rate"))
    ),
    Flag("kernel-memory", kind="bytes", help="Kernel memory limit"),
    Flag("memory", "m", "bytes", help="Memory limit"),
    Flag("memory-reservation", kind="bytes", help="Memory soft limit"),
    Flag(
        "memory-swap",
        kind="bytes",
        help="Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
        read=_reader("swap"),
    ),
    Flag("memory-swappiness", kind="int", default=-1, help="Tune container memory swappiness (0 to 100)"),
    Flag("oom-kill-disable", help="Disable OOM Killer"),
    Flag("oom-score-adj", kind="int", help="Tune host's OOM preferences (-1000 to 1000)"),
    Flag("pids-limit", kind="int", help="Tune container pids limit (set -1 for unlimited)"),
    Flag("shm-size", kind="bytes", help="Size of /dev/shm"),
    Flag("ulimit", kind="list", help="Ulimit options", metavar="ulimit", shown="[]", read=_reader("ulimit")),
)
_SECURITY = (
    Flag("cap-add", kind="list", help="Add Linux capabilities", complete="capability"),
    Flag("cap-drop", kind="list", help="Drop Linux capabilities", complete="capability"),
    Flag("group-add", kind="list", help="Add additional groups to join"),
    Flag("ipc", kind="string", help="IPC mode to use", complete="host none private shareable"),
    Flag("pid", kind="string", help="PID namespace to use", complete="host"),
    Flag("privileged", help="Give extended privileges to this container"),
    Flag("security-opt", kind="list", help="Security Options"),
    Flag("sysctl", kind="list", help="Sysctl options", metavar="map", shown="map[]", read=_reader("sysctl")),
    Flag("userns", kind="string", help="User namespace to use", complete="host"),
    Flag("uts", kind="string", help="UTS namespace to use", complete="host"),
)
_WATCHED = (
    Flag("health-cmd", kind="string", help="Command to run to check health"),
    Flag(
        "health-interval",
        kind="duration",
        help="Time between running the check (ms|s|m|h)",
        shown="0s",
    ),
    Flag("health-retries", kind="int", help="Consecutive failures needed to report unhealthy"),
    Flag(
        "health-start-period",
        kind="duration",
        help="Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)",
        shown="0s",
    ),
    Flag("health-timeout", kind="duration", help="Maximum time to allow one check to run (ms|s|m|h)", shown="0s"),
    Flag(
        "log-driver", kind="string", help="Logging driver for the container", complete="journald json-file local none"
    ),
    Flag("log-opt", kind="list", help="Log driver options"),
    Flag("no-healthcheck", help="Disable any container-specified HEALTHCHECK"),
    Flag(
        "restart",
        kind="string",
        default="no",
        help="Restart policy to apply when a container exits",
        complete=RESTART_POLICIES,
    ),
)
