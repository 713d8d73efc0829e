"""The environment of a process as people wrote it: tidied, and refused where it can't work, before anything reads it.

Every second Secret ends in a newline. A credential with one starts well and fails much later, under another name; so
whitespace around values is dropped, and what can't be right is refused at the start. No sentence shows a value.
"""

import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import AliasChoices, model_validator
from pydantic_settings import BaseSettings

CA_FILES = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Name a file of certificate authorities to trust; each tool has its own, and people set any of them."""

_CREDENTIAL_FILES = (
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)
"""Files that botocore reads by itself. Where the first two can't be read it looks on elsewhere, and says nothing."""

_OURS = re.compile(r"(AWS|STRIPE|BATTERIES)_\w+|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|\w+_CA_BUNDLE", re.IGNORECASE)
_BLANK = " \t\r\n\f\v\u00a0\ufeff"


def _of(pattern: str) -> Callable[[str], bool]:
    """Whether a text is one of those, from end to end."""
    form = re.compile(pattern, re.ASCII)
    return lambda text: form.fullmatch(text) is not None


def _url(begins: str) -> Callable[[str], bool]:
    """Whether a text is a URL that begins so, and names a host and, if any, a port that there can be."""
    is_one = _of(rf"{begins}[^\s/]\S*")

    def check(text: str) -> bool:
        try:
            parts = urlsplit(text)
            return is_one(text) and bool(parts.hostname) and parts.port != 0  # asked for, a wrong port raises
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
        # aiohttp, and so the client of Stripe, passes over proxies of another kind, and would go straight.
        _url("http://"),
        "a URL that begins with http:// and names a host, such as http://proxy.example.com:3128: a proxy that is "
        "itself reached by TLS or SOCKS is not supported (what goes through it to AWS and Stripe is encrypted all the "
        "same)",
    ),
)


class WrongEnvironmentError(Exception):
    """Variables that can't be right; the text names them and says what they must be."""


class FromEnvironment(BaseSettings):
    """Settings whose values have no whitespace around them, whatever their type.

    A setting `x` beside which there is an `x_file` may be given as a file too, which is read once, at the start.
    """

    @model_validator(mode="before")
    @classmethod
    def _tidied(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        tidied = {name: value.strip(_BLANK) if isinstance(value, str) else value for name, value in given.items()}
        for name in cls.model_fields:
            if f"{name}_file" in cls.model_fields:
                cls._fill_from_file(tidied, name)
        return tidied

    @classmethod
    def _fill_from_file(cls, given: dict[str, Any], name: str) -> None:
        """Puts the text of the file that `name`_file names, if any, where `name` is looked for."""
        (variable, _), (file_variable, file) = cls._look_up(given, name), cls._look_up(given, f"{name}_file")
        if not file:
            return
        if cls._look_up(given, name)[1]:
            raise ValueError(f"{variable} and {file_variable} are both set. Unset one of them.")
        given.pop(name, None)
        given[variable] = read_credential(file_variable, str(file))

    @classmethod
    def _look_up(cls, given: dict[str, Any], name: str) -> tuple[str, Any]:
        """What the field's variable is called, and its value under whichever of its names it was given."""
        alias = cls.model_fields[name].validation_alias
        names = [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [name]
        return names[0], next((given[one] for one in names if given.get(one)), None)


def read_credential(variable: str, path: str) -> str:
    """The text of the file that an environment variable names, without whitespace around it.

    Raises:
        ValueError: there is none; the sentence names the variable, and the path unless it is none.
    """
    if not path.startswith("/"):  # maybe the credential itself, so it is not shown
        raise ValueError(f"{variable} must be the whole path of a file, beginning with /.")
    try:
        text = Path(path).read_text(encoding="utf-8").strip(_BLANK)
    except OSError as error:
        raise ValueError(
            f"{variable} names {path}, which can't be read: {error.strerror}. Mount the Secret there, readable to this "
            "program's user, or mend the path."
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f"{variable} names {path}, which is not text. Name the file with the credential.") from None
    if not text:
        raise ValueError(f"{variable} names {path}, which is empty. Write the credential into it.")
    return text


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
            if value and names.fullmatch(name) and not form(value):
                yield f"  {name} must be {what}."


def _unreadable(environ: Mapping[str, str]) -> Iterator[str]:
    for name in CA_FILES:
        file = environ.get(name)
        if file and not _holds_certificates(file):
            yield f"  {name} must name a readable file of certificates in PEM form; it does not."
    folders = environ.get("SSL_CERT_DIR", "").split(":")
    if not all(os.path.isdir(each) and os.access(each, os.R_OK | os.X_OK) for each in folders if each):
        yield "  SSL_CERT_DIR must name readable folders of certificates, separated by colons; it does not."
    for name in _CREDENTIAL_FILES:
        if not (file := environ.get(name)):
            continue
        try:
            with Path(file).expanduser().open("rb"):
                pass
        except OSError as error:
            yield f"  {name} must name a file that this program can read; it does not: {error.strerror}."


def _holds_certificates(file: str) -> bool:
    try:
        if not Path(file).is_dir():
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
            return True
    except OSError:  # ssl.SSLError is one
        pass
    return False
