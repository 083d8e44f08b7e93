"""The forms with which people report something."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import validate

from tests.oracles.schemas import published

FORMS = Path(__file__).parents[2] / ".github/ISSUE_TEMPLATE"
CHOOSER = "GitHub issue template chooser config file schema"


@pytest.mark.parametrize("path", sorted(FORMS.iterdir()), ids=lambda path: path.name)
def test_forms_are_as_github_reads_them(path: Path) -> None:
    name = CHOOSER if path.name == "config.yml" else "GitHub issue forms config file schema"
    validate(yaml.safe_load(path.read_text()), published(name))
