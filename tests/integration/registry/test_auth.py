"""Passwords and tokens against real registries: docker's texts, and who gets to see what."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.integration.registry.oauth import REFRESH_TOKEN, OAuthServer
from tests.integration.registry.samples import MakeClient, docker_auth, mirrors, sample
from tests.integration.registry.tls import TlsServer
from tests.support import images
from tests.support.certs import Certificate
from tests.support.faulty import Fault, FaultyRegistry
from tests.support.registry import RegistryServer
from tests.support.tokens import TokenServer

from pallet.errors import Forbidden, InvalidInput, NotFound, Unauthorized, Unavailable
from pallet.oci.manifest import parse_manifest
from pallet.reference import parse
from pallet.registry.auth import Site
from pallet.registry.challenge import Challenge
from pallet.registry.client import Registry
from pallet.registry.configuration import Configuration, Mirror, Rule
from pallet.registry.credentials import Credentials
from pallet.registry.endpoint import Endpoint

ALICE = base64.b64encode(b"alice:secret").decode()
WRONG = base64.b64encode(b"alice:wrong").decode()
USERS = {"alice": "secret"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for tokens and TLS."""
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def basic_registry() -> Iterator[RegistryServer]:
    """A registry that wants alice's password, with the image `s`."""
    with RegistryServer(users=USERS) as registry:
        images.push(sample(10), registry.url, "s", user=("alice", "secret"))
        yield registry


class TestBasic:
    def test_no_credentials(self, client: Registry, basic_registry: RegistryServer) -> None:
        host = basic_registry.host
        with pytest.raises(Unauthorized) as caught:
            client.source(parse(f"{host}/foo:latest")).root()
        assert caught.value.message == f'Head "http://{host}/v2/foo/manifests/latest": no basic auth credentials'
        with pytest.raises(Unauthorized) as caught:
            client.sink(parse(f"{host}/foo")).has_blob(parse_manifest(sample(10).manifest.data).config)
        assert caught.value.message == "no basic auth credentials"

    def test_right_ones(self, make_client: MakeClient, docker_config: Path, basic_registry: RegistryServer) -> None:
        docker_auth(docker_config, basic_registry.host, ALICE)
        client = make_client()
        assert client.source(parse(f"{basic_registry.host}/s")).root().digest == sample(10).manifest.digest
        with pytest.raises(NotFound, match="manifest unknown"):
            client.source(parse(f"{basic_registry.host}/none")).root()

    def test_wrong_ones(self, make_client: MakeClient, docker_config: Path, basic_registry: RegistryServer) -> None:
        docker_auth(docker_config, basic_registry.host, WRONG)
        with pytest.raises(Unauthorized) as caught:
            make_client().source(parse(f"{basic_registry.host}/s")).root()
        assert caught.value.message == "unauthorized: authentication required"

    def test_login(self, make_client: MakeClient, docker_config: Path, basic_registry: RegistryServer) -> None:
        host = basic_registry.host
        client = make_client()
        with pytest.raises(Unauthorized) as caught:
            client.login(host, "alice", "wrong")
        assert caught.value.message == f"login attempt to http://{host}/v2/ failed with status: 401 Unauthorized"
        assert not docker_config.exists()
        assert client.login(host, "alice", "secret") == "Login Succeeded"
        assert json.loads((docker_config / "config.json").read_text()) == {"auths": {host: {"auth": ALICE}}}
        assert make_client().source(parse(f"{host}/s")).root()
        assert client.logout(host)
        with pytest.raises(Unauthorized):
            make_client().source(parse(f"{host}/s")).root()

    def test_an_open_registry_takes_any_login(self, client: Registry) -> None:
        with RegistryServer() as registry:
            assert client.login(registry.host, "anybody", "x") == "Login Succeeded"

    def test_nobody_to_log_in_to(self, client: Registry) -> None:
        with pytest.raises(Unavailable) as caught:
            client.login("127.0.0.1:1", "alice", "secret")
        assert caught.value.message == (
            'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'
        )


class Stubborn(FaultyRegistry):
    """Takes no token, not even its own."""

    def _allowed(self, headers: dict[str, str]) -> bool:
        return False


