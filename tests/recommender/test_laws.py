"""Laws over random trees, Dockerfiles and ignore files.

No suggestion ever hides a path that a Dockerfile takes by name; what was
predicted is what is measured after writing; a second run has nothing to add.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from ctxsize import api
from ctxsize.errors import CtxsizeError
from ctxsize.recommender.outcome import Advice
from tests.recommender.projects import TAG
from tests.recommender.test_suggest import measured, sent
from tests.trees import Node, build_tree, file, link

DIRECTORIES = [
    "",
    "a",
    "b",
    "a/b",
    "services/x",
    "target",
    "a/target/debug",
    "node_modules",
    "docs",
]
FILES: list[str | bytes] = [
    "main.rs",
    "index.js",
    "x.pyc",
    ".env",
    "README.md",
    "app.log",
    "lib.so",
]
MARKERS: dict[str, bytes] = {
    "Cargo.toml": b"[package]\n",
    "package.json": b"{}",
    "CACHEDIR.TAG": TAG,
    "pyvenv.cfg": b"home\n",
    ".gitignore": b"*\n",
    "mix.exs": b"",
    "pom.xml": b"<project/>",
}
ARTEFACTS = ["target", "node_modules", ".venv", "deps", "_build", "docs", ".idea", "build"]
PATTERNS = [
    "*",
    "!a",
    "!**/*.rs",
    "target",
    "**/node_modules",
    "!target/debug",
    "*.log",
    "a/*",
    "!b",
]
COMMANDS = ["cargo build", "npm ci && npm run build", "mix deps.get", "make", "true"]

directories = st.sampled_from(DIRECTORIES)


@st.composite
def nodes(draw: st.DrawFn) -> list[str | Node]:
    found: dict[str, str | Node] = {}
    for _ in range(draw(st.integers(2, 10))):
        where, kind = draw(directories), draw(st.integers(0, 3))
        prefix = f"{where}/" if where else ""
        if kind == 0:
            name = draw(st.sampled_from(sorted(MARKERS)))
            found[prefix + name] = file(prefix + name, MARKERS[name])
        elif kind == 1:
            inner = f"{prefix}{draw(st.sampled_from(ARTEFACTS))}/{draw(st.sampled_from(FILES))}"
            found[inner] = file(inner, size_bytes=draw(st.integers(1, 3_000_000)))
        elif kind == 2:
            name = prefix + str(draw(st.sampled_from(FILES)))
            found[name] = file(name, b"A=b\n")
        else:
            found[f"{prefix}to"] = link(f"{prefix}to", draw(st.sampled_from(ARTEFACTS)))
    return [*found.values()]


sources = st.one_of(
    st.sampled_from([".", "a", "b/", "*", "*.rs", "services/*/target", "to", "docs/*", "./a/b"]),
    st.builds(
        "/".join,
        st.lists(st.sampled_from(["a", "target", "deps", "*", ".env"]), min_size=1, max_size=3),
    ),
    st.builds(
        lambda where, name: f"{where or '.'}/{name}", directories, st.sampled_from(ARTEFACTS)
    ),
)


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    lines = []
    for at in range(draw(st.integers(1, 3))):
        lines.append(f"FROM base.invalid/x AS s{at}")
        for source in draw(st.lists(sources, min_size=1, max_size=3)):
            mount = f"RUN --mount=type=bind,source={source},target=/m true"
            lines.append(
                mount if draw(st.booleans()) and "*" not in source else f"COPY {source} /d/"
            )
        lines.append(f"RUN {draw(st.sampled_from(COMMANDS))}")
    return "\n".join(lines) + "\n"


def taken_by_name(root: Path, dockerfile: str) -> set[str]:
    """The entries that its sources name, looked up on disk; symlinks are left to the proof."""
    named = re.findall(r"^COPY (\S+)|source=([^,]+)", dockerfile, re.M)
    found: set[str] = set()
    for source in map("".join, named):
        clean = source.removeprefix("./").strip("/")
        if clean not in ("", "."):
            found |= {str(path.relative_to(root)) for path in root.glob(clean)}
    return found


def everything(root: Path) -> set[str]:
    from ctxsize.engine.report import Listing
    from tests.resolving import resolve

    return {each.path for each in Listing(resolve(str(root)))}


def suggested(root: Path, **options: bool) -> Advice:
    return api.suggest(str(root), **options)  # type: ignore[arg-type]


@pytest.mark.fuzz
@given(
    nodes(),
    dockerfiles(),
    st.one_of(st.none(), st.lists(st.sampled_from(PATTERNS), max_size=4)),
    st.booleans(),
)
def test_no_suggestion_breaks_a_build(
    tree: list[str | Node], dockerfile: str, patterns: list[str] | None, unsafe: bool
) -> None:
    own = [] if patterns is None else [file(".dockerignore", "\n".join(patterns).encode())]
    with tempfile.TemporaryDirectory() as place:
        try:
            root = build_tree(
                Path(place) / "ctx", [*tree, file("Dockerfile", dockerfile.encode()), *own]
            )
        except (OSError, ValueError):
            event("no such tree")
            return
        try:
            predicted = suggested(root, unsafe=unsafe)
        except CtxsizeError as error:
            event(f"no build: {type(error).__name__}")
            return
        event(f"suggestions: {sum(each.chosen for each in predicted.suggestions)}")
        event(f"blocked by: {sorted({each.trap for each in predicted.blocked})}")
        before = everything(root)
        advice = suggested(root, unsafe=unsafe, write=True)
        after = everything(root)
        lost = taken_by_name(root, dockerfile) & before - after
        assert lost == set()
        assert advice.after == predicted.after
        assert (advice.after.context, advice.after.transfer) == measured(root)
        hidden = {path for each in predicted.suggestions if each.chosen for path in each.paths}
        for path in before - after:
            assert any(path == each or path.startswith(f"{each}/") for each in hidden)
        again = suggested(root)
        assert [each.patterns for each in again.suggestions if each.safe] == []
        assert sent(root) == {
            path for path in after if not (root / path).is_dir() or (root / path).is_symlink()
        }
