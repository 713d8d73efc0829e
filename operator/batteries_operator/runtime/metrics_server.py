"""Serves Prometheus' /metrics in a separate thread, so that a hanging event loop can still be seen."""

import threading
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from batteries_crds.runtime.listening import listening_socket


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its base's name
        """Logs no scrapes."""


def serve_metrics(port: int) -> WSGIServer:
    """Serves on every address, of IPv6 and IPv4, until the process ends, or the server is shut down.

    Raises:
        NotListeningError: the port is taken.
    """
    server = ThreadingWSGIServer(("", port), _Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = listening_socket("", port, "BATTERIES_METRICS_PORT")
    # server_bind would set these; it looks up the machine's name, which may take long.
    server.server_name, server.server_port = "localhost", server.socket.getsockname()[1]
    server.setup_environ()
    server.set_app(make_wsgi_app())
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
