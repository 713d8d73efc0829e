"""Files and folders that the environment names: each must be what it is named for."""

from pathlib import Path

import pytest

from batteries_crds.base import EPOCH
from batteries_crds.runtime.environment import WrongEnvironmentError, prepare

FOLDERS = "SSL_CERT_DIR must name readable folders of certificates, separated by colons; it does not."


def refused(**environ: str) -> str:
    with pytest.raises(WrongEnvironmentError) as error:
        prepare(environ)
    return str(error.value)


def test_each_folder_of_certificates_must_be_a_folder(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for wrong in (program, tmp_path / "absent"):
        assert FOLDERS in refused(SSL_CERT_DIR=str(wrong))
        assert FOLDERS in refused(SSL_CERT_DIR=f"{tmp_path}:{wrong}")
        assert FOLDERS in refused(SSL_CERT_DIR=f"{wrong}:{tmp_path}")


def test_folders_are_separated_by_colons_and_empty_ones_are_none(tmp_path: Path) -> None:
    for right in (str(tmp_path), f"{tmp_path}:{tmp_path}", f":{tmp_path}:", ""):
        prepare({"SSL_CERT_DIR": right})


def test_a_folder_is_no_file_of_certificates_and_neither_is_any_text(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no certificate")
    for wrong in (tmp_path, text, tmp_path / "absent"):
        for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            said = f"{name} must name a readable file of certificates in PEM form; it does not."
            assert said in refused(**{name: str(wrong)})


@pytest.mark.parametrize(
    "name",
    [
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ],
)
def test_a_file_of_credentials_must_be_one_that_can_be_read(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("HOME", str(tmp_path))
    for right in (str(file), "~/file", ""):
        prepare({name: right})
    said = f"{name} must name a file that this program can read; it does not: "
    assert f"{said}No such file or directory." in refused(**{name: str(tmp_path / "absent")})
    assert f"{said}Is a directory." in refused(**{name: str(tmp_path)})


def test_only_the_programs_own_variables_lose_the_blanks_around_them() -> None:
    environ = {"AWS_REGION": " eu-central-1\n", "batteries_x": "\ty ", "https_proxy": " http://p:1 ", "OTHER": " z "}
    prepare(environ)
    assert environ == {"AWS_REGION": "eu-central-1", "batteries_x": "y", "https_proxy": "http://p:1", "OTHER": " z "}


def test_an_unknown_time_is_unix_zero() -> None:
    assert EPOCH.timestamp() == 0
