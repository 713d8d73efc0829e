"""Identity tokens that tests sign themselves, and the issuers whose keys the AWS stand-in checks them with."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

GITHUB = "https://token.actions.githubusercontent.com"
LIFETIME = 300
_CURVES: dict[str, Any] = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


@dataclass(frozen=True)
class SigningKey:
    """A key of an issuer; each has an id of its own, so that processes can share a stand-in."""

    algorithm: str = "RS256"
    kid: str = field(default_factory=lambda: uuid4().hex)

    @cached_property
    def private(self) -> Any:
        """The private key, made when it is first used."""
        if curve := _CURVES.get(self.algorithm):
            return ec.generate_private_key(curve())
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def jwk(self) -> dict[str, Any]:
        """The public half, as a key set lists it."""
        public = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def sign(self, claims: Mapping[str, Any], **headers: Any) -> str:
        """A token with exactly these claims."""
        return jwt.encode(dict(claims), self.private, self.algorithm, headers={"kid": self.kid, **headers})

    def token(self, issuer: str, subject: str, **claims: Any) -> str:
        """A token that is valid from now on; a claim that is None is left out."""
        at = int(time.time())
        usual = {"iss": issuer, "sub": subject, "aud": "sts.amazonaws.com", "iat": at, "exp": at + LIFETIME}
        return self.sign({name: value for name, value in (usual | claims).items() if value is not None})


@cache
def _githubs_key() -> SigningKey:
    return SigningKey()


def github_token(standin: str, subject: str, **claims: Any) -> str:
    """A token of GitHub, whose key that stand-in knows from now on."""
    register(standin, GITHUB, _githubs_key())
    return _githubs_key().token(GITHUB, subject, **claims)


def register(standin: str, issuer: str, *keys: SigningKey) -> None:
    """Adds keys to those of an issuer that is nowhere."""
    _post(standin, {"issuer": issuer, "keys": [key.jwk for key in keys]})


def place(standin: str, issuer: str, address: str) -> None:
    """Tells the stand-in where an issuer is."""
    _post(standin, {"issuer": issuer, "address": address})


def _post(standin: str, body: Mapping[str, Any]) -> None:
    request = urllib.request.Request(f"{standin}/_standin/issuers", json.dumps(body).encode())  # noqa: S310  # loopback
    urllib.request.urlopen(request).close()  # noqa: S310  # loopback


class Issuer:
    """An issuer of tokens that publishes its keys at an address on this machine."""

    def __init__(self, url: str, *keys: SigningKey) -> None:
        self.url = url
        self.address = ""
        self.silent = threading.Event()  # set: nothing is answered
        self.asked: list[str] = []
        self.reset(*keys)

    def reset(self, *keys: SigningKey) -> None:
        """Publishes these keys as it should, and nobody has asked."""
        self.keys = list(keys)
        self.discovery: dict[str, Any] = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/.well-known/jwks.json",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        self.bodies: dict[str, bytes] = {}  # of paths that answer something else than they should
        self.status = 200
        self.silent.clear()
        self.asked.clear()

    def body(self, path: str) -> bytes | None:
        """What is at the path."""
        known = {
            "/.well-known/openid-configuration": self.discovery,
            "/.well-known/jwks.json": {"keys": [key.jwk for key in self.keys]},
        }
        made = json.dumps(known[path]).encode() if path in known else None
        return self.bodies.get(path, made)


@contextmanager
def serve(issuer: Issuer) -> Iterator[Issuer]:
    """Serves the issuer's documents for the duration of the block."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            if issuer.silent.is_set():
                over.wait()
                return
            body = issuer.body(self.path)
            self.send_response(404 if body is None else issuer.status)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
