"""The text of an ignore file that is not saved yet: each answer is that after it is saved."""

from __future__ import annotations

from pathlib import Path

import pytest

import ctxsize
from ctxsize.engine.builders import BUILDERS
from tests.trees import Node, build_tree, file, hardlink, link

DOCKERFILE = file("Dockerfile", b"FROM scratch\nCOPY . .\n")
FILES = [DOCKERFILE, "a.log", file("src/a.py", b"1" * 300), "src/b.log", file("z", b"12")]
TREES: dict[str, list[str | Node]] = {
    "no ignore file": FILES,
    "an ignore file": [*FILES, file(".dockerignore", b"*.log\n")],
    "an ignore file that only others read": [*FILES, file(".dockerignore", b"a\n", mode=0o644)],
    "a link inside": [*FILES, link(".dockerignore", "src/rules"), file("src/rules", b"src\n")],
    "of the Dockerfile": [*FILES, file("Dockerfile.dockerignore", b"z\n")],
    "of podman": [*FILES, file(".containerignore", b"z\n")],
    "empty": [DOCKERFILE],
    "a further name": [*FILES, file(".dockerignore", b"z\n"), hardlink("same", "src/a.py")],
}
TEXTS = [
    b"",
    b"**/*.log\n",
    b"*\n!src\n",
    b".dockerignore\n.containerignore\n**/*.dockerignore\nsrc/rules\n",
    b"# " + b"x" * 40_000 + b"\nz\n",
    b"*\n!.dockerignore\n!**/*.log\n",
    b"\xef\xbb\xbfsrc\r\nz",
]


def place(context: Path, builder: str) -> Path:
    """Return the ignore file that an editor would save."""
    plan = ctxsize.plan_for(context, builder=builder)
    if plan.ignore_file is not None:
        return Path(plan.ignore_file.path)
    return context / plan.builder.ignore_file_names[-1]


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("tree", TREES)
def test_it_measures_what_is_measured_once_saved(
    tmp_path: Path, tree: str, text: bytes, builder: str
) -> None:
    context = build_tree(tmp_path / "ctx", TREES[tree])
    unsaved = ctxsize.measure(context, data=text, builder=builder)
    whole = ctxsize.measure(context, data=text, builder=builder, ignored=True)
    plan = ctxsize.plan_for(context, data=text, builder=builder)
    entries = [*ctxsize.ls(plan, ignored=True)]
    explained = ctxsize.explain(["src/a.py", "a.log", "z"], plan)
    place(context, builder).write_bytes(text)
    assert unsaved == ctxsize.measure(context, builder=builder)
    assert whole == ctxsize.measure(context, builder=builder, ignored=True)
    assert entries == [*ctxsize.ls(context, builder=builder, ignored=True)]
    assert explained == ctxsize.explain(["src/a.py", "a.log", "z"], context, builder=builder)


def test_an_ignore_file_in_another_directory(tmp_path: Path) -> None:
    nodes = [*FILES, file("build/Dockerfile", b"FROM scratch\nCOPY . .\n"), "build/y", "build.d/y"]
    ignored = file("build/Dockerfile.dockerignore", b"src\n")
    context = build_tree(tmp_path / "ctx", [*nodes, ignored])
    name = context / "build/Dockerfile"
    unsaved = ctxsize.measure(context, dockerfile=name, data=b"z\n*.log\n")
    (context / "build/Dockerfile.dockerignore").write_bytes(b"z\n*.log\n")
    assert unsaved == ctxsize.measure(context, dockerfile=name)


def test_an_ignore_file_beside_the_context(tmp_path: Path) -> None:
    nodes = [file("web/x", b"123"), "web/y", file("Dockerfile", b"FROM scratch\nCOPY . .\n")]
    root = build_tree(tmp_path / "all", [*nodes, file("Dockerfile.dockerignore", b"x\n")])
    unsaved = ctxsize.measure(root / "web", dockerfile=root / "Dockerfile", data=b"y\n")
    (root / "Dockerfile.dockerignore").write_bytes(b"y\n")
    assert unsaved == ctxsize.measure(root / "web", dockerfile=root / "Dockerfile")


def test_a_directory_of_that_name_stays_one(tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", [*FILES, ".dockerignore/x"])
    totals = ctxsize.measure(context, data=b"z\n").context.totals
    assert totals.content_bytes == ctxsize.measure(context).context.totals.content_bytes - 2


def test_a_named_context_is_as_on_disk(tmp_path: Path) -> None:
    text = b"FROM scratch\nCOPY --from=more . .\nCOPY . .\n"
    root = build_tree(tmp_path / "all", [file("ctx/Dockerfile", text), "more/x.log", "ctx/y.log"])
    build = ctxsize.Build(root / "ctx", build_contexts={"more": root / "more"})
    unsaved = ctxsize.measure(build, data=b"*.log\n")
    (root / "ctx/.dockerignore").write_bytes(b"*.log\n")
    assert unsaved == ctxsize.measure(build)


def test_suggestions_are_those_once_saved(tmp_path: Path) -> None:
    nodes = [*FILES, file("package.json", b"{}"), "node_modules/.yarn-integrity", ".git/HEAD"]
    context = build_tree(tmp_path / "ctx", [*nodes, file(".dockerignore", b".git\n")])
    unsaved = ctxsize.suggest(ctxsize.plan_for(context, data=b"node_modules\n"))
    (context / ".dockerignore").write_bytes(b"node_modules\n")
    assert unsaved == ctxsize.suggest(context)


def test_a_text_that_fails_the_build_is_an_error(tmp_path: Path) -> None:
    context = build_tree(tmp_path / "ctx", FILES)
    with pytest.raises(ctxsize.IgnoreFileError, match=r"\.dockerignore"):
        ctxsize.measure(context, data=b"a\n[\n")
    assert not (context / ".dockerignore").exists()
