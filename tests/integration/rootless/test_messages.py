"""What a user is told where the machine does not allow a user namespace, or maps no ids."""

from __future__ import annotations

import shutil
import sys

from tests.support import need
from tests.support.unprivileged import User

_ENTER = """
import sys
from pallet.errors import HostError
from pallet.host.userns import enter_user_namespace
try:
    enter_user_namespace(sys.argv[1])
except HostError as error:
    print(error.message, error.hint, sep="\\n")
"""


def test_no_more_user_namespaces(user: User) -> None:
    limited = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'  # of the namespace that unshare makes
    words = ["unshare", "-Ur", "sh", "-c", limited, "sh", sys.executable, "-c", _ENTER, str(user.home / "limited")]
    done = user(*words)
    assert done.lines == [
        "cannot make a user namespace: No space left on device",
        "The machine's administrator has to allow them: sysctl user.max_user_namespaces=15000.",
    ], done.stderr


def test_newuidmap_without_its_privilege(user: User) -> None:
    tools = user.home / "tools"
    tools.mkdir()
    shutil.copyfile(need("newuidmap"), tools / "newuidmap")
    (tools / "newuidmap").chmod(0o755)
    path = {"PATH": f"{tools}:{user.env['PATH']}"}
    done = user(sys.executable, "-c", _ENTER, str(user.home / "unmapped"), env=path)
    message, hint = done.lines
    assert message.startswith("cannot map the user's ids: newuidmap: ")
    assert hint == "/etc/subuid and /etc/subgid must give the user ranges of its own, and newuidmap be setuid root."
