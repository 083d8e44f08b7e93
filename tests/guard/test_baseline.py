"""The baseline file: read back as written, in a stable order, and refused when it is none."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.errors import InputError
from ctxsize.formats.json import schema
from ctxsize.guard import baseline
from ctxsize.guard.baseline import Known, of_files, worth_keeping
from ctxsize.model import Amount
from tests.formats.test_schema import closed


def entry(known: Known, transfer: Amount | None) -> Known:
    return replace(known, builder="buildkit", transfer=transfer)


PARTS = (
    st.binary(min_size=1, max_size=6)
    .map(lambda part: os.fsdecode(part.translate(None, b"\0/")))
    .filter(lambda part: part not in ("", ".", ".."))
)
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.integers(0, 10**12), max_size=8)
ENTRIES = st.builds(
    lambda files, transfer: entry(worth_keeping(of_files(files), directories=3, files=3), transfer),
    FILES,
    st.none() | st.builds(Amount, st.integers(0, 9), st.integers(0, 9)),
)


@given(st.dictionaries(st.text(max_size=5), ENTRIES, max_size=3))
def test_a_baseline_reads_back_as_written(contexts: dict[str, Known]) -> None:
    text = baseline.text(contexts)
    assert text.isascii()
    jsonschema.validate(json.loads(text), closed(schema("baseline")))
    path = Path(os.environ["PYTEST_BASELINE"])
    path.write_text(text)
    assert baseline.read(str(path)) == contexts
    assert baseline.text(dict(reversed(contexts.items()))) == text


@pytest.fixture(autouse=True, scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["PYTEST_BASELINE"] = str(tmp_path_factory.mktemp("baseline") / "file.json")


def test_the_baseline_has_a_line_for_each_directory_and_file() -> None:
    known = of_files({"src/a.c": 5, "src/b.c": 7, "x": 1})
    assert '        "src": [12, 2]\n' in baseline.text({".": entry(known, Amount(3, 13))})


GOOD = json.loads(baseline.text({"a": entry(of_files({"d/f": 3}), Amount(1, 3))}))


def without(*keys: str, **changes: object) -> bytes:
    entry = {**GOOD["contexts"]["a"], **changes}
    return json.dumps(
        {"version": 1, "contexts": {"a": {k: v for k, v in entry.items() if k not in keys}}}
    ).encode()


CORRUPT = [
    (b"", "is no baseline: Expecting value"),
    (b"{", "is no baseline: Expecting"),
    (b"\xff\xfe", "is no baseline: "),
    (b"[]", "is no baseline: "),
    (b"{}", "is no baseline: "),
    (b'{"version": true, "contexts": {}}', "is no baseline: "),
    (b'{"version": 2, "contexts": {}}', "version 2, which this ctxsize cannot read"),
    (b'{"version": 1}', "is no baseline: "),
    (b'{"version": 1, "contexts": {"a": 3}}', "is no baseline: "),
    (without("directories"), "is no baseline: "),
    (without("builder"), "is no baseline: "),
    (without("content_bytes"), "is no baseline: a part is missing or unknown"),
    (without(content_bytes=-1), "-1 is no number"),
    (without(files=1.5), "1.5 is no number"),
    (without(directories={"d": [1]}), "is no baseline: "),
    (without(largest_files={"d": "x"}), "'x' is no number"),
    (b"[" * 100_000, "is no baseline"),
    (b"<<<<<<< HEAD\n{}", "is no baseline"),
]


@pytest.mark.parametrize(("data", "message"), CORRUPT)
def test_what_is_no_baseline_is_refused(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"b\.json") as caught:
        baseline.read(str(path))
    assert message in str(caught.value)


def test_a_missing_baseline_names_the_option_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such baseline .*--update-baseline"):
        baseline.read(str(tmp_path / "nope"))
    with pytest.raises(InputError, match=r"cannot be read"):
        baseline.read(str(tmp_path))
