"""Starts operators quickly: a process with all imports done forks one for each line that it reads.

What is killed is a real operator process with an empty memory of its own; only the two seconds of imports, which no
crash can fall into, are spent once.
"""

import json
import os
import signal
import sys

from crash import clock

from batteries_operator.cli import main


def serve() -> None:
    """Each line is JSON: environment and log file; the answer is the child's process id."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become_operator(order["environment"], order["log"])
        print(child, flush=True)


def _become_operator(environment: dict[str, str], log: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    if clock.VARIABLE in environment:
        clock.install()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["batteries-operator", "run"]
    try:
        code = main.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
