"""AWS, as far as an account factory can see it: moto behind a front that is as strict as AWS.

The sandbox starts it as `python -m batteries_sandbox.aws`, and tests start it in process with `async with
serve(StandinSettings(...)) as url`. Unmodified boto3 talks to it at AWS_ENDPOINT_URL.
"""

from batteries_sandbox.aws.server import serve, serve_in_thread
from batteries_sandbox.aws.settings import StandinSettings
from batteries_sandbox.aws.world import Clocks

__all__ = ["Clocks", "StandinSettings", "serve", "serve_in_thread"]
