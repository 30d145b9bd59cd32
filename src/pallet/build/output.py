"""`--output`: where else a build's result goes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

from pallet.build.attest.collect import layer_directories
from pallet.build.copytree import copy_tree
from pallet.build.options import BuildOptions, Output
from pallet.build.platforms import Result
from pallet.build.shared import Shared
from pallet.build.source import Tree
from pallet.build.state import State
from pallet.build.view import with_views
from pallet.errors import HostError, InvalidInput
from pallet.host.files import unlink_if_there
from pallet.host.idmap import in_user_namespace
from pallet.layer.merged import write_layers
from pallet.ops.save import save_tree
from pallet.reference import Reference

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_STANDARD_OUTPUT = 1


def check_outputs(options: BuildOptions) -> None:
    """Refuse outputs that cannot be, before anything is built. Raises InvalidInput."""
    several = len(options.platforms) > 1
    is_index = several or options.attest.wanted
    if not is_index and any(each.target in ("index", "index-descriptor") for each in options.annotations):
        raise InvalidInput("index annotations not supported for single platform export")
    for output in options.outputs:
        if is_index and output.type == "docker":
            raise InvalidInput("docker exporter does not currently support exporting manifest lists")
        if several and output.type == "tar":
            raise InvalidInput("tar output of several platforms is not supported", hint="use type=local or type=oci")
        if output.type == "local" and (not output.dest or output.dest == "-"):
            raise InvalidInput("dest is required for local output")
        if output.type == "local" and os.path.exists(output.dest) and not os.path.isdir(output.dest):
            raise InvalidInput(f"destination directory {output.dest} is a file")
        if output.type in ("tar", "oci") and not output.dest:
            raise InvalidInput(f"dest file is required for {output.type} output")
        if output.type in ("tar", "oci", "docker") and os.path.isdir(output.dest):
            raise InvalidInput(f"destination file {output.dest} is a directory")


def write_outputs(shared: Shared, result: Result) -> None:
    """Write all outputs but the store's.

    Raises:
        HostError: a file cannot be written.
    """
    for output in shared.options.outputs:
        if output.type == "image":
            continue
        with shared.journal.step(_title(output)):
            if output.type not in ("local", "tar"):
                _write_archive(shared, output, result)
            elif len(result.images) == 1:
                _write_tree(shared, result.main.state, output.type, output.dest, result.statements(result.main))
            else:
                for image in result.images:
                    name = str(image.work.platform).replace("/", "_")
                    _write_tree(shared, image.state, output.type, f"{output.dest}/{name}", result.statements(image))


def _title(output: Output) -> str:
    if output.type == "local":
        return "exporting to client directory"
    if output.type == "tar":
        return "exporting to client tarball"
    return f"exporting to {output.type} image format"


def _write_tree(shared: Shared, state: State, kind: str, dest: str, statements: Mapping[str, bytes]) -> None:
    layers = layer_directories(shared, state.top)
    if statements:
        extra = shared.staging().fs  # one more layer, with the attestations as files
        for name, raw in statements.items():
            with open(f"{extra}/{name}", "wb") as statement:
                statement.write(raw)
        layers = [extra, *layers]
    if kind == "tar":
        with _opened(dest) as file:
            write_layers(layers, file, userxattr=in_user_namespace())
        return

    def write(roots: list[int]) -> None:
        os.makedirs(dest, exist_ok=True)
        copy_tree(Tree(roots[0]), "", dest)

    with_views(shared.staging().path, [layers], write)


def _write_archive(shared: Shared, output: Output, result: Result) -> None:
    from pallet.archive.docker_writer import DockerArchiveSink
    from pallet.archive.oci_writer import OciArchiveSink

    with _opened(output.dest or "-") as file:
        sink = OciArchiveSink(file) if output.type == "oci" else DockerArchiveSink(file)
        names: list[Reference | None] = [reference.with_default_tag() for reference in shared.options.tags]
        names = names or [None]
        save_tree(shared.engine, result.tree, names, sink, root=result.root)


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """A file that appears whole or not at all; `-` is standard output."""
    if path == "-":
        with open(os.dup(_STANDARD_OUTPUT), "wb") as file:
            yield file
        return
    temporary = f"{path}.{os.getpid()}.partial"
    try:
        with open(os.open(temporary, _NEW, 0o644), "wb") as file:
            yield file
        os.replace(temporary, path)
    except OSError as error:
        unlink_if_there(temporary)
        raise HostError(f"cannot write {path}: {error.strerror}") from error
    except BaseException:
        unlink_if_there(temporary)
        raise
