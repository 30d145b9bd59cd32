"""`-o FILE` of save and export: a file that appears whole or not at all."""

from __future__ import annotations

import os
import stat
from types import TracebackType
from typing import BinaryIO

from pallet.cli.failure import Failure
from pallet.host.files import unlink_if_there

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class OutputFile:
    """Opens where `-o` points. A regular file is written beside its place and renamed when all went well.

    Args:
        path: the file.
        action: what is being done, for docker's error text: `save image`.

    Raises:
        Failure: the place cannot be written, with docker's text.
    """

    def __init__(self, path: str, action: str) -> None:
        self._path = path
        self._action = action
        self._temporary = ""
        self._file: BinaryIO | None = None

    def __enter__(self) -> BinaryIO:
        try:
            self._refuse_bad_places()
            if self._is_special():
                self._file = open(self._path, "wb", buffering=0)
            else:
                self._temporary = f"{self._path}.{os.getpid()}.partial"
                # Like docker's: what is in an image or a container may not be for everybody.
                self._file = open(os.open(self._temporary, _NEW, 0o600), "wb", buffering=0)
        except OSError as error:
            raise Failure(f"open {self._path}: {(error.strerror or str(error)).lower()}", exit_code=1) from error
        except KeyboardInterrupt:  # opening may take a moment, and nobody calls `__exit__` then
            if self._temporary:
                unlink_if_there(self._temporary)
            raise
        return self._file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if self._temporary:
            if error is None:
                os.replace(self._temporary, self._path)
            else:
                os.unlink(self._temporary)

    def _refuse_bad_places(self) -> None:
        """Source: docker/cli, cli/command/utils.go, ValidateOutputPath."""
        directory = os.path.dirname(self._path)
        if directory and not os.path.isdir(directory):
            raise Failure(
                f'failed to {self._action}: invalid output path: directory "{directory}" does not exist',
                exit_code=1,
            )
        if os.path.isdir(self._path):
            raise Failure(
                f'failed to {self._action}: invalid output path: "{self._path}" must be a regular file', exit_code=1
            )

    def _is_special(self) -> bool:
        try:
            return not stat.S_ISREG(os.stat(self._path).st_mode)
        except FileNotFoundError:
            return False
