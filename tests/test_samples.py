"""Examples of functions, in `samples.doctest`: a heading names the module."""

from __future__ import annotations

from doctest import DocTestParser, DocTestRunner
from importlib import import_module
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).with_name("samples.doctest").read_text("utf-8").split("# ctxsize.")[1:]


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: str(text.split()[0]))
def test_examples_hold(text: str) -> None:
    name, _, examples = text.partition("\n")
    module = import_module(f"ctxsize.{name}")
    test = DocTestParser().get_doctest(examples, {**vars(module)}, name, None, None)
    assert test.examples
    assert DocTestRunner().run(test).failed == 0