class TestTokens:
    def test_anonymous_pull_and_refused_push(self, client: Registry, certificate: Certificate) -> None:
        with TokenServer(certificate, USERS) as tokens, RegistryServer(token=tokens) as registry:
            name = f"{registry.host}/s"
            with pytest.raises(NotFound, match="manifest unknown: manifest unknown"):
                client.source(parse(name)).root()
            assert tokens.requests[0]["scope"] == ["repository:s:pull"]
            assert "account" not in tokens.requests[0]
            blob = parse_manifest(sample(10).manifest.data).config
            sink = client.sink(parse(name))
            assert not sink.has_blob(blob)
            with pytest.raises(Forbidden) as denied:
                sink.put_blob(blob, client.source(parse(name)), lambda _: None)
            assert denied.value.message == "denied: requested access to the resource is denied"

    def test_one_token_serves_many(
        self, make_client: MakeClient, docker_config: Path, certificate: Certificate
    ) -> None:
        made = sample()
        with TokenServer(certificate, USERS) as tokens, RegistryServer(token=tokens) as registry:
            docker_auth(docker_config, registry.host, ALICE)
            client = make_client()
            sink = client.sink(parse(f"{registry.host}/s"))
            with FaultyRegistry() as origin:
                origin.add("s", made)
                source = client.source(parse(f"{origin.host}/s"))
                manifest = parse_manifest(source.read_manifest(source.root()))
                with ThreadPoolExecutor(4) as pool:
                    list(pool.map(lambda blob: sink.put_blob(blob, source, lambda _: None), manifest.blobs))
                assert {request.authorization for request in origin.requests} == {None}
            sink.tag(parse(f"{registry.host}/s:1"), manifest.raw, manifest.media_type)
            assert len(tokens.requests) == 1
            assert tokens.requests[0]["account"] == ["alice"]
            again = client.source(parse(f"{registry.host}/s:1"))
            assert again.root().digest == made.manifest.digest
            assert b"".join(again.blob_chunks(manifest.layers[0])) == made.layers[0].data
            assert len(tokens.requests) == 2

    def test_denied(self, client: Registry, certificate: Certificate) -> None:
        """No token, no access: what docker says of images that are private or do not exist."""
        with (
            TokenServer(certificate, USERS, anonymous=False) as tokens,
            RegistryServer(token=tokens) as registry,
        ):
            with pytest.raises(Unauthorized) as caught:
                client.source(parse(f"{registry.host}/s:1")).root()
            url = f"http://{registry.host}/v2/s/manifests/1"
            assert caught.value.message == f'Head "{url}": unauthorized: incorrect username or password'

    def test_wrong_password(self, make_client: MakeClient, docker_config: Path, certificate: Certificate) -> None:
        with TokenServer(certificate, USERS) as tokens, RegistryServer(token=tokens) as registry:
            host = registry.host
            client = make_client()
            with pytest.raises(Unauthorized) as caught:
                client.login(host, "alice", "wrong")
            assert caught.value.message == f'Get "http://{host}/v2/": unauthorized: incorrect username or password'
            docker_auth(docker_config, host, WRONG)
            with pytest.raises(Unauthorized) as caught:
                make_client().sink(parse(f"{host}/s")).has_blob(parse_manifest(sample(10).manifest.data).config)
            assert caught.value.message == "unauthorized: incorrect username or password"

    def test_tokens_are_renewed(self, make_client: MakeClient) -> None:
        """A token that the registry no longer takes is replaced once; then its answer counts."""
        with FaultyRegistry(bearer=True) as registry:
            registry.add("s", sample(10))
            client = make_client()
            source = client.source(parse(f"{registry.host}/s"))
            manifest = parse_manifest(source.read_manifest(source.root()))
            assert len(registry.asked("/token")) == 1
            registry.token = "another"
            assert b"".join(source.blob_chunks(manifest.layers[0])) == sample(10).layers[0].data
            assert len(registry.asked("/token")) == 2

    def test_a_fresh_token_that_is_refused_is_not_renewed_for_ever(self, client: Registry) -> None:
        with Stubborn(bearer=True) as registry:
            with pytest.raises(Unauthorized) as caught:
                client.source(parse(f"{registry.host}/s")).root()
            assert caught.value.message == "unauthorized: authentication required"
            assert len(registry.asked("/manifests/")) == 2
            assert len(registry.asked("/token")) == 2

    def test_identity_tokens(self, make_client: MakeClient, docker_config: Path, certificate: Certificate) -> None:
        made = sample(10)
        tokens = OAuthServer(certificate, USERS)
        with tokens, RegistryServer(token=tokens) as registry:
            client = make_client()
            assert client.login(registry.host, "alice", "secret") == "Login Succeeded"
            kept = client.credentials.get(registry.host)
            assert kept == Credentials("alice", identity_token=REFRESH_TOKEN)
            client = make_client()
            sink = client.sink(parse(f"{registry.host}/s"))
            manifest = parse_manifest(made.manifest.data)
            with FaultyRegistry() as origin:
                origin.add("s", made)
                for blob in manifest.blobs:
                    sink.put_blob(blob, client.source(parse(f"{origin.host}/s")), lambda _: None)
            assert sink.tag(parse(f"{registry.host}/s:1"), manifest.raw, manifest.media_type) == manifest.digest
            assert len(tokens.forms) == 1
            assert tokens.forms[0]["scope"] == ["repository:s:pull,push"]
            assert tokens.forms[0]["service"]


