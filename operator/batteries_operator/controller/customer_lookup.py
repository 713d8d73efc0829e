"""Looks up Customers for steps."""

from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources


class Customers:
    """Reads Customers from Kubernetes, without a cache: a step needs an owner once in an account's life."""

    def __init__(self, customers: Resources[Customer], accounts: Resources[AwsAccount]) -> None:
        self._customers = customers
        self._accounts = accounts

    async def find(self, namespace: str, name: str) -> Customer | None:
        """The Customer, or None."""
        return await self._customers.find(namespace, name)

    async def has_user(self, namespace: str, name: str, user_id: str) -> bool:
        """Whether another account of the Customer already gives access to that user of Identity Center."""
        selector = f"spec.customerRef.name={name}"
        async for account in self._accounts.all(namespace, field_selector=selector, unreadable=lambda _: None):
            if account.status.sso_user_id == user_id:
                return True
        return False
