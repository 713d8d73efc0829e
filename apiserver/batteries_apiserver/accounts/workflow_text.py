"""The text of the GitHub Actions workflow that deploys to an account: pure.

It runs where the account's trust policy admits it: on the branches and tags that are listed, or in an environment that
is; and in pull requests with the role that only reads, if those are listed for it. AWS in China has another audience
(docs of aws-actions/configure-aws-credentials, input `audience`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from batteries_apiserver.projections.partitions import partition_of, region_of
from batteries_crds.agent_access import AUDIENCE, audience
from batteries_crds.github.trust_policy import Admitted
from batteries_crds.github.workflow_sources import WorkflowSources

PATH = ".github/workflows/deploy.yml"

_WORKFLOW = """\
# Save this as {path} in one of the repositories that may deploy:
{repositories}
# No secret is needed. {who}
name: Deploy
on:
{triggers}
  workflow_dispatch:
permissions:
  id-token: write # to ask GitHub for the token that AWS checks
  contents: read
jobs:
{jobs}"""

_JOB = """\
  {name}:
{only}\
    runs-on: ubuntu-latest
{environment}\
    steps:
      - uses: actions/checkout@v5
      - uses: aws-actions/configure-aws-credentials@v5
        with:
          role-to-assume: {role}
          aws-region: {region}
{audience}\
      - run: aws sts get-caller-identity # {work}
"""


@dataclass(frozen=True, slots=True)
class Roles:
    """Who may assume which role. `reader` is the ARN of the one that only reads, None where nobody is to."""

    deployer: str
    deploying: Sequence[Admitted]
    reader: str | None = None
    reading: Sequence[Admitted] = ()


def workflow_of(roles: Roles, region: str) -> str:
    """The workflow's YAML. If the role's partition of AWS does not have the region, its main region is used."""
    wanted = _union(roles.deploying)
    checks = roles.reader is not None and any(each.sources and each.sources.pull_requests for each in roles.reading)
    deploy = _job(
        "deploy",
        roles.deployer,
        region,
        "your deployment goes here",
        only="github.event_name != 'pull_request'" if checks else "",
        environment=_environment(wanted),
    )
    check = ""
    if checks and roles.reader is not None:
        work = "what shows the changes goes here; a fork's pull request gets no token from GitHub"
        check = _job("check", roles.reader, region, work, only="github.event_name == 'pull_request'")
    return _WORKFLOW.format(
        path=PATH,
        repositories="\n".join(f"#   {admitted}" for admitted in roles.deploying),
        who="Anyone who can push to a listed repository can deploy to the account."
        if wanted is None
        else "AWS admits the runs in brackets, and no others.",
        triggers=_triggers(wanted, with_requests=checks),
        jobs=deploy + check,
    )


def _union(admitted: Sequence[Admitted]) -> WorkflowSources | None:
    """The runs of all repositories together; None if of one of them every run may deploy."""
    every = [each.sources for each in admitted if each.sources is not None]
    if len(every) < len(admitted):
        return None
    return WorkflowSources(
        branches=_once(name for each in every for name in each.branches),
        tags=_once(name for each in every for name in each.tags),
        environments=_once(name for each in every for name in each.environments),
        pull_requests=any(each.pull_requests for each in every),
    )


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _environment(wanted: WorkflowSources | None) -> str:
    """The job's environment. With one, GitHub's token names no branch; so only where no branch or tag is listed."""
    if wanted is None or wanted.branches or wanted.tags or not wanted.environments:
        return ""
    return f"    environment: {json.dumps(wanted.environments[0])}\n"


def _triggers(wanted: WorkflowSources | None, *, with_requests: bool) -> str:
    if wanted is None or not (wanted.branches or wanted.tags):
        pushes = ["    branches: [main] # your default branch"]
    else:
        kinds = (("branches", wanted.branches), ("tags", wanted.tags))
        pushes = [f"    {kind}: [{', '.join(map(_filter, names))}]" for kind, names in kinds if names]
    requests = ["  pull_request:"] if with_requests or (wanted is not None and wanted.pull_requests) else []
    return "\n".join(["  push:", *pushes, *requests])


def _filter(name: str) -> str:
    """A name in GitHub's filters, where one * does not stand for a /."""
    return json.dumps(name.replace("*", "**"))


def _job(name: str, role: str, region: str, work: str, *, only: str = "", environment: str = "") -> str:
    wanted = audience(partition_of(role))
    return _JOB.format(
        name=name,
        role=role,
        region=region_of(role, region),
        work=work,
        only=f"    if: {only}\n" if only else "",
        environment=environment,
        # The action asks for AUDIENCE by itself.
        audience="" if wanted == AUDIENCE else f"          audience: {wanted}\n",
    )
