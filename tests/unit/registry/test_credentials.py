"""docker's config.json and credential helpers: read, written, and left as they are where pallet has no say."""

from __future__ import annotations

import base64
import json
import stat
import threading
from pathlib import Path

import pytest

from pallet.errors import HostError, InvalidInput
from pallet.registry.credentials import ANONYMOUS, Credentials, CredentialStore, registry_name

# A helper that keeps one file per server, as docker's protocol has it.
HELPER = r"""#!/bin/sh
dir=$(dirname "$0")/secrets
mkdir -p "$dir"
input=$(cat)
name() { printf %s "$1" | tr '/:' '__'; }
case $1 in
store)
    server=$(printf %s "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')
    printf %s "$input" >"$dir/$(name "$server")"
    ;;
get) cat "$dir/$(name "$input")" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
erase) rm "$dir/$(name "$input")" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
list) echo '{"listed.example":"bob"}' ;;
esac
"""


@pytest.fixture
def store(tmp_path: Path) -> CredentialStore:
    return CredentialStore(str(tmp_path / "docker"))


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    program = tmp_path / "bin" / "docker-credential-files"
    program.parent.mkdir()
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return "files"


def write(store: CredentialStore, document: object) -> None:
    path = Path(store.path)
    path.parent.mkdir(exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def read(store: CredentialStore) -> object:
    return json.loads(Path(store.path).read_text())


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("alice", "secret"),
        Credentials("alice", "with:colon and ü"),
        Credentials("alice", identity_token="token"),
        Credentials("alice", "secret", registry_token="raw"),
    ],
)
@pytest.mark.parametrize("registry", ["docker.io", "localhost:5000", "quay.io"])
def test_round_trip(store: CredentialStore, registry: str, credentials: Credentials) -> None:
    assert store.get(registry) == ANONYMOUS
    assert store.store(registry, credentials) == store.path
    assert store.get(registry) == credentials
    assert store.get("other.example") == ANONYMOUS
    assert store.erase(registry)
    assert not store.erase(registry)
    assert store.get(registry) == ANONYMOUS
    assert read(store) == {"auths": {}}


def test_the_bytes_are_docker_s(store: CredentialStore) -> None:
    store.store("127.0.0.1:5701", Credentials("alice", "secret"))
    store.store("docker.io", Credentials("bob", "x"))
    expected = (
        '{\n\t"auths": {\n\t\t"127.0.0.1:5701": {\n\t\t\t"auth": "YWxpY2U6c2VjcmV0"\n\t\t},\n'
        '\t\t"https://index.docker.io/v1/": {\n\t\t\t"auth": "Ym9iOng="\n\t\t}\n\t}\n}'
    )
    assert Path(store.path).read_text() == expected
    assert stat.S_IMODE(Path(store.path).stat().st_mode) == 0o600
    assert [entry.name for entry in Path(store.path).parent.iterdir()] == ["config.json"]


def test_unknown_keys_stay(store: CredentialStore) -> None:
    before = {
        "HttpHeaders": {"X": "y"},
        "auths": {"a.example": {"auth": encoded("a:b"), "email": 1}},
        "psFormat": "table {{.ID}}",
        "plugins": {"x": {"n": [1, 2.5, None, True]}},
    }
    write(store, before)
    store.store("b.example", Credentials("c", "d"))
    before["auths"]["b.example"] = {"auth": encoded("c:d")}  # type: ignore[index]
    assert read(store) == before


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("https://a.example/v1/", "a.example"),
        ("https://a.example", "a.example"),
        ("http://a.example:5000/v2/", "a.example:5000"),
        ("a.example", "a.example"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("docker.io", "docker.io"),
    ],
)
def test_old_keys(store: CredentialStore, key: str, registry: str) -> None:
    write(store, {"auths": {key: {"auth": encoded("a:b")}}})
    assert store.get(registry) == Credentials("a", "b")
    assert store.get("b.example") == ANONYMOUS
    assert store.erase(registry)
    assert read(store) == {"auths": {}}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://index.docker.io/v1/", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("https://host:5000/v2/", "host:5000"),
        ("host:5000", "host:5000"),
        ("host/path", "host"),
    ],
)
def test_what_users_type(address: str, name: str) -> None:
    assert registry_name(address) == name


