"""One version for the package, the image and the chart, wherever it is written."""

import re
import tomllib
from collections.abc import Callable

import pytest
import yaml

from batteries_apiserver.main import main as apiserver
from batteries_operator.cli.main import main as operator
from batteries_sandbox.paths import CHECKOUT

VERSION: str = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
PAGES = sorted((*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")))


def test_the_chart_and_the_image_it_takes_have_the_packages_version() -> None:
    chart = yaml.safe_load((CHECKOUT / "helm" / "ai-batteries-included" / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)


def test_the_lock_has_the_packages_version() -> None:
    packages = tomllib.loads((CHECKOUT / "uv.lock").read_text())["package"]
    assert [each["version"] for each in packages if each["name"] == "ai-batteries-included"] == [VERSION]


@pytest.mark.parametrize(("name", "main"), [("batteries-operator", operator), ("batteries-apiserver", apiserver)])
def test_a_program_says_its_version(
    name: str, main: Callable[[], int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", [name, "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{name} {VERSION}\n"


def test_pages_name_images_of_this_version() -> None:
    named = {found for page in PAGES for found in re.findall(r"/ai-batteries-included:(\d[\w.]*)", page.read_text())}
    assert named == {VERSION}


def test_the_readme_says_which_version_it_is_of() -> None:
    assert f"\nVersion {VERSION} " in (CHECKOUT / "README.md").read_text()


def test_the_changelogs_newest_release_is_this_version_below_what_is_unreleased() -> None:
    headings = re.findall(r"^## (\S+)", (CHECKOUT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["Unreleased", VERSION]
