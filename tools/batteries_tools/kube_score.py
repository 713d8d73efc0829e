"""Runs kube-score on the rendered chart: `python -m batteries_tools.kube_score`, a part of `make check`.

It is built once from source at a pinned version, as helm is. Each finding is fixed, or excepted with a reason in
sandbox/kube_score/exceptions.yaml, which docs/install.md shows; an exception that matches no finding fails too.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from batteries_sandbox import helm
from batteries_sandbox.binaries import build_go_tool
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.paths import CHECKOUT

SOURCE = CHECKOUT / "sandbox" / "kube_score"
EXCEPTIONS = SOURCE / "exceptions.yaml"
_MODULE = "github.com/zegl/kube-score"
_KUBERNETES = "v1.32"  # it decides only which API versions are deprecated
_OPTIONAL = ("container-seccomp-profile", "container-ports-check")
RENDERINGS: dict[str, tuple[str, ...]] = {
    "default": (),
    "with all that can be turned on": (
        "--set=operator.bootstrap=true",
        "--set=api.autoscaling.enabled=true",
        "--set=ingress.enabled=true",
        "--set=ingress.hosts={api.example.com}",
        "--set=ingress.tlsSecret=tls",
        "--set=stripe.existingSecret=stripe",
        "--set=aws.existingSecret=aws",
        "--set=namespaces.names={team-a}",
    ),
    "on OpenShift": ("--set=openshift=true",),
}


@dataclass(frozen=True, slots=True)
class Excepted:
    """An accepted finding: kube-score's id of the check, the beginning of its message, and why it is accepted.

    `only` names the one of RENDERINGS in which it is accepted; empty for all of them.
    """

    check: str
    says: str
    reason: str
    only: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of kube-score about an object of one rendering."""

    rendering: str
    check: str
    on: str
    says: str

    def is_excepted_by(self, one: Excepted) -> bool:
        """Whether that exception matches this finding."""
        here = one.only in ("", self.rendering)
        return here and self.check == one.check and self.says.startswith(one.says)


def provide() -> Path:
    """The program.

    Raises:
        SandboxError: it can't be built.
    """
    return build_go_tool("kube-score", SOURCE, f"{_MODULE}/cmd/kube-score", _MODULE, seconds=60)


def exceptions() -> list[Excepted]:
    """What is let be."""
    return [Excepted(**one) for one in yaml.safe_load(EXCEPTIONS.read_text())]


def findings(rendering: str, text: str) -> list[Finding]:
    """Everything that kube-score says about these objects, warnings included; `rendering` is their name in messages.

    Raises:
        SandboxError: it could not read them.
    """
    optional = [f"--enable-optional-test={each}" for each in _OPTIONAL]
    command = [str(provide()), "score", "--output-format=json", f"--kubernetes-version={_KUBERNETES}", *optional, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    try:
        scored = json.loads(done.stdout)
    except ValueError:
        raise SandboxError(f"kube-score could not read the chart's objects: {done.stderr or done.stdout}") from None
    return list(_found(rendering, scored))


def _found(rendering: str, scored: list[dict[str, Any]]) -> Iterator[Finding]:
    for one in scored:
        for check in one["checks"]:
            for comment in (check["comments"] or []) if not check["skipped"] and check["grade"] < _OK else []:
                where = f"{one['object_name']} {comment['path']}".strip()
                yield Finding(rendering, check["check"]["id"], where, comment["summary"])


_OK = 10
"""kube-score's best grade; 1 is critical, 5 a warning, 7 almost good."""


def wrong(found: list[Finding], excepted: list[Excepted]) -> list[str]:
    """A line for each finding without an exception, and for each exception without a finding."""
    lines = [
        f"  {each.on}, rendered {each.rendering}: {each.says} ({each.check})"
        for each in found
        if not any(each.is_excepted_by(one) for one in excepted)
    ]
    unused = [one for one in excepted if not any(each.is_excepted_by(one) for each in found)]
    return lines + [f"  {one.check} has an exception that matches nothing: {one.says}" for one in unused]


def main() -> int:
    """Returns 0 if there is nothing to fix; also, outside CI and with a message, if kube-score or helm can't be
    built.
    """
    try:
        provide()
        helm.provide()
    except SandboxError as error:
        print(
            f"The rendered chart was NOT checked by kube-score: it, or helm, can't be built here. {error}",
            file=sys.stderr,
        )
        return 1 if os.environ.get("CI") else 0
    try:
        found = [
            each for name, values in RENDERINGS.items() for each in findings(name, helm.render("batteries", *values))
        ]
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    if lines := wrong(found, exceptions()):
        headline = f"kube-score found problems in the chart. Fix each, or except it with a reason in {EXCEPTIONS}:"
        print("\n".join([headline, *lines]), file=sys.stderr)
        return 1
    print(f"kube-score: {len(RENDERINGS)} renderings of the chart are good, with {len(exceptions())} exceptions.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