def test_an_exact_key_counts_more(store: CredentialStore) -> None:
    write(
        store,
        {
            "auths": {
                "https://a.example/v1/": {"auth": encoded("old:x")},
                "a.example": {"auth": encoded("new:x")},
            }
        },
    )
    assert store.get("a.example").username == "new"


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        {"auths": []},
        {"auths": {"a.example": 1}},
        {"auths": {"a.example": {"auth": "%%%"}}},
        {"auths": {"a.example": {"auth": encoded("no colon")}}},
        {"auths": {"a.example": {"auth": encoded(":x")}}},
        {"auths": {"a.example": {"identitytoken": 1}}},
        {"credsStore": "../evil"},
    ],
)
def test_broken_files_are_refused_and_kept(store: CredentialStore, document: object) -> None:
    write(store, document)
    before = Path(store.path).read_bytes()
    with pytest.raises(InvalidInput):
        store.get("a.example")
    assert Path(store.path).read_bytes() == before


def test_an_empty_file_is_an_empty_config(store: CredentialStore) -> None:
    write(store, "")
    assert store.get("a.example") == ANONYMOUS


def test_a_link_to_the_file_stays(store: CredentialStore, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    Path(store.path).parent.mkdir()
    Path(store.path).symlink_to(real)
    store.store("a.example", Credentials("a", "b"))
    assert Path(store.path).is_symlink()
    assert "a.example" in real.read_text()


def test_two_writers_lose_nothing(store: CredentialStore) -> None:
    names = [f"r{number}.example" for number in range(12)]
    threads = [threading.Thread(target=store.store, args=(name, Credentials("a", name))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(store.registries()) == sorted(names)


@pytest.mark.parametrize("choice", [{"credsStore": "files"}, {"credHelpers": {"a.example": "files"}}])
def test_helpers(store: CredentialStore, helper: str, choice: dict[str, object]) -> None:
    write(store, choice)
    assert store.helper("a.example") == helper
    assert store.get("a.example") == ANONYMOUS
    assert store.store("a.example", Credentials("alice", "secret")) == ""
    assert store.get("a.example") == Credentials("alice", "secret")
    assert read(store) == {**choice, "auths": {"a.example": {}}}
    store.store("a.example", Credentials("alice", identity_token="token"))
    assert store.get("a.example") == Credentials(identity_token="token")
    assert store.erase("a.example")
    assert not store.erase("a.example")
    assert store.get("a.example") == ANONYMOUS


def test_a_helper_for_one_is_not_for_all(store: CredentialStore, helper: str) -> None:
    write(store, {"credHelpers": {"a.example": helper}})
    assert store.helper("b.example") == ""
    assert store.store("b.example", Credentials("a", "b")) == store.path


def test_docker_hub_s_helper_is_asked_by_its_key(store: CredentialStore, helper: str, tmp_path: Path) -> None:
    write(store, {"credsStore": helper})
    store.store("docker.io", Credentials("alice", "secret"))
    assert [path.name for path in (tmp_path / "bin" / "secrets").iterdir()] == ["https___index.docker.io_v1_"]


def test_registries_of_file_and_helper(store: CredentialStore, helper: str) -> None:
    write(store, {"credsStore": helper, "auths": {"a.example": {}}})
    assert store.registries() == ["a.example", "listed.example"]


def test_a_missing_helper(store: CredentialStore) -> None:
    write(store, {"credsStore": "nonexistent"})
    with pytest.raises(HostError) as caught:
        store.get("a.example")
    assert caught.value.message == (
        'error getting credentials - err: exec: "docker-credential-nonexistent": '
        "executable file not found in $PATH, out: ``"
    )


def test_a_failing_helper(store: CredentialStore, helper: str, tmp_path: Path) -> None:
    (tmp_path / "bin" / "docker-credential-files").write_text("#!/bin/sh\necho no keyring\nexit 3\n")
    write(store, {"credsStore": helper})
    with pytest.raises(HostError) as caught:
        store.get("a.example")
    assert caught.value.message == "error getting credentials - err: exit status 3, out: `no keyring`"


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(Credentials("alice", "secret", "secret", "secret"))
