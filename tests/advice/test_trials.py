"""Every rewrite is tried on the plan of each build before it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctxsize.advice import advise
from ctxsize.advice.recipe import Change, Recipe, read_recipe
from ctxsize.dockerfile.parse import parse_dockerfile
from ctxsize.engine import fates
from ctxsize.engine.builders import BUILDERS
from ctxsize.engine.plan import ParsedDockerfile, Plan, plan_of
from ctxsize.engine.snapshot import Snapshot
from ctxsize.engine.transfer_requests import includes_of
from ctxsize.errors import CtxsizeError
from ctxsize.findings import Finding
from ctxsize.repository import Discovery, discover
from tests.advice.cases import CASES
from tests.oracles.engines import Docker
from tests.trees import Node, build_tree, directory, file

ALL = [(code, name) for code, cases in CASES.items() for name in cases]
REWRITTEN = ("CTX203", "CTX210", "CTX220", "CTX221", "CTX222")
"""The codes that have a rewrite of a Dockerfile."""
_SHOWN = re.compile(r"`((?:COPY|ADD|RUN|ARG|FROM) [^`]+|--mount=[^`]+)`")
SERVICE = "services:\n  a:\n    build:\n      context: .\n{}"


def plans(discovery: Discovery) -> Iterator[Plan]:
    for build in discovery.builds:
        yield plan_of(build.build, BUILDERS[build.build.builder])


def outcome(plan: Plan) -> tuple[set[str], list[str]]:
    """The files of the context that a build takes, and why it fails."""
    failures = [problem.message for problem in fates.failures(plan)]
    taken = set[str]()
    try:
        snapshot = Snapshot.take(plan)
        for include in includes_of(plan):
            taken.update(snapshot.sent(include=include).paths)
    except CtxsizeError as error:
        failures.append(error.message)
    return taken, failures


def rewritten(root: Path) -> list[Finding]:
    return [finding for finding in advise(discover(str(root))).findings if finding.fix]


@pytest.mark.parametrize(("code", "name"), ALL)
def test_no_rewrite_loses_a_source_or_fails_a_build(code: str, name: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", CASES[code][name].nodes)
    for finding in rewritten(root):
        assert finding.fix is not None
        before = [*map(outcome, plans(discover(str(root))))]
        for edit in finding.fix.edits:
            Path(edit.path).write_bytes(edit.after)
        after = [*map(outcome, plans(discover(str(root))))]
        for edit in finding.fix.edits:
            assert edit.before is not None
            Path(edit.path).write_bytes(edit.before)
        assert len(before) == len(after) > 0
        for (taken, failures), (taken_then, failures_then) in zip(before, after, strict=True):
            assert taken <= taken_then, finding
            assert set(failures_then) <= set(failures), finding


def test_these_codes_have_rewrites(tmp_path: Path) -> None:
    codes = set()
    for number, (code, name) in enumerate(ALL):
        root = build_tree(tmp_path / str(number), CASES[code][name].nodes)
        codes |= {finding.code for finding in rewritten(root)}
    assert codes == set(REWRITTEN)


CHEF = CASES["CTX210"]["its result"]
UNSAFE: dict[str, list[str | Node]] = {
    "a context named like a new stage": [
        *CHEF.nodes,
        directory("other"),
        file(
            "compose.yaml",
            SERVICE.format("      additional_contexts:\n        planner: other\n").encode(),
        ),
    ],
}


def test_a_copy_that_loses_a_source_is_not_proposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = build_tree(tmp_path / "repository", CASES["CTX203"]["with a comment inside"].nodes)
    assert "CTX203" in {finding.code for finding in advise(discover(str(root))).findings}
    monkeypatch.setattr(Recipe, "builds_with", lambda recipe, data: False)
    assert "CTX203" not in {finding.code for finding in advise(discover(str(root))).findings}


@pytest.mark.parametrize("name", UNSAFE)
def test_a_rewrite_that_fails_a_build_is_not_shown(name: str, tmp_path: Path) -> None:
    kept = build_tree(
        tmp_path / "kept", [*CHEF.nodes, file("compose.yaml", SERVICE.format("").encode())]
    )
    root = build_tree(tmp_path / "repository", UNSAFE[name])
    assert [finding.code for finding in rewritten(kept)] == ["CTX210"]
    assert [finding.code for finding in rewritten(root)] == []
    codes = [finding.code for finding in advise(discover(str(root))).findings]
    assert "CTX210" in codes


def recipe_of(discovery: Discovery) -> Recipe:
    path = f"{discovery.root}/Dockerfile"
    data = Path(path).read_bytes()
    return read_recipe(path, ParsedDockerfile(lambda: data), discovery.builds, discovery.root)


WITH_A_LINE = {
    "a source that is not there": ("COPY b /", False),
    "no source any more": ("RUN true", False),
    "a source less, as it is excluded": ("COPY --exclude=*.c src /", False),
    "a stage that is not there": ("COPY --from=x src /", False),
    "no instruction": ("COPI src /", False),
    "a flag that no COPY has": ("COPY --all src /", False),
    "the same source": ("COPY --link src /", True),
    "the directory above it": ("COPY . /", True),
}


@pytest.mark.parametrize("name", WITH_A_LINE)
def test_a_rewrite_is_held_to_what_is_taken_now(name: str, tmp_path: Path) -> None:
    text, kept = WITH_A_LINE[name]
    nodes = [file("Dockerfile", b"FROM alpine\nCOPY src /\n"), "src/a.c"]
    recipe = recipe_of(discover(str(build_tree(tmp_path / "repository", nodes))))
    fix = recipe.fix("write it", [Change(2, 2, text)])
    assert (fix is not None) == kept


def test_a_rewrite_is_tried_with_the_target_of_each_build(tmp_path: Path) -> None:
    compose = "services:\n" + "".join(
        f"  {name}:\n    build:\n      context: .\n      target: {name}\n" for name in ("a", "b")
    )
    text = b"FROM alpine AS a\nCOPY x /\nFROM alpine AS b\nCOPY y /\n"
    nodes = [file("Dockerfile", text), file("compose.yaml", compose.encode()), "x", "y"]
    recipe = recipe_of(discover(str(build_tree(tmp_path / "repository", nodes))))
    assert len(recipe.builds) == 2
    assert recipe.fix("rename", [Change(1, 1, "FROM alpine AS z")]) is None
    assert recipe.fix("rename", [Change(3, 3, "FROM alpine AS z")]) is None
    assert recipe.fix("another image", [Change(1, 1, "FROM debian AS a")]) is not None


@pytest.mark.parametrize(("code", "name"), ALL)
def test_each_instruction_that_is_shown_can_be_written(
    code: str, name: str, tmp_path: Path
) -> None:
    root = build_tree(tmp_path / "repository", CASES[code][name].nodes)
    for finding in advise(discover(str(root))).findings:
        for text in _SHOWN.findall(finding.help):
            instruction = text
            if text.startswith("--mount"):
                instruction = f"RUN {text} true"
            parse_dockerfile(f"FROM scratch\n{instruction}\n")


@pytest.mark.parametrize("name", [name for name, case in CASES["CTX202"].items() if case.found])
def test_the_order_of_copied_too_early_takes_all_that_was_taken(name: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", CASES["CTX202"][name].nodes)
    discovery = discover(str(root))
    (finding, *_) = [each for each in advise(discovery).findings if each.code == "CTX202"]
    order = re.search(r"copy `([^`]+)` to the same place and run `([^`]+)`", finding.help)
    assert order is not None, finding.help
    recipe = recipe_of(discovery)
    line = finding.location.line or 0
    text = f"COPY {order[1]} /early/\nRUN {order[2]}\n{recipe.lines[line - 1]}"
    assert recipe.fix("reorder", [Change(line, line, text)]) is not None, text


def without_images(data: bytes) -> bytes:
    """The Dockerfile on no images, and a stage that needs all others: no RUN of it can succeed."""
    text = data.decode()
    names = {stage.name for stage in parse_dockerfile(data).stages}

    def from_scratch(line: re.Match[str]) -> str:
        base = line[1]
        if base.lower() not in names:
            base = "scratch"
        return f"FROM {base}"

    text, count = re.subn(r"^FROM (?:--platform=\S+ )?(\S+)", from_scratch, text, flags=re.M)
    copies = "".join(f"COPY --from={number} / /{number}/\n" for number in range(count))
    return f"{text}\nFROM scratch\n{copies}".encode()


def read_and_run(docker: Docker, context: Path, data: bytes) -> bool:
    """Whether BuildKit reads every instruction of a Dockerfile, and fails only once it runs one."""
    root = build_tree(context, [file("Dockerfile", without_images(data)), "a"])
    result = docker.build_buildkit(root)
    assert result.error is not None
    return re.search(r"process .* did not complete", result.error) is not None


@pytest.mark.parametrize("code", [code for code in REWRITTEN if code != "CTX203"])
def test_an_engine_reads_what_is_written(code: str, docker: Docker, tmp_path: Path) -> None:
    """COPY --parents, which only newer frontends read, is built in `test_engine.py`."""
    texts = dict[bytes, None]()
    for number, name in enumerate(CASES[code]):
        root = build_tree(tmp_path / f"repository{number}", CASES[code][name].nodes)
        for finding in rewritten(root):
            if finding.code == code and finding.fix is not None:
                texts[finding.fix.edits[0].after] = None
    assert texts
    for number, text in enumerate(texts):
        assert read_and_run(docker, tmp_path / f"context{number}", text), text


@pytest.mark.parametrize(
    "mount", ["type=cache,sharing=lock,target=/a", "type=cached,target=/a", "type=cache,ids=1"]
)
def test_an_engine_refuses_what_cannot_be_read(mount: str, docker: Docker, tmp_path: Path) -> None:
    text = f"FROM alpine\nRUN --mount={mount} true\n".encode()
    assert not read_and_run(docker, tmp_path / "context", text)
