"""Whole reports over described contexts, held against the files in `golden/`.

`make pages` renews them; then read the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.engine.build_options import platforms_of
from ctxsize.formats import Look, render
from tests.contexts import CONTEXTS
from tests.formats.golden import GOLDEN, held
from tests.trees import build_tree

NAMED = {
    "build_contexts": {"lib": "lib", "far": "docker-image://alpine:3", "spare": "src"},
    "platforms": ("linux/amd64,linux/arm64",),
}
CASES = {
    "rust.txt": ("rust", {}, Look()),
    "rust-60.txt": ("rust", {}, Look(width=60)),
    "rust-120.txt": ("rust", {}, Look(width=120)),
    "rust-colour.txt": ("rust", {}, Look(colour=True)),
    "rust.json": ("rust", {}, Look()),
    "node.txt": ("node", {}, Look()),
    "node-ignored.txt": ("node", {"ignored": True}, Look()),
    "node-by-pattern.txt": ("node", {"ignored": True}, Look(only="pattern", top=30)),
    "node-by-ext.txt": ("node", {}, Look(only="ext", top=30)),
    "node-by-dir.txt": ("node", {}, Look(only="dir", top=30)),
    "node-by-file.txt": ("node", {}, Look(only="file", top=30)),
    "node-ignored.json": ("node", {"ignored": True}, Look()),
    "node-classic.txt": ("node", {"builder": "classic"}, Look()),
    "node-podman.txt": ("node", {"builder": "podman"}, Look()),
    "traps.txt": ("traps", {}, Look()),
    "traps.json": ("traps", {}, Look()),
    "names.txt": ("names", {}, Look()),
    "names.json": ("names", {}, Look()),
    "app.txt": ("app", NAMED, Look()),
    "app.json": ("app", NAMED, Look()),
    "app.md": ("app", NAMED, Look()),
    "hidden.txt": ("hidden", {}, Look()),
    "empty.txt": ("empty", {}, Look()),
}


@pytest.mark.parametrize("name", CASES)
def test_report(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, options, look = CASES[name]
    monkeypatch.chdir(build_tree(tmp_path / "ctx", CONTEXTS[context]))
    report = api.measure(top=look.top, **options)
    format_name = {"json": "json", "md": "markdown"}.get(name.rpartition(".")[2], "text")
    (own,) = platforms_of(api.plan_for().build)
    held(name, render(format_name, report, look).replace(own, "linux/amd64"))


def test_no_golden_file_is_left_over() -> None:
    # Other tests of formats name theirs as a literal.
    texts = [path.read_text() for path in GOLDEN.parent.parent.rglob("test_*.py")]
    for path in GOLDEN.iterdir():
        assert any(f'"{path.name}"' in text for text in texts), path.name
