"""Reads a program's settings from its environment, and refuses wrong ones at the start.

A refusal names the variable and says what it must be; no message shows a value, because it may be a secret.
"""

import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import AliasChoices, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

from batteries_crds.runtime.environment import BLANK, WrongEnvironmentError, prepare

S = TypeVar("S", bound=BaseSettings)


class FromEnvironment(BaseSettings):
    """Settings without whitespace around their values, whatever their type.

    A setting `x` with a companion `x_file` may also be given as a file, which is read once, at the start.
    """

    @model_validator(mode="before")
    @classmethod
    def _tidied(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        tidied = {name: value.strip(BLANK) if isinstance(value, str) else value for name, value in given.items()}
        for name in cls.model_fields:
            if f"{name}_file" in cls.model_fields:
                cls._fill_from_file(tidied, name)
        return tidied

    @classmethod
    def _fill_from_file(cls, given: dict[str, Any], name: str) -> None:
        """Replaces `name` by the text of the file that `name`_file names, if any."""
        (variable, value), (file_variable, file) = cls._look_up(given, name), cls._look_up(given, f"{name}_file")
        if not file:
            return
        if value:
            raise ValueError(f"{variable} and {file_variable} are both set. Unset one of them.")
        given[variable] = read_credential(file_variable, str(file))

    @classmethod
    def _look_up(cls, given: dict[str, Any], name: str) -> tuple[str, Any]:
        """The name of the field's variable, and its value under whichever of its names it was given."""
        alias = cls.model_fields[name].validation_alias
        names = [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [name]
        return names[0], next((given[one] for one in names if given.get(one)), None)


def read_credential(variable: str, path: str) -> str:
    """The text of the file that an environment variable names, without whitespace around it.

    Raises:
        ValueError: there is none; the sentence names the variable, and the path unless it is none.
    """
    if not path.startswith("/"):  # it may be the credential itself, so it is not shown
        raise ValueError(f"{variable} must be the absolute path of a file, beginning with /.")
    try:
        text = Path(path).read_text(encoding="utf-8").strip(BLANK)
    except OSError as error:
        raise ValueError(
            f"{variable} names {path}, which can't be read: {error.strerror}. Mount the Secret there, readable to this "
            "program's user, or correct the path."
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f"{variable} names {path}, which is not text. Name the file with the credential.") from None
    if not text:
        raise ValueError(f"{variable} names {path}, which is empty. Write the credential into it.")
    return text


def read_settings(model: type[S]) -> S:
    """The program's settings; first prepares the environment for every client of the process.

    Raises:
        WrongEnvironmentError: a variable is wrong.
    """
    prepare(os.environ)
    try:
        return model()
    except ValidationError as error:
        raise WrongEnvironmentError(_sentence(model, each) for each in error.errors(include_input=False)) from None


def _sentence(model: type[BaseSettings], wrong: ErrorDetails) -> str:
    """What is wrong with one setting. Our own validators name the variable themselves."""
    if not wrong["loc"]:
        return wrong["msg"].removeprefix("Value error, ")
    name = str(wrong["loc"][0])
    variable = f"{model.model_config.get('env_prefix', '')}{name}".upper() if name in model.model_fields else name
    message = wrong["msg"].removeprefix("Value error, ")
    for subject in ("Input should ", "String should ", "URL should "):
        if message.startswith(subject):
            return f"{variable} must {message.removeprefix(subject)}."
    return f"{variable}: {message}."
