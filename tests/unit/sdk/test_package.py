"""`import pallet`: what it costs, what it has, whose settings it takes."""

from __future__ import annotations

import inspect
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import pallet
from pallet.errors import InvalidInput, NoSuchContainer, NoSuchImage
from pallet.sdk.containers import Containers
from pallet.sdk.images import Images


def test_importing_pallet_imports_nothing_else() -> None:
    script = "import sys\nbefore = set(sys.modules)\nimport pallet\nprint(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert set(done.stdout.split()) <= {"pallet", "__future__"}


def test_all_names_are_there() -> None:
    for name in pallet.__all__:
        assert getattr(pallet, name) is not None
        assert name in dir(pallet)
    assert issubclass(pallet.errors.NoSuchImage, pallet.errors.PalletError)
    assert pallet.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        pallet.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(pallet.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize(
    ("method", "docker"),
    [
        (Images.list, "name all filters"),
        (Images.pull, "repository tag all_tags"),
        (Images.push, "repository tag"),
        (Images.prune, "filters"),
        (Containers.create, "image command"),
        (Containers.run, "image command stdout stderr remove"),
        (Containers.prune, "filters"),
        (pallet.Image.tag, "repository tag"),
        (pallet.Image.save, "chunk_size named"),
        (pallet.Image.remove, "force noprune"),
        (pallet.Container.commit, "repository tag"),
        (pallet.Container.export, "chunk_size"),
        (pallet.Container.kill, "signal"),
    ],
)
def test_positions_are_docker_py_s(method: object, docker: str) -> None:
    assert callable(method)
    names = list(inspect.signature(method).parameters)[1:]
    wanted = docker.split()
    assert names[: len(wanted)] == wanted


@pytest.mark.parametrize("kind", [pallet.Engine, pallet.Image, pallet.Container, Images, Containers])
def test_everything_public_is_documented(kind: type) -> None:
    for name, member in inspect.getmembers(kind):
        if not name.startswith("_"):
            assert inspect.getdoc(member), f"{kind.__name__}.{name}"


def test_an_engine_takes_its_settings_or_the_usual_places(tmp_path: Path) -> None:
    engine = pallet.Engine(tmp_path / "store", tmp_path / "run", "runc", tmp_path / "registries.toml", tmp_path)
    settings = engine.settings
    assert (settings.root, settings.run_dir, settings.runtime) == (f"{tmp_path}/store", f"{tmp_path}/run", "runc")
    assert (settings.registries_file, settings.docker_config) == (f"{tmp_path}/registries.toml", str(tmp_path))
    assert pallet.Engine().settings.root.endswith("/pallet")
    assert pallet.Engine(root="store").settings.root == str(Path.cwd() / "store")


def test_only_from_env_looks_at_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = pallet.Engine().settings
    monkeypatch.setenv("PALLET_ROOT", str(tmp_path))
    monkeypatch.setenv("PALLET_RUNTIME", "runc")
    assert pallet.Engine().settings.root == usual.root
    assert (pallet.from_env().settings.root, pallet.from_env().settings.runtime) == (str(tmp_path), "runc")
    assert pallet.from_env({"PALLET_ROOT": "/elsewhere", "HOME": "/root"}).settings.root == "/elsewhere"


def test_an_empty_store_has_nothing_and_looking_makes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "store"
    with pallet.Engine(root=root, run_dir=tmp_path / "run") as engine:
        assert engine.images.list() == []
        assert engine.containers.list(all=True) == []
        with pytest.raises(NoSuchImage, match="No such image: ubuntu:latest"):
            engine.images.get("ubuntu")
        with pytest.raises(NoSuchContainer, match="No such container: bob"):
            engine.containers.get("bob")
        with pytest.raises(InvalidInput, match="Invalid filter"):
            engine.images.list(filters={"colour": "red"})
    assert not (root / "db.sqlite").exists()


def test_an_engine_can_be_used_again_after_it_was_closed(tmp_path: Path) -> None:
    engine = pallet.Engine(root=tmp_path / "store", run_dir=tmp_path / "run")
    with engine, engine.store.db.transaction():
        pass
    assert engine.images.list() == []
    engine.close()


def test_threads_share_the_parts_of_an_engine(tmp_path: Path) -> None:
    engine = pallet.Engine(root=tmp_path / "store", run_dir=tmp_path / "run")
    seen: list[tuple[int, ...]] = []
    gate = threading.Barrier(8)

    def look() -> None:
        gate.wait()
        store = engine.store
        seen.append((id(store), id(store.db), id(store.images), id(store.containers), id(engine.snapshots)))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
