"""`images.build` takes every argument of docker-py's."""

from __future__ import annotations

import inspect

from pallet.sdk.images import Images

# docker-py 7, docker.models.images.ImageCollection.build and docker.api.build.BuildApiMixin.build
_DOCKER_PY = """
path tag quiet fileobj nocache rm timeout custom_context encoding pull forcerm dockerfile container_limits buildargs
gzip shmsize labels cache_from target network_mode squash extra_hosts platform isolation use_config_proxy
"""


def test_all_arguments_of_docker_py() -> None:
    assert set(_DOCKER_PY.split()) <= set(inspect.signature(Images.build).parameters)
