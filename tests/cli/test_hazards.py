"""What breaks or spoils a build, on the first screen, in `lint` and in `check`, with the remedy."""

from __future__ import annotations

from tests.cli.conftest import Cli
from tests.lints.test_hazards import PYTHON, README, SILENT, SPEAKS, Plant, Row, plant, project

__all__ = ["plant"]

HIDDEN = Row(
    PYTHON.format("COPY . .\nRUN uv sync"),
    {"pyproject.toml": project(README), "README.md": "x"},
    ignored="*.md\n",
)


def test_a_readme_hidden_by_a_pattern_is_on_every_screen(plant: Plant, cli: Cli) -> None:
    root = str(plant(HIDDEN))
    message = "ignores README.md, which pyproject.toml:4 needs, so the build fails"
    for command, code in (([], 0), (["lint"], 1), (["check", "--max", "1GB"], 0)):
        run = cli(*command, root)
        assert run.code == code
        assert message in " ".join(run.out.split())
        assert "!README.md" in run.out


def test_the_first_screen_says_what_breaks_and_how_to_mend_it(plant: Plant, cli: Cli) -> None:
    text = " ".join(cli(str(plant(SPEAKS["tsc"]))).out.split())
    assert "Breaks: tsconfig.tsbuildinfo is sent, but not dist/" in text
    assert "add `**/*.tsbuildinfo` to the ignore file: ctxsize suggest --write" in text
    assert "Breaks" not in cli(str(plant(SILENT["all before"]))).out


def test_check_prints_the_remedy_and_passes(plant: Plant, cli: Cli) -> None:
    run = cli("check", "--max", "1GB", str(plant(SPEAKS["uv sync"])))
    assert run.code == 0
    text = " ".join(run.out.split())
    assert "add README.md to the COPY before it" in text
    assert "`uv sync --no-install-project`" in text
