"""Writes docs/aws-calls.md from the table of calls: `PYTHONPATH=tests python -m fakes.aws_calls_page`."""

from pathlib import Path

from fakes.aws_calls import BOOTSTRAPS, CALLS, DOCTORS, LOOKS, SEARCHES, Call, How

from batteries_operator.aws.mutations import is_mutation

PAGE = Path(__file__).parents[2] / "docs" / "aws-calls.md"

HEAD = """# What happens to each AWS call

`make docs` writes this page from the table that `tests/unit/operator/aws/test_aws_calls.py` and `test_aws_strangers.py`
test row by row. Those tests fail for a call that the code makes and that is not in the table.

Some things are the same for every call, so no column shows them:

- **AWS has a problem** (any 5xx or 429, an HTML page as the response, a throttle): the step is retried; after four in a
  row the condition says `AwsUnavailable`. It never fails and is never Stalled.
- **The response is lost** after AWS has carried out the call: the step reads the state before it acts again, and does
  nothing twice.
- **The organization no longer exists** (`AWSOrganizationsNotInUseException`): `OrganizationNotPrepared`.

The column "not found" says what happens if the call's resource does not exist. *Expected* means that the step only
checked whether it exists, and continues. *Retried* means that the condition shows the reason and the step is retried;
the account becomes Stalled after the step's stall timeout, and still continues automatically. *Failed* means that the
step fails because of the account's state in AWS, until a comparison finds another state. The column "created again"
names the call that finds a resource again, in the same reconcile and without a message, after somebody deleted and
created it. The column "somebody else's" says how the operator recognizes a resource that is not ours; it never changes
one.
"""

WORDS = {
    How.ANSWER: "expected",
    How.TROUBLE: "retried: `{reason}`",
    How.ANEW: "retried: `{reason}`; after 15 minutes searched for again, and not created twice",
    How.MAIL: "retried: `{reason}`, and the account is active",
    How.REFUSED: "told: `{reason}`, and the account is active; the next comparison with AWS tries it again",
    How.SEEN: "failed: `{reason}`",
    How.NEVER: "names no resource",
}


def _row(call: Call) -> tuple[str, ...]:
    gone = WORDS[call.gone.how].format(reason=call.gone.reason)
    theirs = call.strangers.removeprefix("no: ") if call.strangers.startswith("no: ") else f"**{call.strangers}**"
    return (
        f"`{call.name}`",
        call.stage.name,
        f"`{call.told}`",
        f"`{call.gone.code}`: {gone}" if call.gone.code else gone,
        f"`{call.again}`" if call.again else "",
        theirs,
        "writes" if is_mutation(call.name) else "reads",
    )


def page() -> str:
    """The whole page."""
    heads = ("call", "in", "condition", "not found", "created again", "somebody else's", "")
    rows = [heads, ("---",) * len(heads), *map(_row, CALLS)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    commands = (
        "## Calls that only the commands make\n\n`bootstrap`, which reads the state again if AWS has a problem or "
        f"somebody else was faster, and which a person repeats: {', '.join(f'`{each}`' for each in BOOTSTRAPS)}.\n\n"
        "`doctor`, which prints one line for each, whatever AWS returns: "
        f"{', '.join(f'`{each}`' for each in DOCTORS)}.\n"
    )
    looks = (
        "## Looks into an account of a pool\n\nBefore anybody gets it; while AWS does not answer one of them, nobody "
        f"does: {', '.join(f'`{each}`' for each in LOOKS)}.\n"
    )
    searches = (
        "## The search for accounts whose AwsAccount has lost its status\n\nWhere there are pools, once by each "
        "process; without the permission the tags of all accounts are read: "
        f"{', '.join(f'`{each}`' for each in SEARCHES)}.\n"
    )
    return f"{HEAD}\n{table}\n\n{commands}\n{looks}\n{searches}"


if __name__ == "__main__":
    PAGE.write_text(page())
