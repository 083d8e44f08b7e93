"""The figures of a page are those of `measure`, of `suggest`, and of a trial of any choice."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from ctxsize import api
from ctxsize.build import Build
from ctxsize.engine.filesystem import MemoryDirectory
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import includes_of
from ctxsize.engine.trial import Trial, planned
from ctxsize.errors import CtxsizeError
from ctxsize.model import Amount
from ctxsize.page import html, picture
from ctxsize.page.nodes import ClassAmount, Leaf
from ctxsize.page.nodes import nodes as nodes_of
from ctxsize.recommender.outcome import Advice, Size, Suggestion
from ctxsize.writer import merge
from tests.contexts import CONTEXTS
from tests.picture.evaluating import figures, leaves, text
from tests.recommender.test_laws import PATTERNS, dockerfiles, nodes
from tests.trees import Node, build_tree, file, hardlink, link

BUILDERS = ["buildkit", "classic", "podman"]
RUST = [
    *("Cargo.toml", "src/main.rs", "target/release/app", "target/quarkus-app/lib/x.jar"),
    file("target/debug/x.rlib", size_bytes=5_000_000),
    file("tools/Cargo.toml", b"[package]\n"),
    file("tools/target/y", size_bytes=4_000_000),
]
NODE = [
    file("package.json", b"{}"),
    file("node_modules/.package-lock.json", b"{}"),
    *(file(f"node_modules/{name}/index.js", size_bytes=900_000) for name in "xyz"),
]
MORE = [
    *(".idea/workspace.xml", "docs/a.md", ".pytest_cache/README.md", "src/.env"),
    file(".env", b"KEY=1\n"),
    file("tools/.env", b"KEY=2\n"),
]
GIT = [
    *(".git/HEAD", ".git/config", ".git/refs/heads/"),
    file(".git/objects/pack/pack-1.pack", size_bytes=3_000_000),
]
BUILDS = b"FROM rust\nCOPY . .\nRUN cargo build\nRUN npm ci\n"
TAKES = BUILDS + b"FROM a\nCOPY target/release/app target/quarkus-* node_modules/x/index.js /d/\n"
SOME = b"FROM rust\nCOPY package.json node_modules/x Cargo.toml ./\nRUN cargo build\n"
BLOCK = b"# >>> ctxsize\n# Editors\n.vscode\n# <<< ctxsize\n"
LINKS = [
    hardlink("src/again", "target/debug/x.rlib"),
    hardlink("tools/target/z", "node_modules/z/index.js"),
    hardlink("tools/target/w", "tools/target/y"),
    link("target/l", "debug"),
]
TREES: dict[str, tuple[bytes | None, bytes, Sequence[str | Node]]] = {
    "new-file": (None, BUILDS, [*RUST, *NODE, *MORE, *GIT]),
    "part": (b"*.md\n", SOME, [*RUST, *NODE, *MORE, "README.md"]),
    "exceptions": (b"*.log\n", TAKES, [*RUST, *NODE, *MORE]),
    "exceptions-before": (b"*\n!target\n!tools\n!node_modules\n!src", TAKES, [*RUST, *NODE]),
    "own-block": (BLOCK + b"logs\n", TAKES, [*RUST, *NODE, *MORE]),
    "own-block-last": (b"logs\n\n" + BLOCK, TAKES, [*RUST, *NODE, *MORE]),
    "no-end": (b"*.md\r\nlogs", TAKES, [*RUST, *NODE, *MORE]),
    "crlf": (b"\xef\xbb\xbf*.md\r\n# caf\xe9\r\n", TAKES, [*RUST, *NODE, *MORE]),
    "hard-links": (None, TAKES, [*RUST, *NODE, *MORE, *LINKS]),
    "hard-links-in-part": (None, SOME, [*RUST, *NODE, *MORE, *LINKS]),
    "arrives-empty": (b"tools\n!tools/target/y\n", TAKES, [*RUST, *NODE, *MORE]),
    "hidden-itself": (b".dockerignore\n", TAKES, [*RUST, *NODE, *MORE]),
}


def page_of(outcome: Any) -> Any:
    return json.loads(json.dumps(picture.page(outcome, None)))["maps"][0]


def pair(amount: Amount | None) -> tuple[int, int] | None:
    return None if amount is None else (amount.content_bytes, amount.files)


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("context", CONTEXTS)
def test_totals_are_those_of_measure(
    context: str, builder: str, ignored: bool, tmp_path: Path
) -> None:
    root = str(build_tree(tmp_path / "ctx", CONTEXTS[context]))
    build = Build(root, builder=builder)
    glance = api.glance(build, ignored=ignored)
    report = glance.report
    shown, transfer = page_of(glance), report.transfer
    assert figures(shown) == {
        "context": pair(Amount.of(report.context.totals)),
        "transfer": pair(transfer and Amount.of(transfer)),
    }
    kept_out = {one: 0 for one, each in enumerate(shown["classes"]) if each["fate"] == "ignored"}
    by_pattern: dict[str, tuple[int, int]] = {}
    for leaf in leaves(shown["tree"]):
        for at, size, files in leaf[2]:
            if at in kept_out:
                name = shown["patterns"][shown["classes"][at]["by"]]
                before = by_pattern.get(name, (0, 0))
                by_pattern[name] = before[0] + size, before[1] + files
    assert (
        by_pattern
        == {
            f"{each.name} (line {each.line})" if each.line else each.name: (
                each.content_bytes,
                each.files,
            )
            for each in report.context.ignored.by_pattern
        }
        or not ignored
    )


def planted(name: str, root: Path, builder: str) -> Advice:
    ignores, dockerfile, nodes = TREES[name]
    files = [file("Dockerfile", dockerfile), *nodes]
    files += [] if ignores is None else [file(".dockerignore", ignores)]
    return api.suggest(str(build_tree(root / "ctx", files)), builder=builder)


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("name", TREES)
def test_any_choice_has_the_figures_and_the_text_of_a_trial(
    name: str, builder: str, tmp_path: Path
) -> None:
    advice = planted(name, tmp_path, builder)
    assert advice.suggestions or builder == "podman"
    is_exact(advice)


@pytest.mark.fuzz
@given(
    nodes(),
    dockerfiles(),
    st.one_of(st.none(), st.lists(st.sampled_from(PATTERNS), max_size=4)),
    st.sampled_from(BUILDERS),
)
def test_any_choice_is_exact_for_random_contexts(
    tree: list[str | Node], dockerfile: str, patterns: list[str] | None, builder: str
) -> None:
    own = [] if patterns is None else [file(".dockerignore", "\n".join(patterns).encode())]
    files = [*tree, file("Dockerfile", dockerfile.encode()), *own]
    with tempfile.TemporaryDirectory() as place:
        try:
            advice = api.suggest(str(build_tree(Path(place) / "ctx", files)), builder=builder)
        except (OSError, ValueError, CtxsizeError) as error:
            event(f"no build: {type(error).__name__}")
            return
        event(f"suggestions: {len(advice.suggestions)}")
        is_exact(advice)


def is_exact(advice: Advice) -> None:
    """Compare the page with what was proved, and with trials of other choices."""
    shown = page_of(advice)
    made, snapshot, before = advice.suggestions, advice.snapshot, advice.before
    assert snapshot is not None
    assert figures(shown) == {"context": pair(before.context), "transfer": pair(before.transfer)}
    chosen, after = {at for at, each in enumerate(made) if each.chosen}, advice.after
    proved = {"context": pair(after.context), "transfer": pair(after.transfer)}
    assert figures(shown, chosen) == proved
    if advice.edit is not None:
        assert text(shown, chosen) == shown_text(advice.edit.after)
    for some in choices(len(made)) if made else []:
        data = written(snapshot, [made[at] for at in some])
        assert text(shown, some) == shown_text(data)
        assert figures(shown, some) == tried(snapshot, data, shown["before"]["transfer"]), some


def shown_text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def choices(count: int) -> list[list[int]]:
    every, rng = [*range(count)], random.Random(1)
    found = [[each] for each in every] + [every]
    return found + [sorted(rng.sample(every, rng.randint(1, count))) for _ in range(12)]


def written(snapshot: Snapshot, chosen: list[Suggestion]) -> bytes:
    """What `suggest --write` writes for a choice."""
    chosen = sorted(chosen, key=lambda each: each.patterns[-1].startswith("!"))
    pattern_class = snapshot.plan.builder.spec_class.pattern_class
    additions = [line for each in chosen for line in each.additions]
    return merge(snapshot.plan.ignore_file, additions, pattern_class=pattern_class)


def tried(snapshot: Snapshot, data: bytes, transfer: object) -> dict[str, Any]:
    trial = Trial(planned(snapshot))
    attempt = trial.attempt(data)
    includes = [] if transfer is None else includes_of(snapshot.plan)
    _, context, *moved = trial.after(attempt, [None, *includes])
    sent = None if transfer is None else Amount.of(*moved)
    return {"context": pair(Amount.of(context)), "transfer": pair(sent)}


def test_page_stays_small_whatever_the_context(tmp_path: Path) -> None:
    build = Build(str(build_tree(tmp_path / "ctx", ["Dockerfile"])))
    rng = random.Random(1)
    root = MemoryDirectory("", {f"<{'&' * 100}{at}": at for at in range(5_000)})
    for number in range(400):
        at = root
        for depth in range(rng.randint(1, 100)):
            name = "x" * depth or f"directory-{number}"
            entries = {f"file-{one}\u202e.js": rng.randint(0, 20_000) for one in range(depth % 9)}
            at.folders[name] = MemoryDirectory(at.prefix + name, entries)
            at = at.folders[name]
    for held in reversed([*root.tree()]):
        held.add_up()
    snapshot = Snapshot(api.plan_for(build), root, ())
    shown = picture._map(snapshot, Size(Amount.of(snapshot.sent()), None))
    assert len(html.render({"title": "large", "maps": [shown]})) < 300_000
    assert figures(json.loads(json.dumps(shown)))["context"] == pair(Amount.of(snapshot.sent()))


def test_loop_of_links_stops_no_page(tmp_path: Path) -> None:
    text = b"FROM scratch\nCOPY . /a\nCOPY loop /b\nCOPY " + b"x" * 200 + b" /c\n"
    nodes = [file("Dockerfile", text), link("loop", "loop"), "x"]
    build = Build(str(build_tree(tmp_path / "ctx", nodes)))
    assert page_of(api.glance(build))["instructions"][1] == "COPY loop (line 3)"


@pytest.mark.parametrize("platforms", [(), ("linux/amd64", "linux/arm64")])
def test_what_an_instruction_takes_travels(platforms: tuple[str, ...], tmp_path: Path) -> None:
    """Also a file with further names, one that arrives empty, and one that travels twice."""
    text = b"FROM scratch\nARG TARGETARCH\nCOPY . .\nCOPY $TARGETARCH* /a\n"
    if platforms:
        text = b"FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH Dockerfile docs shared w /a/\n"
    names = ("amd64", "shared", "w/src/y")
    nodes = [file(each, size_bytes=700 + at) for at, each in enumerate(names)]
    links = [file("arm64", b"1"), hardlink("docs/shared", "shared"), file("Dockerfile", text)]
    build = Build(str(build_tree(tmp_path / "ctx", [*nodes, *links])), platforms=platforms)
    glance = api.glance(build)
    report = glance.report
    shown = page_of(glance)
    classes, fates = shown["classes"], set[str]()
    for leaf in leaves(shown["tree"]):
        first, *more = (classes[each[0]] for each in leaf[2])
        assert first["fate"] == "travels", leaf
        assert first["takers"], leaf
        fates |= {each["fate"] for each in more}
    assert fates == ({"transfer"} if platforms else set())
    moved = Amount.of(*report.transfers)
    assert figures(shown) == {
        "context": pair(Amount.of(report.context.totals)),
        "transfer": pair(moved),
    }


def test_page_says_what_makes_the_build_fail(tmp_path: Path) -> None:
    text = b"FROM scratch\nCOPY <img nope /s/\n"
    build = Build(str(build_tree(tmp_path / "ctx", [file("Dockerfile", text)])))
    shown = page_of(api.glance(build))
    assert shown["verdict"].startswith("The build fails: an instruction does not find its source;")
    assert len(shown["failures"]) == 2
    assert "COPY <img: not found" in shown["failures"][0]


@pytest.mark.parametrize(
    ("builder", "printed"),
    [
        ("buildkit", "transferring context: 78B (BuildKit, in a cold build)"),
        (
            "classic",
            "Sending build context to Docker daemon  3.072kB (the classic builder,",
        ),
    ],
)
def test_page_says_what_the_builder_prints(builder: str, printed: str, tmp_path: Path) -> None:
    nodes = [file("Dockerfile", b"FROM scratch\nCOPY a /\n"), file("a", size_bytes=50)]
    build = Build(str(build_tree(tmp_path / "ctx", nodes)), builder=builder)
    assert page_of(api.glance(build))["printed"].startswith(printed)


@pytest.mark.parametrize(
    ("nodes", "verdict"),
    [
        (["a"], "Nothing safe to add"),
        ([*RUST], "Can be ignored with 1 pattern: 9.0 MB of 9.0 MB in 7 files"),
    ],
)
def test_suggestions_have_the_verdict_of_their_text(
    nodes: list[str | Node], verdict: str, tmp_path: Path
) -> None:
    files = [*nodes, file("Dockerfile", BUILDS), file(".dockerignore", b"Dockerfile\n.docker*\n")]
    advice = api.suggest(str(build_tree(tmp_path / "ctx", files)))
    assert page_of(advice)["verdict"] == verdict


@pytest.mark.parametrize(
    ("own", "copyable"),
    [
        (b"# caf\xc3\xa9\r\n", True),
        ("\N{REPLACEMENT CHARACTER}\n".encode(), True),
        (b"# caf\xe9\nb\xe9b\xe9\n", False),
    ],
)
def test_page_knows_whether_a_clipboard_can_hold_the_file(
    own: bytes, copyable: bool, tmp_path: Path
) -> None:
    nodes = [file("tools/Cargo.toml", b"[package]\n"), file("tools/target/y", size_bytes=9_000)]
    files = [file("Dockerfile", BUILDS), file(".dockerignore", own), *nodes]
    shown = page_of(api.suggest(str(build_tree(tmp_path / "ctx", files))))
    assert shown["ignore_file"]["copyable"] is copyable


def test_many_sources_are_told_in_one_line(tmp_path: Path) -> None:
    names = [f"file-{at}" for at in range(110)]
    text = "FROM scratch\n" + "".join(f"COPY {each} /\n" for each in names)
    root = build_tree(tmp_path / "ctx", [*names, "left", file("Dockerfile", text.encode())])
    shown = page_of(api.glance(str(root)))
    assert shown["instructions"][99:] == ["COPY file-99 (line 101)", "one of 10 further sources"]
    takers = {each[0]: shown["classes"][each[2][0][0]]["takers"] for each in leaves(shown["tree"])}
    assert (takers["file-7"], takers["file-109"], takers["left"]) == ([7], [100], [])


def test_the_page_names_no_taker_of_what_a_copy_leaves_out(tmp_path: Path) -> None:
    text = b"FROM scratch\nCOPY --exclude=docs . /\n"
    root = build_tree(tmp_path / "ctx", ["a", "docs/b", file("Dockerfile", text)])
    shown = page_of(api.glance(str(root)))
    takers = {each[0]: shown["classes"][each[2][0][0]]["takers"] for each in leaves(shown["tree"])}
    assert (takers["a"], takers["b"]) == ([0], [])


def test_tree_of_any_room_has_all_amounts() -> None:
    root = MemoryDirectory("", {f"top{n}": n for n in range(9)})
    for at in range(9):
        held = MemoryDirectory(f"d{at}", {f"f{at}{n}": n for n in range(9)})
        root.folders[f"d{at}"] = held
        held.folders["x"] = MemoryDirectory(f"d{at}/x", {f"g{n}": n for n in range(at)})
    for held in reversed([*root.tree()]):
        held.add_up()

    def entries(held: MemoryDirectory) -> list[Leaf]:
        names = enumerate(held.entries)
        classes = [(name, at % 7 * (held is root)) for at, name in names]
        return [Leaf(name, "f", [ClassAmount(index, 3, 1)]) for name, index in classes]

    for most in range(1, 700):
        tree: Any = nodes_of(root, entries, most)
        found = [each for leaf in leaves(tree) for each in leaf[2]]
        assert sum(each[1] for each in found) == 3 * (9 + 9 * 9 + 36)
