"""Content digests, `algorithm:hex`.

Source: OCI image spec 1.1, descriptor.md, "Digests". Only sha256 is accepted: it is the one algorithm every registry
and every docker image uses, and the only one the store's layout has room for.
"""

from __future__ import annotations

import sys

from pallet.errors import InvalidDigest

HEX_DIGITS = frozenset("0123456789abcdef")
_SMALL = 1 << 19  # bytes that Python's own code hashes before OpenSSL is loaded
_OWN = "_sha2" if sys.version_info >= (3, 12) else "_sha256"


class Digest(str):
    """A checked `sha256:<64 lower-case hex>` string.

    It is a `str`, so it goes into JSON, SQL and dict keys as it is.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Check `text` and return it as a digest.

        Raises:
            InvalidDigest: another algorithm, or not 64 lower-case hex digits.
        """
        algorithm, colon, hexadecimal = text.partition(":")
        if not colon or algorithm != "sha256":
            raise InvalidDigest(
                f"unsupported digest algorithm in {text!r}" if colon else "invalid checksum digest format"
            )
        if len(hexadecimal) != 64:
            raise InvalidDigest("invalid checksum digest length")
        if not HEX_DIGITS.issuperset(hexadecimal):
            raise InvalidDigest("invalid checksum digest format")
        return cls(text)

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """The digest of `data`."""
        return cls("sha256:" + sha256_hex(data))

    @classmethod
    def from_hex(cls, hexadecimal: str) -> Digest:
        """The digest with these hex digits, as `hashlib` prints them."""
        return cls.parse("sha256:" + hexadecimal)

    @property
    def hex(self) -> str:
        """The 64 hex digits without the algorithm."""
        return self[7:]

    @property
    def short(self) -> str:
        """The first 12 hex digits, as docker prints ids."""
        return self[7:19]


def sha256_hex(data: bytes) -> str:
    """The hex digits of the SHA-256 of `data`; small data is not worth loading OpenSSL, as `hashlib` does."""
    if len(data) < _SMALL:
        try:
            return str(__import__(_OWN).sha256(data).hexdigest())
        except ImportError:
            pass
    from hashlib import sha256

    return sha256(data).hexdigest()
