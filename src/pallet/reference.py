"""Image references: parse, normalise, shorten.

`[registry/][path/]name[:tag][@digest]`. The grammar, the normal form (`ubuntu` is `docker.io/library/ubuntu:latest`)
and the error texts are those of github.com/distribution/reference, which docker uses.
"""

from __future__ import annotations

import re

import msgspec

from pallet.digest import Digest
from pallet.errors import InvalidDigest, InvalidReference
from pallet.naming import DEFAULT_DOMAIN, DEFAULT_TAG, familiar

_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?\Z")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z", re.ASCII)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}\Z")
_LONGEST_NAME = 255


class Reference(msgspec.Struct, frozen=True):
    """A normalised image reference.

    Attributes:
        domain: the registry, with its port if any: `docker.io`, `localhost:5000`.
        path: the repository inside the registry: `library/ubuntu`.
        tag: the tag, or None if the text had none.
        digest: the digest, or None if the text had none.
    """

    domain: str
    path: str
    tag: str | None = None
    digest: Digest | None = None

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
        if not _TAG.match(tag):
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
    if _IDENTIFIER.match(text):
        raise InvalidReference(
            f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings",
        )
    rest, at, digest_text = text.partition("@")
    remainder, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        remainder, tag = rest, ""
    elif not tag or not _TAG.match(tag):
        raise InvalidReference("invalid reference format")
    domain, path = split_domain(remainder)
    if path != path.lower():
        raise InvalidReference("invalid reference format: repository name must be lowercase")
    if not _DOMAIN.match(domain) or not _PATH.match(path):
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
