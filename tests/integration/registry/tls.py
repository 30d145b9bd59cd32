"""A TLS server that lists one tag, or redirects everything."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.certs import Certificate


class TlsServer:
    """On a free loopback port, as a context manager.

    Args:
        certificate: its own.
        client_ca: only clients with this certificate are let in.
        location: where everything but `/v2/` is redirected to, with its path.
    """

    def __init__(self, certificate: Certificate, *, client_ca: Certificate | None = None, location: str = "") -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                redirected = bool(location) and self.path != "/v2/"
                body = b'{"name":"s","tags":["1"]}'
                self.send_response(307 if redirected else 200)
                if redirected:
                    self.send_header("Location", location + self.path)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # refused handshakes are expected here

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert, certificate.key)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca.cert)
        self._server = Server(("127.0.0.1", 0), Handler)
        # The handshake is the handler thread's: plain http clients must not hold the listener up.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> TlsServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
