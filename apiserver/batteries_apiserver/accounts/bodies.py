"""The bodies of POST and PATCH: what they say about repositories, and about the account's end."""

from typing import ClassVar, Self

from pydantic import ConfigDict, model_validator

from batteries_apiserver.accounts.repositories import TWO_LISTS, RepositoryBody
from batteries_apiserver.accounts.times import ChangedTimes, NewTimes


class NewAccount(NewTimes, RepositoryBody):
    """POST /accounts. All fields are optional."""

    model_config = ConfigDict(json_schema_extra={"not": {"anyOf": [TWO_LISTS, {"required": ["ttl", "expiresAt"]}]}})
    added: ClassVar[frozenset[str]] = NewTimes.added | RepositoryBody.added


class AccountChange(ChangedTimes, RepositoryBody):
    """PATCH /accounts/{id}. What is absent stays as it is."""

    model_config = ConfigDict(json_schema_extra={"not": TWO_LISTS, "minProperties": 1})

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            *names, last = (field.alias or name for name, field in type(self).model_fields.items())
            raise ValueError(f"Send what is to change: {', '.join(names)} or {last}.")
        return self

    @property
    def is_about_repositories(self) -> bool:
        """Whether it changes who may deploy, or where from."""
        return bool(self.model_fields_set & RepositoryBody.model_fields.keys())
