"""Manifests, indexes and configs: raw bytes kept, wrong documents refused, changes that keep the unknown."""

from __future__ import annotations

import json

import pytest

from pallet.digest import Digest
from pallet.errors import InvalidDigest, InvalidInput, NotFound, PalletError, Unsupported
from pallet.oci import media
from pallet.oci.chain import chain_ids
from pallet.oci.config import ContainerConfig, History, parse_config
from pallet.oci.descriptor import Descriptor
from pallet.oci.index import make_index, parse_index
from pallet.oci.manifest import make_manifest, parse_manifest
from pallet.oci.mutate import Step, append_layer, empty_config
from pallet.platform import Platform, parse

LAYER = Descriptor(media.DOCKER_LAYER_GZIP, Digest.of(b"layer"), 5)
CONFIG = Descriptor(media.DOCKER_CONFIG, Digest.of(b"config"), 6)


def test_a_manifest_keeps_its_bytes() -> None:
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media.DOCKER_MANIFEST,
            "config": {"mediaType": media.DOCKER_CONFIG, "digest": CONFIG.digest, "size": 6},
            "layers": [{"mediaType": media.DOCKER_LAYER_GZIP, "digest": LAYER.digest, "size": 5, "new": [1]}],
            "unknown": {"kept": True},
        },
        indent=3,
    ).encode()
    manifest = parse_manifest(raw)
    assert manifest.raw == raw
    assert manifest.digest == Digest.of(raw)
    assert manifest.layers == (LAYER,)
    assert manifest.descriptor == Descriptor(media.DOCKER_MANIFEST, Digest.of(raw), len(raw))


def test_what_is_made_can_be_read() -> None:
    manifest = make_manifest(CONFIG, (LAYER, LAYER), media.OCI_MANIFEST, {"a": "b"})
    assert parse_manifest(manifest.raw) == manifest
    assert manifest.blobs == (CONFIG, LAYER)
    index = make_index((manifest.descriptor,))
    assert parse_index(index.raw) == index


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (b"", InvalidInput),
        (b"[]", InvalidInput),
        (b"\xff\xfe", InvalidInput),
        (b"{}", InvalidInput),
        (b"[" * 100_000, InvalidInput),
        (b'{"schemaVersion": 1, "fsLayers": []}', Unsupported),
        (b'{"schemaVersion": 2}', Unsupported),
        (
            b'{"schemaVersion": 2, "config": {"mediaType": "a", "digest": "sha256:1", "size": 1}, "layers": []}',
            PalletError,
        ),
        (
            b'{"schemaVersion": 2, "config": {"mediaType": "a", "digest": "sha256:' + b"a" * 64 + b'", "size": -1},'
            b' "layers": []}',
            InvalidInput,
        ),
    ],
)
def test_wrong_manifests_are_refused(document: bytes, kind: type[PalletError]) -> None:
    with pytest.raises(kind):
        parse_manifest(document)


def test_a_bad_digest_in_a_descriptor_is_named() -> None:
    with pytest.raises((InvalidInput, InvalidDigest), match="digest"):
        parse_manifest(
            b'{"schemaVersion": 2, "layers": [], "config": {"mediaType": "a", "digest": "md5:1", "size": 1}}'
        )


def entry(platform: str, size: int) -> Descriptor:
    return Descriptor(media.OCI_MANIFEST, Digest.of(platform.encode()), size, platform=parse(platform))


def test_an_index_gives_the_best_fit() -> None:
    index = make_index((entry("linux/arm/v5", 1), entry("linux/arm/v7", 2), entry("linux/amd64", 3)))
    assert index.choose(Platform("arm", "linux", "v7")).size == 2
    assert index.choose(Platform("arm", "linux", "v6")).size == 1
    assert index.choose(Platform("amd64", "linux")).size == 3
    with pytest.raises(NotFound, match="no matching manifest for linux/s390x"):
        index.choose(Platform("s390x", "linux"))


def test_an_index_passes_over_entries_without_a_platform() -> None:
    index = make_index((Descriptor(media.OCI_MANIFEST, LAYER.digest, 1), entry("linux/amd64", 3)))
    assert index.choose(Platform("amd64", "linux")).size == 3


def test_a_layer_on_top_keeps_what_is_unknown() -> None:
    base = parse_config(
        json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Env": ["A=1"]},
                "rootfs": {"type": "layers", "diff_ids": [Digest.of(b"0")]},
                "history": [{"created_by": "first"}],
                "moby.buildkit.cache.v0": "kept",
            }
        ).encode()
    )
    step = Step(History(created="2026-01-02T03:04:05Z", created_by="second"), ContainerConfig(cmd=("sh",)))
    manifest, config = append_layer(base, (LAYER,), LAYER, Digest.of(b"1"), step)
    assert json.loads(config.raw)["moby.buildkit.cache.v0"] == "kept"
    assert config.diff_ids == (Digest.of(b"0"), Digest.of(b"1"))
    assert [each.created_by for each in config.history] == ["first", "second"]
    assert config.config is not None
    assert config.config.cmd == ("sh",)
    assert manifest.layers == (LAYER, LAYER)
    assert manifest.config.digest == config.id
    assert base.diff_ids == (Digest.of(b"0"),)


def test_a_layer_is_of_the_kind_of_those_below() -> None:
    below = Descriptor(media.OCI_LAYER_ZSTD, Digest.of(b"below"), 5)
    step = Step(History(created=""))
    base = parse_config(b'{"rootfs": {"type": "layers", "diff_ids": ["' + Digest.of(b"0").encode() + b'"]}}')
    manifest, _ = append_layer(base, (below,), LAYER, Digest.of(b"1"), step)
    types = [media.OCI_LAYER_ZSTD, media.OCI_LAYER_GZIP]
    assert (manifest.media_type, manifest.config.media_type) == (media.OCI_MANIFEST, media.OCI_CONFIG)
    assert [layer.media_type for layer in manifest.layers] == types
    assert [layer.digest for layer in manifest.layers] == [below.digest, LAYER.digest]


def test_a_step_without_layer_adds_history_only() -> None:
    base = empty_config(Platform("arm", "linux", "v7"))
    manifest, config = append_layer(base, (), None, None, Step(History(created="", empty_layer=True)))
    assert config.diff_ids == ()
    assert config.history == (History(empty_layer=True),)
    assert config.platform == Platform("arm", "linux", "v7")
    assert manifest.layers == ()


def test_chain_ids_follow_the_specification() -> None:
    first, second = Digest.of(b"1"), Digest.of(b"2")
    chain = chain_ids((first, second))
    assert chain == (first, Digest.of(f"{first} {second}".encode()))
    assert chain_ids(()) == ()
