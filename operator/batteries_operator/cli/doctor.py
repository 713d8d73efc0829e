"""`batteries-operator doctor`: asks the real APIs what is missing, before a customer finds out.

It prints one line for each check; a failed check says what to do. The exit status is 1 where something must be fixed.

`batteries-operator check` makes only the checks of what accounts need, with the operator's own permissions: the chart
runs it before each start. Its exit status is 1 only where nothing could work; otherwise the operator starts, does what
it can, and says on each account what that account waits for.
"""

from collections.abc import Callable

from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.aws.partition import UnsupportedPartitionError
from batteries_operator.cli.checks import Checks, refused
from batteries_operator.cli.findings import Check, Finding, Verdict
from batteries_operator.cli.pool_checks import Pools, read_pools
from batteries_operator.runtime.settings import Settings


async def doctor(settings: Settings) -> int:
    """Prints one line for each check; returns 1 where something must be fixed, else 0."""
    findings = await _print(settings, Checks.all, await read_pools(settings))
    return 1 if any(finding.verdict is Verdict.MISSING for finding in findings) else 0


async def check(settings: Settings) -> int:
    """Prints one line for each check of the preflight; returns 1 where nothing could work, else 0."""
    findings = await _print(settings, Checks.preflight)
    if any(finding.hopeless for finding in findings):
        print("The operator can't work until that is fixed. This check is repeated.")
        return 1
    if any(finding.verdict is Verdict.MISSING for finding in findings):
        print(
            "The operator starts nevertheless, and accounts say what they wait for. To prepare the organization, run "
            "`batteries-operator bootstrap` once with a person's credentials (`batteries-operator bootstrap-policy` "
            "prints the policy for it)."
        )
    return 0


async def _print(settings: Settings, select: Callable[[Checks], tuple[Check, ...]], pools: Pools = ()) -> list[Finding]:
    aws = await Aws.open(settings)
    try:
        findings = [await _run(each) for each in select(Checks(aws, settings, pools))]
    finally:
        aws.close()
    for finding in findings:
        print(f"{finding.verdict:<4}  {finding.text}")
    return findings


async def _run(check: Check) -> Finding:
    try:
        return await check()
    except (NotPreparedError, UnsupportedPartitionError) as error:
        return Finding(Verdict.MISSING, str(error))
    except AwsError as error:
        return refused(error)
