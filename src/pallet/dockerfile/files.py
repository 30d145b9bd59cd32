"""COPY and ADD: flags, sources, destination, and files that come from heredocs."""

from __future__ import annotations

from typing import TypedDict

from pallet.dockerfile.flags import parse_flags
from pallet.dockerfile.heredoc import heredoc_of
from pallet.dockerfile.instructions import Add, Copy, InlineFile
from pallet.dockerfile.lexer import Node
from pallet.dockerfile.source import Lines
from pallet.dockerfile.words import plain_words
from pallet.errors import InvalidInput


class _Files(TypedDict):
    keyword: str
    text: str
    lines: Lines
    comments: tuple[str, ...]
    sources: tuple[str, ...]
    destination: str
    files: tuple[InlineFile, ...]


def parse_copy(node: Node) -> Copy:
    """Understand a COPY.

    Raises:
        InvalidInput: wrong flags, no destination, a heredoc as destination, with BuildKit's text.
    """
    words = _words(node)
    flags = parse_flags(
        node.flags,
        switches=("link", "parents"),
        strings=("from", "chown", "chmod"),
        lists=("exclude",),
    )
    return Copy(
        **_files(node, words),
        source_stage=flags.text("from"),
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        link=bool(flags.truth("link")),
        parents=bool(flags.truth("parents")),
        exclude=flags.texts("exclude"),
    )


def parse_add(node: Node) -> Add:
    """Understand an ADD.

    Raises:
        InvalidInput: as `parse_copy`.
    """
    words = _words(node)
    flags = parse_flags(
        node.flags,
        switches=("link", "keep-git-dir", "unpack"),
        strings=("chown", "chmod", "checksum"),
        lists=("exclude",),
    )
    return Add(
        **_files(node, words),
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        link=bool(flags.truth("link")),
        exclude=flags.texts("exclude"),
        checksum=flags.text("checksum"),
        keep_git_dir=flags.truth("keep-git-dir"),
        unpack=flags.truth("unpack"),
    )


def _words(node: Node) -> tuple[str, ...]:
    words = plain_words(node.body)
    if len(words) < 2:
        raise InvalidInput(
            f"{node.keyword.upper()} requires at least two arguments, but only one was provided. "
            "Destination could not be determined"
        )
    return words


def _files(node: Node, words: tuple[str, ...]) -> _Files:
    *sources, destination = words
    if heredoc_of(destination) is not None:
        raise InvalidInput(f"{node.keyword.upper()} cannot accept a heredoc as a destination")
    contents = {heredoc.name: heredoc for heredoc in node.heredocs}
    paths: list[str] = []
    files: list[InlineFile] = []
    for source in sources:
        begun = heredoc_of(source)
        if begun is None:
            paths.append(source)
        else:
            whole = contents.get(begun.name, begun)
            files.append(InlineFile(begun.name, whole.text, begun.expand))
    return {
        "keyword": node.keyword,
        "text": node.text,
        "lines": node.lines,
        "comments": node.comments,
        "sources": tuple(paths),
        "destination": destination,
        "files": tuple(files),
    }
