"""Fixtures for all tests, and what makes a run honest: skips that count, and nothing left behind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.support import leaks, rootfs, scratch, scratch_prefix
from tests.support.dockerd import Dockerd
from tests.support.pallet import PalletCLI
from tests.support.registry import RegistryServer
from tests.support.session import Session

_SESSION = pytest.StashKey[Session]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SESSION] = Session()
    # What lands is judged by the same examples each time; runs at the desk look for new ones.
    settings.register_profile("ci", derandomize=True)
    if os.environ.get("CI"):
        settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() == 0:
        return
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder in ("integration", "compat") or item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    _count_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    _count_skip(report)
    return report


def _count_skip(report: object) -> None:
    """Under CI a test skipped for a missing tool has failed: there, ./test has installed the tools."""
    if not os.environ.get("CI") or not isinstance(report, pytest.TestReport | pytest.CollectReport):
        return
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        path, line, reason = report.longrepr
        if reason.removeprefix("Skipped: ").startswith("missing tool"):
            report.outcome = "failed"
            report.longrepr = f"{path}:{line}: {reason}"


@pytest.fixture(scope="session")
def session(pytestconfig: pytest.Config) -> Session:
    """This test run."""
    return pytestconfig.stash[_SESSION]


@pytest.fixture(scope="session", autouse=True)
def nothing_left(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """At the end of the run its mounts, links, firewall rules and processes are as before, or the run fails."""
    if os.geteuid() != 0:
        yield
        return
    roots = (str(tmp_path_factory.getbasetemp()), scratch_prefix())
    before = leaks.take(session, roots)
    yield
    left = leaks.settled(session, roots, before)
    assert not left, "the tests left behind:\n" + "\n".join(left)


@pytest.fixture(scope="session")
def debian_tar(session: Session) -> Path:
    """The tar of a real Debian or Ubuntu."""
    return rootfs.debian(session)


@pytest.fixture(scope="session")
def busybox_tar() -> Path:
    """The tar of a small busybox system with a web page."""
    return rootfs.busybox()


@pytest.fixture(scope="session")
def registry() -> Iterator[RegistryServer]:
    """A real registry that everybody may read and write; use names of your own in it."""
    with RegistryServer() as server:
        yield server


@pytest.fixture(scope="session")
def dockerd(registry: RegistryServer) -> Iterator[Dockerd]:
    """Debian's docker, which takes docker.io's names from `registry`."""
    with Dockerd(mirror=registry.url) as daemon:
        yield daemon


@pytest.fixture
def make_pallet() -> Iterator[Callable[..., PalletCLI]]:
    """Makes pallets with stores of their own: make_pallet(), make_pallet("second", env={...})."""
    made: list[PalletCLI] = []
    directory = scratch("cli")

    def make(name: str = "pallet", env: dict[str, str] | None = None) -> PalletCLI:
        made.append(PalletCLI(directory / name, env))
        return made[-1]

    yield make
    try:
        for each in made:
            each.close()
    finally:
        shutil.rmtree(directory)


@pytest.fixture
def pallet(make_pallet: Callable[..., PalletCLI]) -> PalletCLI:
    """The pallet command on an empty store; no registry is configured."""
    return make_pallet()
