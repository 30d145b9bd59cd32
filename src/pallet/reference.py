"""Image references: parse, normalise, shorten.

`[registry/][path/]name[:tag][@digest]`. The grammar, the normal form (`ubuntu` is `docker.io/library/ubuntu:latest`)
and the error texts are those of github.com/distribution/reference, which docker uses.
"""

from __future__ import annotations

from pallet.digest import HEX_DIGITS, Digest
from pallet.errors import InvalidDigest, InvalidReference
from pallet.naming import DEFAULT_DOMAIN, DEFAULT_TAG, familiar

_SMALL = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = frozenset("0123456789")
_SMALL_OR_DIGIT = frozenset(_SMALL) | _DIGITS
_LETTER_OR_DIGIT = _SMALL_OR_DIGIT | frozenset(_SMALL.upper())
_TAG = _LETTER_OR_DIGIT | frozenset("_.-")
_ADDRESS = HEX_DIGITS | frozenset("ABCDEF:")
_LONGEST_NAME = 255
_LONGEST_TAG = 128


class Reference(tuple[str, str, str | None, Digest | None]):
    """A normalised image reference. A tuple with names: commands that use nothing else of msgspec start without it."""

    __slots__ = ()

    def __new__(cls, domain: str, path: str, tag: str | None = None, digest: Digest | None = None) -> Reference:
        return super().__new__(cls, (domain, path, tag, digest))

    @property
    def domain(self) -> str:
        """The registry, with its port if any: `docker.io`, `localhost:5000`."""
        return self[0]

    @property
    def path(self) -> str:
        """The repository inside the registry: `library/ubuntu`."""
        return self[1]

    @property
    def tag(self) -> str | None:
        """The tag, or None if the text had none."""
        return self[2]

    @property
    def digest(self) -> Digest | None:
        """The digest, or None if the text had none."""
        return self[3]

    @property
    def name(self) -> str:
        """Registry and repository: `docker.io/library/ubuntu`."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """The name as docker prints it: `ubuntu`."""
        return familiar(self.name)

    @property
    def familiar(self) -> str:
        """The whole reference as docker prints it: `ubuntu:18.04`."""
        return self.familiar_name + self._suffix

    def __str__(self) -> str:
        """The whole normalised reference: `docker.io/library/ubuntu:18.04`."""
        return self.name + self._suffix

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def with_default_tag(self) -> Reference:
        """This reference, tagged `latest` if it has neither tag nor digest."""
        return self if self.tag or self.digest else self.with_tag(DEFAULT_TAG)

    def with_tag(self, tag: str) -> Reference:
        """The same repository under `tag`.

        Raises:
            InvalidReference: not a valid tag.
        """
        if not _is_tag(tag):
            raise InvalidReference("invalid tag format")
        return Reference(self.domain, self.path, tag)

    def with_digest(self, digest: Digest) -> Reference:
        """The same repository at `digest`, without a tag."""
        return Reference(self.domain, self.path, None, digest)


def parse(text: str) -> Reference:
    """Parse what a user types into a normalised reference (no default tag is added).

    Raises:
        InvalidReference: with docker's text for what is wrong.
    """
    if len(text) == 64 and HEX_DIGITS.issuperset(text):
        raise InvalidReference(
            f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings",
        )
    rest, at, digest_text = text.partition("@")
    remainder, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        remainder, tag = rest, ""
    elif not _is_tag(tag):
        raise InvalidReference("invalid reference format")
    domain, path = split_domain(remainder)
    if path != path.lower():
        raise InvalidReference("invalid reference format: repository name must be lowercase")
    if not _is_domain(domain) or not all(map(_is_component, path.split("/"))):
        raise InvalidReference("invalid reference format")
    if len(domain) + 1 + len(path) > _LONGEST_NAME:
        raise InvalidReference(f"repository name must not be more than {_LONGEST_NAME} characters")
    if domain == DEFAULT_DOMAIN and path.startswith("library/") and path.count("/") > 1 and "/" not in remainder:
        raise InvalidReference("invalid reference format")
    digest = None
    if at:
        try:
            digest = Digest.parse(digest_text)
        except InvalidDigest as error:
            raise InvalidReference("invalid reference format") from error
    return Reference(domain, path, tag or None, digest)


def split_domain(name: str) -> tuple[str, str]:
    """Split a name without tag or digest into registry and path, with docker's defaults filled in.

    The first component is a registry if it has a dot, a colon or an upper-case letter, or is `localhost`.
    """
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first.lower() != first):
        domain, path = DEFAULT_DOMAIN, name
    else:
        domain, path = first, rest
    if domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = "library/" + path
    return domain, path


def _is_tag(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_TAG and text[0] not in ".-" and _TAG.issuperset(text)


def _is_domain(text: str) -> bool:
    """Names with dots between them or an IPv6 address in brackets, perhaps with a port."""
    host, colon, port = (text, "", "") if text.endswith("]") else text.rpartition(":")
    if not colon:
        host = text
    elif not port or not _DIGITS.issuperset(port):
        return False
    if host.startswith("["):
        return len(host) > 2 and host.endswith("]") and _ADDRESS.issuperset(host[1:-1])
    return all(_is_dashed(part, _LETTER_OR_DIGIT) for part in host.split("."))


def _is_component(text: str) -> bool:
    """Small letters and digits, in groups with a dot, one or two underscores or any number of dashes between them."""
    return all(_is_dashed(part, _SMALL_OR_DIGIT) for part in text.replace("__", "_").replace(".", "_").split("_"))


def _is_dashed(text: str, allowed: frozenset[str]) -> bool:
    """Whether there is something, only what is allowed, and dashes only inside."""
    return bool(text) and text[0] != "-" != text[-1] and allowed.issuperset(text.replace("-", ""))
