"""A TLS server that lists one tag, or redirects everything."""

from __future__ import annotations

import ssl

from tests.support.certs import Certificate
from tests.support.served import HttpServer, QuietHandler


class TlsServer(HttpServer):
    """On a free loopback port, as a context manager.

    Args:
        certificate: its own.
        client_ca: only clients with this certificate are let in.
        location: where everything but `/v2/` is redirected to, with its path.
    """

    def __init__(self, certificate: Certificate, *, client_ca: Certificate | None = None, location: str = "") -> None:
        class Handler(QuietHandler):
            def do_GET(self) -> None:
                redirected = bool(location) and self.path != "/v2/"
                body = b'{"name":"s","tags":["1"]}'
                self.send_response(307 if redirected else 200)
                if redirected:
                    self.send_header("Location", location + self.path)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert, certificate.key)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca.cert)
        super().__init__(Handler)
        # The handshake is the handler thread's: plain http clients must not hold the listener up.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
