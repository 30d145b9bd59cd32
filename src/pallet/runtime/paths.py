"""Where a container's files are.

    root/containers/ID/   upper work merged init log hostname hosts resolv.conf     kept until the container is removed
    run_dir/ID/           config.json pidfile conmon.pid attach ctl monitor held exits/ID
                          gone with a reboot, or after the run
    run_dir/ID.lock       held while the container is started or settled
    run_dir/ID.wait       held, shared, by those who still want to read the exit code
    run_dir/ID.supervisor held by the container's supervisor, if it has one; its pid and start time
    run_dir/ID.attended   held by a `run` or `start` in the foreground, which settles the container itself

Quick path: imports nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pallet.settings import Settings


class ContainerPaths:
    """The paths of one container.

    Args:
        settings: root and run directory.
        id: the container's full id.
    """

    __slots__ = ("attended", "directory", "id", "lock", "root", "run", "run_dir", "supervisor", "wait")

    def __init__(self, settings: Settings, id: str) -> None:
        self.id = id
        self.root = settings.root
        self.run_dir = settings.run_dir
        self.directory = f"{settings.root}/containers/{id}"
        self.run = f"{settings.run_dir}/{id}"
        self.lock = f"{self.run}.lock"
        self.wait = f"{self.run}.wait"
        self.attended = f"{self.run}.attended"
        self.supervisor = f"{self.run}.supervisor"

    @property
    def upper(self) -> str:
        """What the container changed: overlay's upper directory."""
        return self.directory + "/upper"

    @property
    def work(self) -> str:
        """overlay's own directory."""
        return self.directory + "/work"

    @property
    def init(self) -> str:
        """The layer between image and container that has the mount points docker makes (/etc/hosts, /dev, ...)."""
        return self.directory + "/init"

    @property
    def merged(self) -> str:
        """Where the root file system is mounted, in the mount namespace of conmon only."""
        return self.directory + "/merged"

    @property
    def log(self) -> str:
        """What the container wrote, in conmon's `k8s-file` format."""
        return self.directory + "/log"

    @property
    def hostname(self) -> str:
        """The container's /etc/hostname."""
        return self.directory + "/hostname"

    @property
    def hosts(self) -> str:
        """The container's /etc/hosts."""
        return self.directory + "/hosts"

    @property
    def resolv_conf(self) -> str:
        """The container's /etc/resolv.conf."""
        return self.directory + "/resolv.conf"

    @property
    def config(self) -> str:
        """The OCI runtime's configuration; its directory is the bundle."""
        return self.run + "/config.json"

    @property
    def pidfile(self) -> str:
        """The container's first process, as conmon writes it."""
        return self.run + "/pidfile"

    @property
    def conmon_pidfile(self) -> str:
        """conmon's own process."""
        return self.run + "/conmon.pid"

    @property
    def attach(self) -> str:
        """conmon's socket for standard streams."""
        return self.run + "/attach"

    @property
    def ctl(self) -> str:
        """conmon's pipe for orders, such as a new terminal size."""
        return self.run + "/ctl"

    @property
    def monitor(self) -> str:
        """Locked as long as conmon, or the runtime that creates the container for it, lives."""
        return self.run + "/monitor"

    @property
    def held(self) -> str:
        """Is there, and locked, while the container is held still by somebody; see `pallet.runtime.hold`."""
        return self.run + "/held"

    @property
    def exits(self) -> str:
        """The directory where conmon writes the exit code, in a file named by the id."""
        return self.run + "/exits"

    @property
    def exit_file(self) -> str:
        """The exit code as decimal digits; its time is when the container ended."""
        return f"{self.exits}/{self.id}"

    @property
    def oom(self) -> str:
        """Is there if the kernel killed a process of the container's because memory ran out; conmon makes it."""
        return self.run + "/oom"

    @property
    def netns(self) -> str:
        """Where the network namespace is bound, in the mount namespace of conmon only."""
        return self.run + "/netns"

    @property
    def unbegun(self) -> str:
        """Is there while a created container waits to be started: the pipe of crun and runc for that."""
        return f"{self.runtime_root}/{self.id}/exec.fifo"

    @property
    def locks(self) -> tuple[str, ...]:
        """All lock files, in the order in which they are removed with the container."""
        return (self.wait, self.supervisor, self.lock, self.attended)

    @property
    def runtime_root(self) -> str:
        """The OCI runtime's own state, for all containers of this run directory."""
        return self.run_dir + "/runtime"
