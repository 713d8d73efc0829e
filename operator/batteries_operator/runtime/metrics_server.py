"""Serves Prometheus' /metrics in a thread of its own, so that a loop that hangs can still be seen to hang."""

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
    # What its own server_bind would set; that looks the machine's name up, which may take long.
    server.server_name, server.server_port = "localhost", server.socket.getsockname()[1]
    server.setup_environ()
    server.set_app(make_wsgi_app())
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
