"""What a caller wrote where it should have written one of our names: unknown fields, parameters and paths.

Sentences repeat a caller's text only if it can be a name: whatever is long, or looks like an API key, is not sent back.
"""

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

_NAME = re.compile(r"[\w.$\[\] -]{1,40}", re.ASCII)
_KEY = "aib_"
_SIMILAR = 0.7
_SHORTEST_PART = 4


def shown(name: str) -> str | None:
    """The name, if it may be repeated to the caller."""
    return name if _NAME.fullmatch(name) and name.strip() and _KEY not in name.lower() else None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that the caller probably meant: the same in another case or spelling, a part of it, or similar."""
    plain = {_plain(one): one for one in known}
    wanted = _plain(name)
    if wanted in plain:
        return plain[wanted]
    close = get_close_matches(wanted, plain, n=1, cutoff=_SIMILAR)
    if close:
        return plain[close[0]]
    parts = [one for one in plain if min(len(one), len(wanted)) >= _SHORTEST_PART and (one in wanted or wanted in one)]
    return plain[parts[0]] if len(parts) == 1 else None


def unknown_names(given: Collection[str], known: Collection[str], kind: str) -> str:
    """The sentence about names that are not known; `kind` is field or parameter."""
    names = [name for each in given if (name := shown(each)) is not None]
    is_one = len(given) == 1
    if len(names) == len(given):
        what = f"There {'is' if is_one else 'are'} no {kind}{'' if is_one else 's'} {_joined(names)}"
    else:
        what = f"There {'is' if is_one else 'are'} {len(given)} unknown {kind}{'' if is_one else 's'}"
    meant = [found for name in names if (found := nearest(name, known)) is not None]
    question = f"; did you mean {_joined(list(dict.fromkeys(meant)))}?" if meant else "."
    if not known:
        return f"{what}{question} This request has no {kind}s."
    return f"{what}{question} This request's {kind}s: {', '.join(known)}."


def given_twice(name: str, kind: str) -> str:
    """The sentence about a name that was given more than once."""
    named = shown(name)
    return f"The {kind} {named} is given twice; give it once." if named else f"A {kind} is given twice; give it once."


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _joined(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
