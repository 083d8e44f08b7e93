"""Builds that must fail though what they name is there: our verdict is that of the real engine."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ctxsize import api
from ctxsize.formats.wording import level
from ctxsize.model import Report
from tests.oracles.engines import Docker
from tests.transfer.planting import Plant, links, paths
from tests.trees import Node, build_tree, file, link

S = "FROM scratch\n"
MOUNT = S + "RUN --network=none --mount={} x\n"
UNNEEDED = "FROM scratch AS other\n{}\nFROM scratch\nCOPY app /\n"
STAGE = "FROM scratch AS a\n{}FROM scratch\n{}\n"
AFTER_STAGE = STAGE.format("{}", MOUNT.removeprefix(S)[:-1])
QUIET = "did not complete successfully: exit code"
"""What the engine says if all mounts were made and only the command is missing."""
CLASH = "cannot copy to non-directory"
"""What it says if two sources that it found do not fit into one destination."""

TREE: list[str | Node] = [
    *("app", "v1/x", "v1/y", "star*f", "star/*f"),
    *(link("cur", "v1"), link("file", "app"), link("root", "."), link("abs", "/v1")),
    *(link("cur2", "cur"), link("sub/up", "../v1"), link("sub/deep", "../v1/x")),
]

# The ignore file, and the Dockerfile.
LINKS: dict[str, tuple[str, str]] = {
    "COPY of a link": ("cur", S + "COPY cur /o/\n"),
    "ADD of a link": ("cur", S + "ADD cur /o/\n"),
    "mount of a link": ("cur", MOUNT.format("source=cur,target=/m")),
    "COPY through a link": ("cur", S + "COPY cur/x /o/\n"),
    "ADD through a link": ("cur", S + "ADD cur/x /o/\n"),
    "mount through a link": ("cur", MOUNT.format("source=cur/x,target=/m")),
    "link to a file": ("file", S + "COPY file /o/\n"),
    "link to a file that is mounted": ("file", MOUNT.format("source=file,target=/m")),
    "link to the root": ("root", S + "COPY root /o/\n"),
    "through a link to the root": ("root", S + "COPY root/app /o/\n"),
    "all but the target": ("*\n!v1", S + "COPY cur /o/\n"),
    "all but the target, through the link": ("*\n!v1", S + "COPY cur/x /o/\n"),
    "absolute link": ("abs", S + "COPY abs /o/\n"),
    "first of two links": ("cur2", S + "COPY cur2 /o/\n"),
    "second of two links": ("cur", S + "COPY cur2 /o/\n"),
    "link in a directory": ("sub", S + "COPY sub/up /o/\n"),
    "through a link in a directory": ("sub/up", S + "COPY sub/up/x /o/\n"),
    "link in a directory to a file": ("sub", S + "COPY sub/deep /o/\n"),
    "wildcard behind a link": ("cur", S + "COPY cur/* /o/\n"),
    "wildcard for links, one is hidden": ("cur", S + "COPY cu* /o/\n"),
    "wildcard for links, all are hidden": ("cur*", S + "COPY cur* /o/\n"),
    "beside another source": ("cur", S + "COPY app cur /o/\n"),
    "after all": ("cur", S + "COPY . /a/\nCOPY cur /o/\n"),
    "slash at the end": ("cur", S + "COPY cur/ /o/\n"),
    "dot at the end": ("cur", S + "COPY cur/. /o/\n"),
    "with --link": ("cur", S + "COPY --link cur /o/\n"),
    "in a stage": ("cur", STAGE.format("COPY cur /o/\n", "COPY --from=a /o /o")),
    "in a stage that is not needed": ("cur", UNNEEDED.format("COPY cur /o/")),
    "by a variable": ("cur", S + "ARG D=cur\nCOPY $D /o/\n"),
    "link that is sent": ("app", S + "COPY cur /o/\n"),
    "target hidden": ("v1", S + "COPY cur /o/\n"),
    "target hidden in part": ("v1/x", S + "COPY cur /o/\n"),
    "target hidden behind the link": ("v1/x", S + "COPY cur/x /o/\n"),
}

NAMES = {
    "backslash before a star": S + "COPY star\\*f /o/\n",
    "backslash as a character": "# escape=`\n" + S + "COPY star\\*f /o/\n",
    "ADD, backslash as a character": "# escape=`\n" + S + "ADD star\\*f /o/\n",
    "in a directory, backslash as a character": "# escape=`\n" + S + "COPY star/\\*f /o/\n",
    "backslash in JSON": S + 'COPY ["star\\\\\\\\*f", "/o/"]\n',
    "backslash in quotes": S + "COPY 'star\\*f' /o/\n",
    "backslash twice": S + "COPY star/\\\\*f /o/\n",
    "backslash and a wildcard": "# escape=`\n" + S + "COPY star\\*? /o/\n",
    "backslash and a question mark": "# escape=`\n" + S + "COPY star\\?f /o/\n",
    "backslash in a mount": MOUNT.format("source=star\\\\*f,target=/m"),
    "star in a mount": MOUNT.format("source=star*f,target=/m"),
    "star that is no name in a mount": MOUNT.format("source=st*,target=/m"),
}

ORIGINS = {
    "index": UNNEEDED.format("COPY --from=9 app /"),
    "negative index": UNNEEDED.format("COPY --from=-1 app /"),
    "capitals": UNNEEDED.format("COPY --from=BUSY app /"),
    "variable": UNNEEDED.format("COPY --from=$X app /"),
    "variable with a default": UNNEEDED.format("COPY --from=${X:-a} app /"),
    "no reference": UNNEEDED.format("COPY --from=a:b:c app /"),
    "blank": UNNEEDED.format("COPY --from=' ' app /"),
    "capitals in a mount": UNNEEDED.format("RUN --mount=from=BUSY,target=/m x"),
    "index in a mount": UNNEEDED.format("RUN --mount=from=9,target=/m x"),
    "behind the target": S + "COPY app /\nFROM scratch\nCOPY --from=9 app /\nFROM scratch\n",
    "itself": UNNEEDED.format("COPY --from=other app /"),
    "itself by index": UNNEEDED.format("COPY --from=0 app /"),
    "itself in a mount": UNNEEDED.format("RUN --mount=from=other,target=/m x"),
    "each other": UNNEEDED.format("COPY --from=b a /\nFROM scratch AS b\nCOPY --from=other a /"),
    "each other by the base": UNNEEDED.format("COPY --from=b app /\nFROM other AS b"),
    "a later one": UNNEEDED.format("COPY --from=1 app /"),
    "trigger": UNNEEDED.format("ONBUILD COPY --from=9 app /"),
    "inherited trigger": UNNEEDED.format("ONBUILD COPY --from=BUSY app /\nFROM other AS b"),
    "inherited trigger of itself": UNNEEDED.format("ONBUILD COPY --from=b app /\nFROM other AS b"),
    "missing file": UNNEEDED.format("COPY missing /"),
    "empty, not needed": UNNEEDED.format("COPY --from=scratch app /"),
    "a result that nothing takes": "FROM scratch AS a\nCOPY --from=scratch app /\n"
    + MOUNT.format("type=tmpfs,from=a,target=/m"),
}

EMPTY = {
    **{
        f"COPY --from=scratch {each}": f"{S}COPY --from=scratch {each} /o/\n"
        for each in ("app", ".", "/", "*", "a*", "a/*", "*/x", "..", "* app", "./app")
    },
    "variable": S + "ARG D=app\nCOPY --from=scratch $D /o/\n",
    "variable that is unset": S + "COPY --from=scratch $D /o/\n",
    "link": S + "COPY --link --from=scratch app /o/\n",
    "heredoc": S + "COPY --from=scratch <<E /o/\nx\nE\n",
    "stage": STAGE.format("", "COPY --from=a app /o/"),
    "stage, wildcard": STAGE.format("", "COPY --from=a * /o/"),
    "stage of settings": STAGE.format("ENV A=b\nLABEL a=b\nUSER x\n", "COPY --from=a app /o/"),
    "stage on a stage": STAGE.format("FROM a AS b\n", "COPY --from=b app /o/"),
    "volume": STAGE.format("VOLUME /v\n", "COPY --from=a v /o/"),
    "directory of WORKDIR": STAGE.format("WORKDIR /w\n", "COPY --from=a w /o/"),
    "stage with a file": STAGE.format("COPY app /\n", "COPY --from=a app /o/"),
    "stage by a trigger": "FROM scratch AS t\nONBUILD COPY app /\nFROM t AS a\nFROM scratch\n"
    "COPY --from=a app /o/\n",
    "mount": MOUNT.format("from=scratch,source=app,target=/m"),
    "mount of all": MOUNT.format("from=scratch,target=/m"),
    "mount of the root": MOUNT.format("from=scratch,source=/,target=/m"),
    "mount of a dot": MOUNT.format("from=scratch,source=.,target=/m"),
    "mount of a stage": AFTER_STAGE.format("", "from=a,source=app,target=/m"),
    "mount of all of a stage": AFTER_STAGE.format("", "from=a,target=/m"),
    "mount of a stage with a file": AFTER_STAGE.format(
        "COPY app /\n", "from=a,source=app,target=/m"
    ),
    "cache": MOUNT.format("type=cache,target=/m"),
    "cache, source": MOUNT.format("type=cache,source=app,target=/m"),
    "cache, root": MOUNT.format("type=cache,source=/,target=/m"),
    "cache of scratch": MOUNT.format("type=cache,from=scratch,target=/m"),
    "cache of scratch, source": MOUNT.format("type=cache,from=scratch,source=app,target=/m"),
    "cache of a stage": AFTER_STAGE.format(
        "COPY v1 /v1\n", "type=cache,from=a,source=v1,target=/m"
    ),
    "tmpfs": MOUNT.format("type=tmpfs,target=/m"),
    "tmpfs, source": MOUNT.format("type=tmpfs,source=app,target=/m"),
    "tmpfs, missing source": MOUNT.format("type=tmpfs,source=none,target=/m"),
    "tmpfs of a stage": AFTER_STAGE.format(
        "COPY app /\n", "type=tmpfs,from=a,source=app,target=/m"
    ),
    "mount at the root": MOUNT.format("target=."),
    "mount at the WORKDIR": S + "WORKDIR /w\n" + MOUNT.removeprefix(S).format("target=."),
    "mount at the root of a stage": "FROM scratch AS a\nFROM a\n"
    + MOUNT.removeprefix(S).format("target=."),
}


def must_fail(report: Report) -> bool:
    return level(report) == "build-fails"


def verdicts(
    docker: Docker, tmp_path: Path, nodes: Sequence[str | Node], ignoring: str, text: str
) -> tuple[bool, bool]:
    """Whether we say that the build fails, and whether it does."""
    root = build_tree(tmp_path / "context", [*nodes, file(".dockerignore", ignoring.encode())])
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(text)
    report = api.measure(str(root), dockerfile=str(dockerfile))
    error = docker.build_buildkit(root, dockerfile=dockerfile).error
    return must_fail(report), error is not None and QUIET not in error


@pytest.mark.parametrize("name", LINKS)
def test_a_hidden_link_fails_the_build(docker: Docker, tmp_path: Path, name: str) -> None:
    ours, its = verdicts(docker, tmp_path, TREE, *LINKS[name])
    assert ours == its


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_looked_up_as_the_engine_does(docker: Docker, tmp_path: Path, name: str) -> None:
    ours, its = verdicts(docker, tmp_path, TREE, "", NAMES[name])
    assert ours == its


@pytest.mark.parametrize("name", ORIGINS)
def test_origins_of_unneeded_stages_are_checked(docker: Docker, tmp_path: Path, name: str) -> None:
    ours, its = verdicts(docker, tmp_path, TREE, "", ORIGINS[name])
    assert ours == its


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_is_found_in_what_is_empty(docker: Docker, tmp_path: Path, name: str) -> None:
    ours, its = verdicts(docker, tmp_path, TREE, "", EMPTY[name])
    assert ours == its


def test_the_tables_have_both_verdicts(docker: Docker, tmp_path: Path) -> None:
    """An engine that always fails, as without a network, would prove nothing."""
    for at, text in enumerate((S + "COPY cur /o/\n", MOUNT.format("source=cur,target=/m"))):
        assert verdicts(docker, tmp_path / f"{at}", TREE, "app", text) == (False, False)


@pytest.mark.parametrize("text", ["cur", "cur/x"])
def test_a_cache_that_was_written_into_is_not_empty(tmp_path: Path, text: str) -> None:
    fill = "RUN --mount=type=cache,id=c,target=/c mkdir -p /c/cur\n"
    use = f"RUN --mount=type=cache,id={{}},source={text},target=/m x\n"
    root = build_tree(tmp_path, ["app"])
    for name, fails in (("c", False), ("d", True)):
        (root / "Dockerfile").write_text(S + fill + use.format(name))
        report = api.measure(str(root))
        assert must_fail(report) == fails
        assert [each.line for each in report.failures] == [3] * fails


def test_the_directory_of_an_image_is_assumed(tmp_path: Path) -> None:
    root = build_tree(tmp_path, ["app"])
    for lines, expected in (
        ("RUN --mount=target=. x\n", {"unknown-workdir"}),
        ("RUN --mount=type=cache,target=. x\n", {"unknown-workdir"}),
        ("WORKDIR /w\nRUN --mount=target=. x\n", set()),
        ("RUN --mount=target=m x\n", set()),
    ):
        (root / "Dockerfile").write_text("FROM busy\n" + lines)
        report = api.measure(str(root))
        assert {each.code for each in report.problems} == expected
        assert level(report) == ("worth-a-look" if expected else "fine")


# Sisters at random.

SOURCES = ["a", "b", "c", "ab", "a/b", "a/b/c", "*", "a*", "[ab]", "*/b", "a/*", "?b", "b/", "c/."]
sources = st.sampled_from(SOURCES)
taking = st.one_of(
    st.builds("COPY {} /o/".format, sources),
    st.builds("COPY {} {} /o/".format, sources, sources),
    st.builds("ADD {} /o/".format, sources),
    st.builds("RUN --network=none --mount=source={},target=/m x".format, sources),
)
LINES = ["*", "a", "b", "c", "**/b", "a/b", "ab", "!a", "!b", "!a/b", "!**/c", "!c"]
ignoring = st.lists(st.sampled_from(LINES), max_size=3).map("\n".join)


@given(
    files=st.lists(paths, min_size=1, max_size=6), symlinks=links, ignoring=ignoring, line=taking
)
@settings(max_examples=150, derandomize=True, suppress_health_check=list(HealthCheck))
def test_random_sources_are_found_or_not(
    docker: Docker,
    plant: Plant,
    files: list[str],
    symlinks: dict[str, str],
    ignoring: str,
    line: str,
) -> None:
    context = plant(files, symlinks)
    (context / ".dockerignore").write_text(ignoring)
    with tempfile.TemporaryDirectory() as directory:
        dockerfile = Path(directory) / "Dockerfile"
        dockerfile.write_text(f"{S}{line}\n")
        error = docker.build_buildkit(context, dockerfile=dockerfile).error
        report = api.measure(str(context), dockerfile=str(dockerfile))
    fails = error is not None and not any(each in error for each in (QUIET, CLASH))
    event("the build fails" if fails else "it does not")
    if docker.age == "older" and fails:
        return  # it also fails at some links that the newer one does not follow
    assert must_fail(report) == fails