class TestWhoSeesCredentials:
    def test_a_redirect_elsewhere_does_not(self, make_client: MakeClient, docker_config: Path) -> None:
        """Another port is another server."""
        made = sample()
        with FaultyRegistry(basic=("alice", "secret")) as registry, FaultyRegistry() as storage:
            docker_auth(docker_config, registry.host, ALICE)
            registry.add("s", made)
            storage.add("s", made)
            registry.fault("/blobs/", Fault(redirect=storage.url), times=None)
            storage.fault("/blobs/", Fault(drop_after=1_000_000))
            source = make_client().source(parse(f"{registry.host}/s"))
            layer = parse_manifest(source.read_manifest(source.root())).layers[0]
            assert b"".join(source.blob_chunks(layer)) == made.layers[0].data
            assert [each.authorization for each in storage.requests] == [None, None]
            assert [each.headers.get("range") for each in storage.requests] == [None, "bytes=1000000-"]
            assert {each.authorization for each in registry.asked("/blobs/")} == {f"Basic {ALICE}"}

    def test_a_redirect_home_does(self, make_client: MakeClient, docker_config: Path) -> None:
        with FaultyRegistry(basic=("alice", "secret")) as registry:
            docker_auth(docker_config, registry.host, ALICE)
            registry.add("s", sample(10))
            registry.fault("/manifests/", Fault(redirect=registry.url))
            assert make_client().source(parse(f"{registry.host}/s")).root()

    def test_redirects_end(self, client: Registry) -> None:
        with FaultyRegistry() as registry:
            registry.add("s", sample(10))
            registry.fault("/manifests/", Fault(redirect=registry.url), times=None)
            with pytest.raises(Unavailable, match="stopped after 10 redirects"):
                client.source(parse(f"{registry.host}/s")).root()

    def test_no_redirect_leads_to_files(self, client: Registry) -> None:
        with FaultyRegistry() as registry:
            registry.fault("/manifests/", Fault(redirect="file://"), times=None)
            with pytest.raises(Unavailable, match="unsupported redirect"):
                client.source(parse(f"{registry.host}/s")).root()

    def test_a_mirror_does_not_get_the_registry_s(self, make_client: MakeClient, docker_config: Path) -> None:
        docker_auth(docker_config, "https://index.docker.io/v1/", ALICE)
        with FaultyRegistry(basic=("alice", "secret")) as first, FaultyRegistry() as second:
            second.add("library/s", sample(10))
            client = make_client(mirrors("docker.io", first.url, second.url))
            assert client.source(parse("s")).root()
            assert {each.authorization for each in (*first.requests, *second.requests)} == {None}

    def test_a_mirror_gets_its_own(self, make_client: MakeClient, docker_config: Path) -> None:
        with FaultyRegistry(basic=("alice", "secret")) as mirror:
            docker_auth(docker_config, mirror.host, ALICE)
            mirror.add("library/s", sample(10))
            assert make_client(mirrors("docker.io", mirror.url)).source(parse("s")).root()


