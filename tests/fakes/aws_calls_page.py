"""Writes docs/aws-calls.md from the table of calls: `PYTHONPATH=tests python -m fakes.aws_calls_page`."""

from pathlib import Path

from fakes.aws_calls import BOOTSTRAPS, CALLS, DOCTORS, Call, How

from batteries_operator.aws.mutations import is_mutation

PAGE = Path(__file__).parents[2] / "docs" / "aws-calls.md"

HEAD = """# What each call of AWS answers, and what comes of it

Written by `make docs` from the table that `tests/unit/operator/aws/test_aws_calls.py` and `test_aws_strangers.py`
walk, row by row. A call that the code makes and that is not in here fails those tests.

The same for every call, so no column says it:

- **AWS is in trouble** (any 5xx or 429, an HTML page for an answer, a throttle): tried again, told after four in
  a row as `AwsUnavailable`, never a failure and never Stalled.
- **The answer is lost** after AWS has done it: the step looks before it acts again, and nothing is done twice.
- **The organization is gone** (`AWSOrganizationsNotInUseException`): `OrganizationNotPrepared`.

*An answer* means that the step asked whether it is there, and goes on. *Trouble* is told with its reason, tried on,
Stalled when the step's patience is over, and goes on by itself. *Seen* fails the step by what AWS says of the account;
the comparison that sees it otherwise takes it back. Where a thing was *made again*, what we remember of it is forgotten
and looked up by that call in the same reconcile, which is no news. A thing that is *somebody else's* is left as it is.
"""

WORDS = {
    How.ANSWER: "an answer",
    How.TROUBLE: "trouble: `{reason}`",
    How.ANEW: "trouble: `{reason}`; after 15 minutes looked for anew, and not made again",
    How.MAIL: "trouble: `{reason}`, and the account is active",
    How.SEEN: "seen: `{reason}`",
    How.NEVER: "names nothing that could be gone",
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
        "acts" if is_mutation(call.name) else "looks",
    )


def page() -> str:
    """The whole page."""
    heads = ("call", "in", "told by", "the thing is gone", "made again", "somebody else's", "")
    rows = [heads, ("---",) * len(heads), *map(_row, CALLS)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    commands = (
        "## Of the commands alone\n\n`bootstrap`, which looks again whenever AWS is in trouble or somebody was faster, "
        f"and is repeated by whoever runs it: {', '.join(f'`{each}`' for each in BOOTSTRAPS)}.\n\n"
        "`doctor`, of which each is one line, whatever AWS says: "
        f"{', '.join(f'`{each}`' for each in DOCTORS)}.\n"
    )
    return f"{HEAD}\n{table}\n\n{commands}"


if __name__ == "__main__":
    PAGE.write_text(page())
