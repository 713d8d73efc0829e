"""The OU of an account: Customers, or an OU in it where there are profiles. Pure."""

from dataclasses import dataclass

from batteries_operator.runtime.floor_choice import DEFAULT_PROFILE
from batteries_operator.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """An OU, by its name and that of the OU that it is in; an empty one is the root."""

    name: str
    under: str = ""

    def __str__(self) -> str:
        return f"{self.under}/{self.name}" if self.under else self.name


class UnknownProfileError(Exception):
    """The settings describe no profile of that name; the text says which there are."""


def customers(settings: Settings) -> Place:
    """The OU of all active accounts, whatever their profile."""
    return Place(settings.customers_ou_name)


def places(settings: Settings) -> dict[str, Place]:
    """The OU of the accounts of each profile.

    An SCP further up can't be widened further down. So where there are profiles, what they choose is not on the
    Customers OU: each has an OU in it, and so have the accounts without a profile.
    """
    if not settings.profile_names:
        return {DEFAULT_PROFILE: customers(settings)}
    every = (DEFAULT_PROFILE, *settings.profile_names)
    return {name: Place(name, settings.customers_ou_name) for name in every}


def place_of(settings: Settings, profile: str | None) -> Place:
    """The OU of an account with that `spec.policyProfile`.

    Raises:
        UnknownProfileError: there is no such profile.
    """
    every = places(settings)
    found = every.get(profile or DEFAULT_PROFILE)
    if found is None:
        named = ", ".join(every)
        raise UnknownProfileError(
            f"There is no policy profile {profile!r}; there are: {named}. Set spec.policyProfile to one of them, or "
            "have the platform team describe it in BATTERIES_POLICY_PROFILES and run `batteries-operator bootstrap`."
        )
    return found
