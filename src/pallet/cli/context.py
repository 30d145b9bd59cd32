"""What a command is handed: streams, the terminal, settings, the engine."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from pallet.cli.user_config import UserConfig
    from pallet.engine import Engine
    from pallet.settings import Settings

_COLUMNS = 80  # docker's, where there is no terminal


class Context:
    """One call of pallet.

    Args:
        stdin: standard input; `stdin.buffer` for bytes.
        stdout: standard output; `stdout.buffer` for bytes.
        stderr: standard error.
        environ: the environment.
        root: the global flag `--root`, empty if not given.
        runtime: the global flag `--runtime`.
        snapshotter: the global flag `--snapshotter`.
        config_dir: the global flag `--config`.
        debug: the global flag `--debug`.
    """

    def __init__(
        self,
        stdin: TextIO,
        stdout: TextIO,
        stderr: TextIO,
        environ: Mapping[str, str],
        *,
        root: str = "",
        runtime: str = "",
        snapshotter: str = "",
        config_dir: str = "",
        debug: bool = False,
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.environ = environ
        self.debug = debug
        self._root = root
        self._runtime = runtime
        self._snapshotter = snapshotter
        self._config_dir = config_dir
        self._settings: Settings | None = None
        self._engine: Engine | None = None
        self._user_config: UserConfig | None = None

    @property
    def settings(self) -> Settings:
        """The settings, from the global flags and the environment."""
        if self._settings is None:
            from pallet.environment import make_settings

            self._settings = make_settings(
                self.environ,
                root=self._root,
                runtime=self._runtime,
                snapshotter=self._snapshotter,
                config_dir=self._config_dir,
            )
        return self._settings

    @property
    def user_config(self) -> UserConfig:
        """What the user has set for all commands."""
        if self._user_config is None:
            from pallet.cli.user_config import UserConfig

            self._user_config = UserConfig(self)
        return self._user_config

    @property
    def engine(self) -> Engine:
        """The engine, made at the first use."""
        if self._engine is None:
            from pallet.engine import Engine

            self._engine = Engine(self.settings)
        return self._engine

    def print(self, line: str = "") -> None:
        """Write a line to standard output."""
        self.stdout.write(line + "\n")

    def warn(self, line: str) -> None:
        """Write a line to standard error, after what standard output was given so far."""
        self.stdout.flush()
        self.stderr.write(line + "\n")
        self.stderr.flush()

    def is_terminal(self, stream: TextIO | None = None) -> bool:
        """Whether a stream (standard output if none is given) is a terminal."""
        try:
            return (stream or self.stdout).isatty()
        except ValueError:  # closed
            return False

    def columns(self) -> int:
        """The columns of the terminal: standard output's, else standard input's, else 80."""
        for stream in (self.stdout, self.stdin):
            try:
                columns = os.get_terminal_size(stream.fileno()).columns
            except (OSError, ValueError):
                continue
            if columns:
                return columns
        return _COLUMNS
