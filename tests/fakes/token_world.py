"""What tests of tokens need in a real kube-apiserver: a paying customer with an active account and an agent's key."""

from kubernetes.aio.client import ApiClient

from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources

ISSUER = "https://api.example.com"
OWNER, ACCOUNT = "11111111-1111-4111-8111-111111111111", "33333333-3333-4333-8333-333333333333"
ROLE = "arn:aws:iam::123456789012:role/BatteriesAgentRole"
ACTIVE = {"phase": "active", "awsAccountId": "123456789012", "agentRoleArn": ROLE, "agentIssuer": ISSUER}
PATH = f"/v1/accounts/{ACCOUNT}/token"


async def seeded(api: ApiClient, namespace: str) -> NewKey:
    """Makes them, and returns the key, whose scope is aws."""
    key, customers, accounts = mint(), Resources(api, Customer, "test"), Resources(api, AwsAccount, "test")
    await customers.create(namespace, {"metadata": {"name": OWNER}, "spec": {"email": "a@example.com"}})
    await customers.merge_status(namespace, OWNER, {"status": {"paymentMethod": "valid"}})
    of_owner = {"customerRef": {"name": OWNER}}
    spec = {**of_owner, "keyPrefix": key.prefix, "keyHash": key.digest, "scope": "aws"}
    await Resources(api, ApiKey, "test").create(namespace, {"metadata": {"name": "agent"}, "spec": spec})
    await accounts.create(namespace, {"metadata": {"name": ACCOUNT}, "spec": of_owner})
    await accounts.merge_status(namespace, ACCOUNT, {"status": ACTIVE})
    return key
