"""The shape of the source tree, read from its syntax: who may import whom, how long a module may be, who prints."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src/pallet"
MODULES = sorted(SOURCE.rglob("*.py"))
MAX_LINES = 400

# A module imports only lower ranks, or its own folder; equal ranks never import each other, but for rank 0.
RANKS = {
    **dict.fromkeys(("version", "errors", "digest", "naming", "reference", "platform"), 0),
    **dict.fromkeys(("content", "settings", "environment", "progress", "units", "durations", "types", "goregexp"), 0),
    **dict.fromkeys(("oci", "gotemplate", "dockerfile"), 0),
    "host": 1,
    **dict.fromkeys(("store", "layer"), 2),
    **dict.fromkeys(("registry", "archive", "runtime", "network", "recovery"), 3),
    **dict.fromkeys(("engine", "ops"), 4),
    "build": 5,
    **dict.fromkeys(("cli", "api", "sdk"), 6),
    **dict.fromkeys(("__init__", "__main__"), 7),
}
# engine.py is the composition root that every op takes, and what all verbs of a rank share.
PEERS = {("ops", "engine")}


def part_of(path: Path) -> str:
    """The module, or folder of modules, right below pallet that the file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imported_parts(path: Path) -> set[str]:
    """The parts of pallet that a file imports anywhere in it, for types too."""
    package = ["pallet", *path.relative_to(SOURCE).parts[:-1]]
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from pallet import errors` names a module, `from pallet.errors import NotFound` something in one.
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:
            first, *rest = name.split(".")
            if first == "pallet" and rest:
                known = rest[0] in RANKS or (SOURCE / rest[0]).exists() or (SOURCE / f"{rest[0]}.py").exists()
                found.add(rest[0] if known else "__init__")
    return found


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_only_lower_ranks(path: Path) -> None:
    part = part_of(path)
    assert part in RANKS, f"{part} has no rank; give it one here"
    wrong = []
    for other in sorted(imported_parts(path) - {part}):
        same_but_allowed = RANKS[part] == RANKS[other] and (RANKS[part] == 0 or (part, other) in PEERS)
        if RANKS[other] >= RANKS[part] and not same_but_allowed:
            wrong.append(f"{part} (rank {RANKS[part]}) imports {other} (rank {RANKS[other]})")
    assert not wrong


def test_no_import_cycle_between_parts() -> None:
    """Rank 0 may import within itself, so long as nothing comes round."""
    graph: dict[str, set[str]] = {}
    for path in MODULES:
        graph.setdefault(part_of(path), set()).update(imported_parts(path) - {part_of(path)})
    done: set[str] = set()

    def visit(part: str, trail: tuple[str, ...]) -> None:
        assert part not in trail, " -> ".join([*trail, part])
        if part not in done:
            for other in sorted(graph.get(part, ())):
                visit(other, (*trail, part))
            done.add(part)

    for part in sorted(graph):
        visit(part, ())


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_is_short(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= MAX_LINES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(parsed(path)), "no docstring"


@pytest.mark.parametrize("path", [each for each in MODULES if part_of(each) not in ("cli", "__main__")], ids=name_of)
def test_only_the_cli_prints(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input"), f"line {node.lineno}: {node.func.id}()"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            assert node.attr != "stdout", f"line {node.lineno}: sys.stdout"


@pytest.mark.parametrize(
    "path", [each for each in MODULES if part_of(each) not in ("cli", "settings", "__main__")], ids=name_of
)
def test_only_the_cli_reads_the_environment(path: Path) -> None:
    """Settings come from `pallet.environment`, which is handed the environment. To hand os.environ on to a child, or to
    find a program in PATH, is not a setting."""
    for node in ast.walk(parsed(path)):
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript) and _is_environ(node.value):
            key = node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            name, environ = node.func.attr, _is_environ(node.func.value)
            key = node.args[0] if name == "getenv" or (environ and name in ("get", "pop")) else None
        if key is not None:
            assert isinstance(key, ast.Constant), f"line {key.lineno}: reads the environment"
            assert key.value == "PATH", f"line {key.lineno}: reads {key.value!r} from the environment"


def _is_environ(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "environ"
