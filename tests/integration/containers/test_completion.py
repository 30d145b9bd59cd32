"""What the shell is offered depends on what the containers do."""

from __future__ import annotations

from tests.support.pallet import PalletCLI


def test_containers_by_state(box: PalletCLI) -> None:
    for name in ("aa", "bb"):
        box.ok("run", "-d", "--name", name, "--network", "none", "box", "sleep", "100")
    box.ok("create", "--name", "cc", "--network", "none", "box", "true")
    box.ok("pause", "bb")

    def offered(*words: str) -> list[str]:
        return box.ok("__complete", "--", *words, "").split()

    assert offered("stop") == ["aa", "bb"]
    assert offered("pause") == ["aa"]
    assert offered("unpause") == ["bb"]
    assert offered("start") == ["cc"]
    box.ok("volume", "create", "data")
    assert {"aa", "box", "box:latest", "bridge", "data"} <= set(offered("inspect"))
    assert {"none", "host", "bridge"} <= set(offered("run", "--net"))
    assert offered("run", "--link") == ["aa", "bb", "cc"]
