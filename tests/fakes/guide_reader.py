"""A reader that knows only a base URL: it does what the answers say, step by step, and counts what it needs.

It stands for an agent that was given nothing else. It can follow links, read a numbered list, run the curl line of a
step, put fields of answers into the variables of later lines, wait as told, and hand a URL to a person. It knows no
path, no field's meaning and no order. What no answer told it would be a guess, and is counted as one.
"""

import json
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests

_LINK = re.compile(r'<([^>]+)>((?:\s*;\s*\w+="[^"]*")+)')
_STEP = re.compile(r"^(\d+)\. ", re.MULTILINE)
_VARIABLE = re.compile(r"\$([A-Z][A-Z_]*)")
_PREFERENCE = re.compile(r"`(Prefer): ([^`]+)`")


class NothingSaysError(Exception):
    """No answer says how to go on."""


@dataclass
class GuideReader:
    """What it was told so far, and what it took. `person` opens a URL in a browser and does what the page asks."""

    base: str
    person: Callable[[str], None]
    most_seconds: float
    asked: int = 0
    guesses: int = 0
    told_to_wait: int = 0
    log: list[str] = field(default_factory=list)
    _told: list[str] = field(default_factory=list)
    _fields: dict[str, str] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the first request."""
        return time.monotonic() - self._began

    def guide(self) -> str:
        """Starts at the base URL and follows its link to the guide for programs.

        Raises:
            NothingSaysError: neither a header nor the page leads to one.
        """
        first = self.ask("GET", self.base, {"Accept": "text/markdown, text/plain, */*"})
        for address, attributes in _LINK.findall(first.headers.get("Link", "")):
            given = dict(re.findall(r'(\w+)="([^"]*)"', attributes))
            if given.get("rel") == "service-doc" and given.get("type") in ("text/plain", "text/markdown"):
                return self.ask("GET", urljoin(self.base, address)).text
        raise NothingSaysError(f"{self.base} leads nowhere: {first.status_code} {first.text[:300]}")

    def follow(self, guide: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Does the guide's steps in order until an answer is as wanted. Returns that answer."""
        for step in self._steps(guide):
            answer = self._do(step)
            if answer is not None and until(answer):
                return answer
        raise NothingSaysError("The steps have ended.")

    def step_about(self, guide: str, words: str) -> dict[str, Any]:
        """Does the one step that begins with those words, and returns its answer."""
        [step] = [step for step in self._steps(guide) if re.search(words, step.splitlines()[0])]
        answer = self._do(step)
        assert answer is not None
        return answer

    def ask(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: str | None = None
    ) -> requests.Response:
        """One request; what its answer says is known from then on."""
        if url != self.base and not self._was_told(url):
            self.guesses += 1
        self.asked += 1
        response = requests.request(method, url, headers=headers, data=body, timeout=60, allow_redirects=False)
        self._told.append(response.text + str(response.headers))
        code = f"  {response.json()['code']}" if response.status_code >= 400 else ""
        self.log.append(f"{self.seconds:5.1f} s  {response.status_code}  {method} {_masked(url)}{code}")
        return response

    def _was_told(self, url: str) -> bool:
        told = "".join(self._told)
        return url in told or url.removeprefix(self.base.rstrip("/")) in told or url in self._lines_filled()

    def _lines_filled(self) -> str:
        """All that was told, with the fields of answers in the places of variables."""
        return _VARIABLE.sub(lambda name: self._fields.get(name[1], name[0]), "".join(self._told))

    @staticmethod
    def _steps(guide: str) -> list[str]:
        places = [found.start() for found in _STEP.finditer(guide)]
        return [guide[start:end] for start, end in zip(places, [*places[1:], len(guide)], strict=True)]

    def _do(self, step: str) -> dict[str, Any] | None:
        """Runs the step's first curl line again and again while it is told to wait; without one, asks the person."""
        lines = [line.strip() for line in step.splitlines() if line.strip().startswith("curl ")]
        if not lines:
            for name in re.findall(r"`(\w+)`", step.splitlines()[0]):
                if self._fields.get(_as_variable(name), "").startswith("http"):
                    self.person(self._fields[_as_variable(name)])
                    return None
            return None
        found = _PREFERENCE.search(step)
        preference = {} if found is None else {found[1]: found[2]}
        wanted = re.search(r"until `(\w+)` is `(\w+)`", step)
        while True:
            assert self.seconds < self.most_seconds, self.log
            answer = self._run(lines[0], preference)
            if answer is not None and (wanted is None or answer[wanted[1]] in (wanted[2], "failed")):
                return answer

    def _run(self, line: str, more: dict[str, str]) -> dict[str, Any] | None:
        """One curl line. Returns the answer; None if it said to try again, after waiting as long as it said."""
        words = shlex.split(_VARIABLE.sub(lambda name: self._fields[name[1]], line))[1:]
        method, headers, body, url = "GET", dict(more), None, ""
        while words:
            word = words.pop(0)
            if word == "-X":
                method = words.pop(0)
            elif word == "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            elif word == "-d":
                body = words.pop(0)
            elif word == "-o":
                words.pop(0)
            elif not word.startswith("-"):
                url = word
        response = self.ask(method, url, headers, body)
        if "Retry-After" in response.headers and response.status_code >= 400:
            self.told_to_wait += 1
            time.sleep(float(response.headers["Retry-After"]))  # as long as the answer says
            return None
        assert response.status_code < 400, response.text
        answer: dict[str, Any] = json.loads(response.text)
        self._fields |= {_as_variable(name): value for name, value in answer.items() if isinstance(value, str)}
        return answer


def _as_variable(name: str) -> str:
    """`sessionId` is `$SESSION_ID`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def _masked(url: str) -> str:
    return re.sub(r"cs_\w+", "cs_…", url)
