"""The user's terminal while it belongs to a container: raw, and as before afterwards."""

from __future__ import annotations

import os
import termios
import tty

CTRL_P_CTRL_Q = b"\x10\x11"


class RawTerminal:
    """A context in which a terminal hands over every byte as it comes.

    Args:
        fd: the terminal.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before: list[object] | None = None

    def __enter__(self) -> RawTerminal:
        self._before = termios.tcgetattr(self._fd)
        tty.setraw(self._fd, termios.TCSANOW)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)  # type: ignore[arg-type]
            self._before = None


class DetachKeys:
    """Finds the keys that detach in what is typed; keys that only begin like them are passed on late.

    Args:
        keys: the sequence; empty for none.
    """

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._seen = 0

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """Give what was typed; get what goes on to the container, and whether the keys were among it."""
        if not self._keys:
            return typed, False
        out = bytearray()
        for byte in typed:
            if byte == self._keys[self._seen]:
                self._seen += 1
                if self._seen == len(self._keys):
                    self._seen = 0
                    return bytes(out), True
                continue
            out += self._keys[: self._seen]
            # The byte that broke the sequence may begin a new one.
            self._seen = 1 if byte == self._keys[0] else 0
            if not self._seen:
                out.append(byte)
        return bytes(out), False


def terminal_size(fd: int) -> tuple[int, int]:
    """Rows and columns of a terminal; zeros if it has none."""
    try:
        size = os.get_terminal_size(fd)
    except OSError:
        return 0, 0
    return size.lines, size.columns


def parse_keys(words: str) -> bytes:
    """Read docker's detach keys: single characters and `ctrl-x`, separated by commas.

    Raises:
        ValueError: an unknown key.
    """
    out = bytearray()
    for word in words.split(","):
        if len(word) == 1 and word.isascii():
            out += word.encode()
        elif word == "DEL":
            out.append(127)
        elif word.startswith("ctrl-") and len(word) == 6 and word[5] in "abcdefghijklmnopqrstuvwxyz@[\\]^_":
            out.append(ord(word[5].upper()) & 0x1F)
        else:
            raise ValueError(f"Unknown character: '{word}'")
    return bytes(out)
