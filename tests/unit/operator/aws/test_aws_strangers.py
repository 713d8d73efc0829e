"""Other people's resources are left as they are: each one that fakes/aws_calls.py names, in each stage that meets
it.
"""

from fnmatch import fnmatchcase

import pytest
from fakes.aws_calls import CALLS
from fakes.factory import NAMESPACE, Factory
from fakes.stages import walked
from fakes.strangers import IN_STAGE, THEIRS

from batteries_crds.aws_account import AwsAccount
from batteries_operator.aws.mutations import is_mutation

MET = sorted({(each.stage.name, each.strangers) for each in CALLS if not each.strangers.startswith("no: ")})


def test_every_thing_of_the_table_is_here_or_says_why_not() -> None:
    assert {thing for _, thing in MET} == {*THEIRS}


@pytest.mark.parametrize(("stage", "thing"), MET)
async def test_it_is_said_and_nothing_is_done_to_it(factory: Factory, stage: str, thing: str) -> None:
    (chosen,) = {each.stage for each in CALLS if each.stage.name == stage}
    theirs = IN_STAGE.get((chosen, thing), THEIRS[thing])
    await chosen.prepare(factory)
    process = await factory.start()
    await theirs.deed(factory, process)

    def said(account: AwsAccount) -> bool:
        return theirs.reason in {each.reason for each in account.status.conditions}

    # What is at fault does not keep the rest from being done: so it is walked until nothing else is left.
    reached = await walked(process, said)
    assert said(reached), reached.status.conditions
    for _ in range(3):
        await process.reconciler.reconcile(NAMESPACE, "acme")
    done = [each for each in process.calls if is_mutation(each)]
    touched = [each for each in done for pattern in theirs.never if fnmatchcase(each, pattern)]
    assert touched == []
    if stage == "suspend":
        assert (await factory.account()).status.phase != "suspended", "nothing says closed what is not"
