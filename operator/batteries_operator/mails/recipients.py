"""To which address a Notification's mail goes, and whether it is still true."""

from datetime import timedelta

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now_exactly
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources
from batteries_crds.notification import Notification, NotificationKind
from batteries_operator.customers import payments
from batteries_operator.deadlines import notices


class NotToSendError(Exception):
    """The mail is not to be sent any more; the text says why."""


class Recipients:
    """Looks the owners up when a mail is about to be sent."""

    def __init__(
        self, customers: Resources[Customer], accounts: Resources[AwsAccount], grace: timedelta | None
    ) -> None:
        """`grace` is how long a payment method may be missing; None: for ever."""
        self._customers, self._accounts, self._grace = customers, accounts, grace

    async def of(self, notification: Notification) -> str:
        """The address.

        Raises:
            NotToSendError: there is nobody to mail, or what the mail says is not true any more.
            ApiException: Kubernetes can't say so now.
        """
        namespace, spec = notification.metadata.namespace, notification.spec
        account = None
        if spec.account_ref is not None:
            account = await self._accounts.find(namespace, spec.account_ref.name)
            if account is None or account.metadata.uid != spec.account_ref.uid or account.is_deleted:
                raise NotToSendError("The AwsAccount does not exist any more.")
            if (why := notices.why_not_to_send(spec, account)) is not None:
                raise NotToSendError(why)
        if notification.customer is None:
            return (account.spec.email if account is not None else None) or ""
        customer = await self._customers.find(namespace, notification.customer)
        if customer is None:
            raise NotToSendError("The Customer does not exist any more.")
        if spec.kind is NotificationKind.CONFIRM_EMAIL and customer.is_confirmed:
            raise NotToSendError("The address is confirmed already.")
        if (why := payments.why_not_to_send(spec, customer, self._grace, utc_now_exactly())) is not None:
            raise NotToSendError(why)
        return spec.to or customer.spec.email
