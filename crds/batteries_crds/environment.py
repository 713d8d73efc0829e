"""The environment of a process as people wrote it: tidied, and refused where it can't work, before anything reads it.

Every second Secret ends in a newline. A credential with one starts well and fails much later, under another name; so
whitespace around values is dropped, and what can't be right is refused at the start. No sentence shows a value.
"""

import re
import ssl
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from pydantic import model_validator
from pydantic_settings import BaseSettings

CA_FILES = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Name a file of certificate authorities to trust; each tool has its own, and people set any of them."""

_OURS = re.compile(r"(AWS|STRIPE|BATTERIES)_\w+|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|\w+_CA_BUNDLE", re.IGNORECASE)
_BLANK = " \t\r\n\f\v\u00a0\ufeff"

_URL = re.compile(r"https?://[^\s/@:]\S*")
# aiohttp, and so the client of Stripe, passes over proxies of the environment of another kind, and would go straight.
_PROXY = re.compile(r"http://[^\s/]\S*")
_FORMS: tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...] = (
    (re.compile("AWS_ENDPOINT_URL(_[A-Z0-9_]+)?"), _URL, "a URL that begins with https:// or http://"),
    (re.compile("AWS_ACCESS_KEY_ID"), re.compile(r"\w{1,128}", re.ASCII), "an access key's id: letters and digits"),
    (
        re.compile("AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|AWS_SECURITY_TOKEN"),
        re.compile(r"[!-~]+"),
        "printable characters without spaces or line breaks",
    ),
    (re.compile("AWS_(DEFAULT_)?REGION"), re.compile("[a-z0-9-]+"), "the name of a region, such as eu-central-1"),
    (re.compile("AWS_ROLE_ARN"), re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+"), "the ARN of an IAM role"),
    (
        re.compile("HTTPS?_PROXY", re.IGNORECASE),
        _PROXY,
        "a URL that begins with http://, such as http://proxy.example.com:3128: a proxy that is itself reached by TLS "
        "or SOCKS is not supported (what goes through it to AWS and Stripe is encrypted all the same)",
    ),
)


class WrongEnvironmentError(Exception):
    """Variables that can't be right; the text names them and says what they must be."""


class FromEnvironment(BaseSettings):
    """Settings whose values have no whitespace around them, whatever their type."""

    @model_validator(mode="before")
    @classmethod
    def _tidied(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: value.strip(_BLANK) if isinstance(value, str) else value for name, value in given.items()}


def prepare(environ: MutableMapping[str, str]) -> None:
    """Makes the environment what all clients of this process can read; to be called before any is made.

    Raises:
        WrongEnvironmentError: a credential, URL or file in it can't be right.
    """
    for name, value in list(environ.items()):
        if _OURS.fullmatch(name) and value != value.strip(_BLANK):
            environ[name] = value.strip(_BLANK)
    wrong = [*_malformed(environ), *_unreadable(environ)]
    if wrong:
        raise WrongEnvironmentError("\n".join(["These environment variables are not right:", *wrong]))
    # botocore knows the first of these only for what it asks of by itself, such as credentials of a web identity.
    named = next((environ[name] for name in CA_FILES if environ.get(name)), None)
    if named is not None:
        environ.setdefault(CA_FILES[0], named)


def trusted(environ: Mapping[str, str], otherwise: str) -> ssl.SSLContext:
    """Verifies servers by the authorities that the environment names, all of them; by the file `otherwise` if none."""
    named = [environ[name] for name in CA_FILES if environ.get(name)]
    if not named and not environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(cafile=otherwise)
    context = ssl.create_default_context()  # reads SSL_CERT_FILE and SSL_CERT_DIR by itself
    for file in named:
        context.load_verify_locations(cafile=file)
    return context


def _malformed(environ: Mapping[str, str]) -> Iterator[str]:
    for name, value in sorted(environ.items()):
        for names, form, what in _FORMS:
            if value and names.fullmatch(name) and not form.fullmatch(value):
                yield f"  {name} must be {what}."


def _unreadable(environ: Mapping[str, str]) -> Iterator[str]:
    for name in CA_FILES:
        if not (file := environ.get(name)):
            continue
        try:
            if Path(file).is_dir():
                raise IsADirectoryError(file)
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
        except OSError:  # ssl.SSLError is one
            yield f"  {name} must name a readable file of certificates in PEM form; it does not."
