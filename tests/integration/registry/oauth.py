"""A token server that also knows refresh tokens. Source: distribution, docs/spec/auth/oauth.md."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.support.tokens import TokenServer

REFRESH_TOKEN = "the-refresh-token-of-alice"


class OAuthServer(TokenServer):
    """Gives alice a refresh token when she asks for one at login, and access tokens for it by POST.

    Attributes:
        forms: what was posted.
    """

    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)  # type: ignore[arg-type]
        self.forms: list[dict[str, list[str]]] = []
        outer = self
        base: type[BaseHTTPRequestHandler] = self._server.RequestHandlerClass  # type: ignore[assignment]

        class Handler(base):  # type: ignore[valid-type, misc]
            def do_POST(self) -> None:
                outer._post(self)

        self._server.RequestHandlerClass = Handler

    def _post(self, request: BaseHTTPRequestHandler) -> None:
        form = parse_qs(request.rfile.read(int(request.headers["Content-Length"])).decode())
        self.forms.append(form)
        if form.get("refresh_token") != [REFRESH_TOKEN] or form.get("grant_type") != ["refresh_token"]:
            self._send(request, 401, {"errors": [{"code": "UNAUTHORIZED", "message": "bad refresh token"}]})
            return
        access = []
        for scope in " ".join(form.get("scope", [])).split():
            kind, name, actions = scope.split(":", 2)
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        self._send(request, 200, {"access_token": self.token("alice", access), "expires_in": self.lifetime})

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(request.path).query)
        if query.get("offline_token") == ["true"] and self._user(request.headers.get("Authorization", "")):
            self.requests.append(query)
            self._send(request, 200, {"token": self.token("alice", []), "refresh_token": REFRESH_TOKEN})
            return
        super()._answer(request)
