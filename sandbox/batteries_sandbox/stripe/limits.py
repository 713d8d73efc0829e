"""The bounds that Stripe puts on values and that its types don't show: metadata, e-mails, URLs, lengths, currencies.

Sources: https://docs.stripe.com/api/metadata (50 keys, 40 and 500 characters, no square brackets),
https://docs.stripe.com/api/checkout/sessions/create (client_reference_id of up to 200 characters), and
https://docs.stripe.com/currencies.
"""

import re
from urllib.parse import urlsplit

from batteries_sandbox.stripe.errors import StripeError
from batteries_sandbox.stripe.objects import JsonObject

_MAX_KEYS, _MAX_KEY, _MAX_VALUE = 50, 40, 500
_MAX_EMAIL, _MAX_URL = 512, 5000
_EMAIL = re.compile(r"[^@\s,;<>()\[\]]+@[^@\s.,;<>()\[\]]+(\.[^@\s.,;<>()\[\]]+)+")

_CURRENCIES = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny cop
crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd
jpy kes kgs khr kmf krw kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn
nio nok npr nzd pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb
tjs top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
"""
CURRENCIES = frozenset(_CURRENCIES.split())


def check_metadata(metadata: JsonObject, path: str = "metadata") -> None:
    """Refuses metadata that is too much, key by key, then as a whole."""
    for key, value in metadata.items():
        if len(key) > _MAX_KEY:
            raise StripeError(
                f"Metadata keys can have up to {_MAX_KEY} characters, but you passed in a key that is {len(key)}"
                f" characters. Invalid key: {key}",
                param=path,
            )
        check_length(value, _MAX_VALUE, f"{path}[{key}]", noun="Metadata values")
    if len(metadata) > _MAX_KEYS:
        raise StripeError(f"You can only have up to {_MAX_KEYS} metadata keys, got {len(metadata)}.", param=path)


def check_length(value: str, limit: int, param: str, *, noun: str | None = None) -> None:
    """Refuses text that is longer than Stripe takes."""
    if len(value) <= limit:
        return
    if noun is not None:
        raise StripeError(
            f"{noun} can have up to {limit} characters, but you passed in a value that is {len(value)} characters."
            f" Invalid value: {value}",
            param=param,
        )
    raise StripeError(f"Invalid string: {value[:10]}...; must be at most {limit} characters", param=param)


def check_email(value: str, param: str) -> None:
    if len(value) > _MAX_EMAIL or not _EMAIL.fullmatch(value):
        raise StripeError(f"Invalid email address: {value}", code="email_invalid", param=param)


def check_url(value: str, param: str) -> None:
    """Takes http as well as https, as Stripe's test mode does; a bare host or path is refused."""
    check_length(value, _MAX_URL, param)
    try:
        parts = urlsplit(value)
        valid = bool(parts.hostname) and not re.search(r"\s", value)
    except ValueError:
        raise StripeError("Not a valid URL", code="url_invalid", param=param) from None
    if parts.scheme not in ("http", "https"):
        raise StripeError(
            "Invalid URL: An explicit scheme (such as https) must be provided.", code="url_invalid", param=param
        )
    if not valid:
        raise StripeError("Not a valid URL", code="url_invalid", param=param)


def check_currency(value: str) -> None:
    if value not in CURRENCIES:
        raise StripeError(f"Invalid currency: {value}. Stripe supports ISO codes in lowercase.", param="currency")
