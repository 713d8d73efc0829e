"""People who call the API of the integration tests' `world`: customers with a card, and an administrator."""

from dataclasses import dataclass
from typing import Any

from batteries_apiserver.auth.key_format import mint
from batteries_crds.api_key import ApiKey
from batteries_crds.kube.client import Resources

VISA = "4242424242424242"


@dataclass(frozen=True)
class Person:
    """Who has a key."""

    world: Any
    name: str
    key: str

    async def send(self, method: str, path: str, client: Any = None, **options: Any) -> tuple[int, Any]:
        """Status and JSON of the response."""
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        async with (client or self.world.client).request(method, path, headers=headers, **options) as response:
            return response.status, await response.json() if response.status != 204 else None

    async def asks(self, client: Any = None) -> int:
        """For an account; the status of the answer."""
        return (await self.send("POST", "/v1/accounts", client))[0]


async def begin(world: Any, number: str = VISA) -> str:
    """A completed checkout with that card; the session's id."""
    setup = await (await world.client.post("/v1/stripe/setup", json={"email": "ada@example.com"})).json()
    form = {"email": "ada@example.com", "cardNumber": number, "cardExpiry": "12/34", "cardCvc": "123"}
    async with world.http.post(setup["url"], data=form, allow_redirects=False) as response:
        assert response.status == 303, await response.text()
    return str(setup["sessionId"])


async def sign_up(world: Any, number: str = VISA) -> Person:
    """A customer with that card."""
    response = await world.fetch(await begin(world, number))
    handed = await response.json()
    assert response.status == 200, handed
    return Person(world, handed["customerId"], handed["apiKey"])


async def admin(world: Any) -> Person:
    """An administrator with a key of its own."""
    key = mint()
    spec = {"role": "admin", "name": "test", "keyPrefix": key.prefix, "keyHash": key.digest}
    await Resources(world.api, ApiKey, "test").create(world.namespace, {"metadata": {"name": key.prefix}, "spec": spec})
    return Person(world, "", key.raw)