class TestTls:
    def test_loopback_is_not_checked(self, client: Registry, certificate: Certificate) -> None:
        with RegistryServer(tls=certificate) as registry:
            images.push(sample(10), registry.url, "s")
            assert client.source(parse(f"{registry.host}/s")).root()

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_the_right_authority(
        self, make_client: MakeClient, tmp_path: Path, certificate: Certificate, host: str
    ) -> None:
        with RegistryServer(tls=certificate) as registry:
            images.push(sample(10), registry.url, "s")
            address = f"{host}:{registry.host.rpartition(':')[2]}"
            folder = tmp_path / "certs.d" / address
            folder.mkdir(parents=True)
            (folder / "ca.crt").write_bytes(certificate.cert.read_bytes())
            assert make_client().source(parse(f"{address}/s")).root()

    def test_the_wrong_authority(self, make_client: MakeClient, tmp_path: Path, certificate: Certificate) -> None:
        other = Certificate(tmp_path, "other")
        with RegistryServer(tls=certificate) as registry:
            client = make_client(Configuration((Rule(registry.host, ca=str(other.cert)),)))
            with pytest.raises(Unavailable) as caught:
                client.source(parse(f"{registry.host}/s")).root()
            assert caught.value.message == (
                f'Get "https://{registry.host}/v2/": x509: certificate signed by unknown authority'
            )

    def test_a_mirror_by_https_that_speaks_http(self, make_client: MakeClient) -> None:
        with FaultyRegistry() as registry:
            registry.add("s", sample(10))
            client = make_client(Configuration((Rule("r.example", location=Mirror(registry.host, "", "https")),)))
            with pytest.raises(Unavailable) as caught:
                client.source(parse("r.example/s")).root()
            assert caught.value.message == (
                f'Get "https://{registry.host}/v2/": http: server gave HTTP response to HTTPS client'
            )

    def test_client_certificates(self, make_client: MakeClient, tmp_path: Path, certificate: Certificate) -> None:
        client_certificate = Certificate(tmp_path, "client")
        with TlsServer(certificate, client_ca=client_certificate) as server:
            folder = tmp_path / "certs.d" / server.host
            folder.mkdir(parents=True)
            (folder / "ca.crt").write_bytes(certificate.cert.read_bytes())
            with pytest.raises(Unavailable):
                make_client().tags(parse(f"{server.host}/s"))
            (folder / "client.cert").write_bytes(client_certificate.cert.read_bytes())
            (folder / "client.key").write_bytes(client_certificate.key.read_bytes())
            assert make_client().tags(parse(f"{server.host}/s")) == ["1"]
            (folder / "client.key").write_text("no key")
            with pytest.raises(InvalidInput, match="cannot use the certificates"):
                make_client().tags(parse(f"{server.host}/s"))

    def test_no_redirect_leads_from_https_to_http(self, client: Registry, certificate: Certificate) -> None:
        with FaultyRegistry() as plain, TlsServer(certificate, location=plain.url) as server:
            plain.add("s", sample(10))
            with pytest.raises(Unavailable, match="refusing the redirect from https"):
                client.source(parse(f"{server.host}/s")).root()
            assert not plain.requests


class TestPlainHttp:
    """What may be sent in the clear to other machines: nothing of the user's."""

    def test_no_token_server_by_http(self, client: Registry, certificate: Certificate) -> None:
        alice = Credentials("alice", "secret")
        with TokenServer(certificate, USERS) as tokens:
            challenge = Challenge("bearer", {"realm": tokens.realm, "service": "x"})
            remote = Site("https://r.example", Endpoint("r.example", "s", "r.example"))
            for given in (alice, Credentials(), Credentials(identity_token="x")):
                with pytest.raises(Unavailable, match="refusing the token server"):
                    client.authenticator.fetch(remote, challenge, (), given)
            assert tokens.requests == []
            for site in (
                Site("http://localhost:1", Endpoint("localhost:1", "s", "localhost:1")),
                Site("https://r.example", Endpoint("r.example", "s", "r.example", insecure=True)),
            ):
                assert client.authenticator.fetch(site, challenge, (), alice).token

    @pytest.mark.parametrize("realm", ["", "token", "file:///etc/passwd", "https://", "https://u:p@h/", "http://[x/"])
    def test_bad_token_servers(self, client: Registry, realm: str) -> None:
        site = Site("http://localhost:1", Endpoint("localhost:1", "s", "localhost:1"))
        with pytest.raises(Unavailable, match="names a bad token server"):
            client.authenticator.fetch(site, Challenge("bearer", {"realm": realm}), (), Credentials())

    def test_no_password_by_http(self, make_client: MakeClient, docker_config: Path) -> None:
        docker_auth(docker_config, "r.example", ALICE)
        client = make_client()
        plain = Endpoint("r.example", "s", "r.example", "http")
        assert client.authenticator.credentials(Site("http://r.example", plain)).anonymous
        assert client.authenticator.credentials(Site("https://r.example", plain)).username == "alice"
        insecure = Endpoint("r.example", "s", "r.example", "http", insecure=True)
        assert client.authenticator.credentials(Site("http://r.example", insecure)).username == "alice"

    def test_no_login_by_http(self, make_client: MakeClient) -> None:
        client = make_client(Configuration((Rule("r.example", location=Mirror("r2.example", "", "http")),)))
        with pytest.raises(Unavailable, match="refusing to send a password"):
            client.login("r.example", "alice", "secret")
