"""`make weather`: accounts in two namespaces under what people and AWS do to them, in an order that a seed gives.

SEED=… repeats a walk; ACCOUNTS=… and MINUTES=… say how large and how long it is. Real parts: kube-apiserver, etcd, and
an operator process that is killed, stopped and started. At the end every account is as its spec says, or says truly
why not; no AWS account is lost, double, or open to one who shouldn't be.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from random import SystemRandom

from weather.forecast import Plan, weather


def main() -> int:
    """0 where all is true."""
    seed = int(os.environ.get("SEED") or SystemRandom().randrange(10**6))
    minutes, accounts = float(os.environ.get("MINUTES") or 15), int(os.environ.get("ACCOUNTS") or 60)
    plan = Plan(seed, accounts, acts=round(minutes * 16), pause=1.5, patience=max(minutes, 2) * 20)
    started = time.monotonic()
    print(f"SEED={seed} ACCOUNTS={accounts} MINUTES={minutes:g}: {plan.acts} acts", flush=True)
    folder = os.environ.get("WEATHER_DIR")
    if folder:
        Path(folder).mkdir(parents=True)
        wrong = asyncio.run(weather(plan, Path(folder)))
    else:
        with tempfile.TemporaryDirectory(prefix="weather-") as made:
            wrong = asyncio.run(weather(plan, Path(made)))
    for each in wrong:
        print(f"WRONG  {each}")
    print(f"SEED={seed}: {len(wrong)} wrong, in {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
