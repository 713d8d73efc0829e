"""Tidies the environment of a process before anything reads it, and refuses it if it can't work.

Every second Secret ends in a newline. A credential with one starts well and fails much later, under another name; so
whitespace around values is dropped, and what can't be right is refused at the start. No message shows a value.
"""

import os
import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from pathlib import Path
from urllib.parse import urlsplit

CA_FILES = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Variables that name a file of trusted certificate authorities; each tool has its own, and people set any of them."""

_CREDENTIAL_FILES = (
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)
"""Files that botocore reads by itself. If it can't read the first two it silently looks elsewhere."""

_OURS = re.compile(r"(AWS|STRIPE|BATTERIES)_\w+|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|\w+_CA_BUNDLE", re.IGNORECASE)
BLANK = " \t\r\n\f\v\u00a0\ufeff"


def _of(pattern: str) -> Callable[[str], bool]:
    """A check whether a text matches the pattern from end to end."""
    form = re.compile(pattern, re.ASCII)
    return lambda text: form.fullmatch(text) is not None


def _url(begins: str) -> Callable[[str], bool]:
    """A check whether a text is a URL that begins so and names a host and, if any, a valid port."""
    is_one = _of(rf"{begins}[^\s/]\S*")

    def check(text: str) -> bool:
        try:
            parts = urlsplit(text)
            return is_one(text) and bool(parts.hostname) and parts.port != 0  # reading a wrong port raises
        except ValueError:
            return False

    return check


_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], bool], str], ...] = (
    (
        re.compile(
            "AWS_ENDPOINT_URL(_[A-Z0-9_]+)?|AWS_CONTAINER_CREDENTIALS_FULL_URI|AWS_EC2_METADATA_SERVICE_ENDPOINT"
        ),
        _url("https?://"),
        "a URL that begins with https:// or http:// and names a host",
    ),
    (re.compile("AWS_ACCESS_KEY_ID"), _of(r"\w{1,128}"), "an access key's id: letters and digits"),
    (
        re.compile("AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|AWS_SECURITY_TOKEN"),
        _of(r"[!-~]+"),
        "printable characters without spaces or line breaks",
    ),
    (re.compile("AWS_(DEFAULT_)?REGION"), _of("[a-z0-9-]+"), "the name of a region, such as eu-central-1"),
    (re.compile("AWS_ROLE_ARN"), _of(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+"), "the ARN of an IAM role"),
    (
        re.compile("HTTPS?_PROXY", re.IGNORECASE),
        # aiohttp, and so Stripe's client, ignores proxies of other kinds and would connect directly.
        _url("http://"),
        "a URL that begins with http:// and names a host, such as http://proxy.example.com:3128: a proxy that is "
        "itself reached by TLS or SOCKS is not supported (what goes through it to AWS and Stripe is encrypted all the "
        "same)",
    ),
)


class WrongEnvironmentError(Exception):
    """Environment variables with which a program can't work; one sentence for each names it and says what to do."""

    def __init__(self, sentences: Iterable[str]) -> None:
        lines = (f"  {sentence}" for sentence in sentences)
        super().__init__("\n".join(["These environment variables are wrong:", *lines, "See docs/settings.md."]))


def prepare(environ: MutableMapping[str, str]) -> None:
    """Makes the environment readable for all clients of this process; to be called before any is created.

    Raises:
        WrongEnvironmentError: a credential, URL or file in it can't be right.
    """
    for name, value in list(environ.items()):
        if _OURS.fullmatch(name) and value != value.strip(BLANK):
            environ[name] = value.strip(BLANK)
    wrong = [*_malformed(environ), *_unreadable(environ)]
    if wrong:
        raise WrongEnvironmentError(wrong)
    # For its own requests, such as those for web identity credentials, botocore reads only the first of these.
    named = next((environ[name] for name in CA_FILES if environ.get(name)), None)
    if named is not None:
        environ.setdefault(CA_FILES[0], named)


def trusted(environ: Mapping[str, str], otherwise: str) -> ssl.SSLContext:
    """A context that verifies servers by all authorities that the environment names; by the file `otherwise` if
    none.
    """
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
            if value and names.fullmatch(name) and not form(value):
                yield f"{name} must be {what}."


def _unreadable(environ: Mapping[str, str]) -> Iterator[str]:
    for name in CA_FILES:
        file = environ.get(name)
        if file and not _holds_certificates(file):
            yield f"{name} must name a readable file of certificates in PEM form; it does not."
    folders = environ.get("SSL_CERT_DIR", "").split(":")
    if not all(os.path.isdir(each) and os.access(each, os.R_OK | os.X_OK) for each in folders if each):
        yield "SSL_CERT_DIR must name readable folders of certificates, separated by colons; it does not."
    for name in _CREDENTIAL_FILES:
        if not (file := environ.get(name)):
            continue
        try:
            with Path(file).expanduser().open("rb"):
                pass
        except OSError as error:
            yield f"{name} must name a file that this program can read; it does not: {error.strerror}."


def _holds_certificates(file: str) -> bool:
    try:
        if not Path(file).is_dir():
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
            return True
    except OSError:  # ssl.SSLError is one
        pass
    return False
