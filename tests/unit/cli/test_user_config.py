"""docker's config.json and the environment in place of flags."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from pallet.cli.command import Flag
from pallet.cli.context import Context
from pallet.cli.flags import parse
from pallet.cli.user_config import with_defaults

_FLAGS = (
    Flag("format", kind="string", config="psFormat"),
    Flag("quiet", "q"),
    Flag("platform", kind="string", variable="DOCKER_DEFAULT_PLATFORM"),
    Flag("platforms", kind="list", variable="DOCKER_DEFAULT_PLATFORM"),
    Flag("filter", kind="filter", config="pruneFilters"),
)


def _context(directory: Path, text: str, environ: Mapping[str, str] | None = None) -> Context:
    (directory / "config.json").write_text(text)
    streams = (io.StringIO(), io.StringIO(), io.StringIO())
    return Context(*streams, {"HOME": "/", **(environ or {})}, root=str(directory), config_dir=str(directory))


def _options(ctx: Context, *words: str) -> tuple[str, str, tuple[str, ...], tuple[tuple[str, str], ...]]:
    opts = with_defaults(_FLAGS, parse(_FLAGS, list(words)).opts, ctx)
    return opts.format, opts.platform, opts.platforms, opts.filter


def test_they_count_where_the_user_says_nothing(tmp_path: Path) -> None:
    ctx = _context(tmp_path, '{"psFormat": "{{.ID}}"}', {"DOCKER_DEFAULT_PLATFORM": "linux/arm64"})
    assert _options(ctx) == ("{{.ID}}", "linux/arm64", ("linux/arm64",), ())
    assert _options(ctx, "--format", "x", "--platform", "a", "--platforms", "b") == ("x", "a", ("b",), ())
    assert _options(ctx, "-q")[0] == ""


def test_filters_are_added_but_not_to_their_opposites(tmp_path: Path) -> None:
    ctx = _context(tmp_path, '{"pruneFilters": ["label=a=b", "label!=c", "until=1h", "odd"]}')
    assert _options(ctx, "--filter", "label!=a=b")[3] == (("label!", "a=b"), ("label!", "c"), ("until", "1h"))


@pytest.mark.parametrize("text", ['{"psFormat": 1}', '{"psFormat": null}', "{}", '{"proxies": "psFormat"}', ""])
def test_what_is_not_text_does_not_count(tmp_path: Path, text: str) -> None:
    ctx = _context(tmp_path, text)
    assert _options(ctx)[0] == ""
    assert ctx.user_config.proxies(()) == {}
    assert ctx.stderr.getvalue() == ""  # type: ignore[attr-defined]


def test_a_broken_file_is_told_of_once_and_left_out(tmp_path: Path) -> None:
    ctx = _context(tmp_path, '{"psFormat": ')
    assert _options(ctx)[0] == _options(ctx)[0] == ""
    warnings = ctx.stderr.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"WARNING: Error loading config file: {tmp_path}/config.json: ")


def test_a_file_that_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    ctx = _context(tmp_path, "")
    os.unlink(tmp_path / "config.json")
    (tmp_path / "config.json").mkdir()
    assert _options(ctx)[0] == ""
    assert "Is a directory" in ctx.stderr.getvalue()  # type: ignore[attr-defined]


def test_proxies_have_two_spellings(tmp_path: Path) -> None:
    ctx = _context(tmp_path, '{"proxies": {"default": {"httpProxy": "a", "noProxy": "b", "ftpProxy": ""}}}')
    assert ctx.user_config.proxies(["http_proxy"]) == {"HTTP_PROXY": "a", "NO_PROXY": "b", "no_proxy": "b"}
