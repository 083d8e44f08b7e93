"""Sources that Podman finds or not: our verdict is that of the real buildah."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ctxsize import api
from ctxsize.formats.wording import level
from tests.oracles.engines import Podman
from tests.transfer.planting import Plant, links, paths
from tests.transfer.test_engine_fails import (
    AFTER_STAGE,
    LINKS,
    MOUNT,
    STAGE,
    TREE,
    ignoring,
    taking,
)
from tests.trees import Node, build_tree, file, link

S = "FROM scratch\n"
MORE: dict[str, tuple[str, str]] = {
    "missing": ("", S + "COPY none /o/\n"),
    "missing beside another": ("", S + "COPY none app /o/\n"),
    "no match": ("", S + "COPY none* /o/\n"),
    "no match beside another": ("", S + "COPY none* app /o/\n"),
    "hidden": ("app", S + "COPY app /o/\n"),
    "hidden directory": ("v1", S + "COPY v1 /o/\n"),
    "hidden directory with an exception": ("v1\n!v1/x", S + "COPY v1 /o/\n"),
    "hidden directory, other exception": ("*\n!app", S + "COPY v1 /o/\n"),
    "hidden entries": ("v1/*", S + "COPY v1 /o/\n"),
    "all matches hidden": ("v1/*", S + "COPY v1/* /o/\n"),
    "a match hidden": ("v1/x", S + "COPY v1/* /o/\n"),
    "dangling": ("", S + "COPY gone /o/\n"),
    "dangling match": ("", S + "COPY gon* /o/\n"),
    "all hidden": ("*", S + "COPY . /o/\n"),
    "all matches of a star hidden": ("*", S + "COPY * /o/\n"),
    "out of the context": ("", S + "COPY ../app /o/\n"),
    "no match beside a heredoc": ("", S + "COPY none* <<E /o/\nx\nE\n"),
    "beside a heredoc": ("", S + "COPY app <<E /o/\nx\nE\n"),
}
"""Of each builder that looks up sources by their names."""
GLOBS: dict[str, tuple[str, str]] = {
    name: (hidden, f"{S}COPY {sources} /o/\n")
    for name, hidden, sources in (
        ("two without a match", "", "none* no?"),
        ("hidden dangling match beside another", "gone", "[ga]*"),
        ("dangling match beside another", "", "[ga]*"),
        ("dangling match beside a hidden one", "app", "[ga]*"),
        ("malformed", "", "[app"),
        ("class", "", "[a]pp"),
        ("wildcard in a directory", "", "v*/x"),
        ("wildcard in a directory, missing name", "", "v*/none"),
        ("no match of a directory", "", "q*/x"),
        ("no match of a directory beside another", "", "q*/x app"),
        ("hidden behind a wildcard", "v1", "v*/x"),
        ("hidden in one directory of two", "v1", "*/x"),
        ("hidden behind two wildcards", "v1", "v*/*"),
        ("link behind a wildcard", "", "cu*/x"),
        ("hidden link behind a wildcard", "cur*", "cu*/x"),
        ("link and wildcards", "", "cu*/*"),
        ("dangling link as a directory", "", "go*/x"),
        ("file as a directory", "", "ap*/x"),
        ("wildcard before a link", "", "s*/up/x"),
        ("wildcard between", "", "sub/*/x"),
        ("all directories", "", "**/x"),
        ("no such file in all directories", "", "**/none"),
        ("all below", "", "v1/**"),
        ("hidden in all directories", "**/x", "**/x"),
        ("two stars in a name", "", "v**/x"),
        ("all directories between", "", "deep/**/e"),
        ("no directory of that name below", "", "deep/**/deep"),
        ("two times all directories", "", "**/**/e"),
        ("loop", "", "loop"),
        ("loop of wildcards", "", "lo*"),
        ("loop beside another", "", "[la]*"),
        ("as a directory of a file", "", "app/x"),
    )
}
EMPTY: dict[str, tuple[str, str]] = {
    name: ("", text)
    for name, text in {
        **{
            f"COPY --from=scratch {each}": f"{S}COPY --from=scratch {each} /o/\n"
            for each in ("app", ".", "/", "*", "a*", "a/*", "*/x", "..", "* app", "* a*", "* .")
        },
        "stage": STAGE.format("", "COPY --from=a app /o/"),
        "stage, wildcard": STAGE.format("", "COPY --from=a * /o/"),
        "stage, all": STAGE.format("", "COPY --from=a . /o/"),
        "stage by its index": STAGE.format("", "COPY --from=0 app /o/"),
        "stage of settings": STAGE.format("ENV A=b\nUSER x\n", "COPY --from=a app /o/"),
        "stage on a stage": STAGE.format("FROM a AS b\n", "COPY --from=b app /o/"),
        "volume": STAGE.format("VOLUME /v\n", "COPY --from=a v /o/"),
        "directory of WORKDIR": STAGE.format("WORKDIR /w\n", "COPY --from=a w /o/"),
        "stage with a file": STAGE.format("COPY app /\n", "COPY --from=a app /o/"),
        "in a stage that is not needed": "FROM scratch AS a\nCOPY --from=scratch app /\n"
        "FROM scratch\nCOPY app /\n",
        "variable": S + "ARG D=app\nCOPY --from=scratch $D /o/\n",
        "mount": MOUNT.format("from=scratch,source=app,target=/m"),
        "mount of all": MOUNT.format("from=scratch,target=/m"),
        "mount of a stage": AFTER_STAGE.format("", "from=a,source=app,target=/m"),
        "mount of a volume": AFTER_STAGE.format("VOLUME /v\n", "from=a,source=v,target=/m"),
        "mount of a stage with a file": AFTER_STAGE.format(
            "COPY app /\n", "from=a,source=app,target=/m"
        ),
        "cache": MOUNT.format("type=cache,target=/m"),
        "cache, source": MOUNT.format("type=cache,source=app,target=/m"),
        "cache of a stage": AFTER_STAGE.format(
            "COPY v1 /v1\n", "type=cache,from=a,source=v1,target=/m"
        ),
        "tmpfs, source": MOUNT.format("type=tmpfs,source=app,target=/m"),
    }.items()
}
UNNEEDED: dict[str, tuple[str, str]] = {
    "in a stage that is not needed": (
        "",
        "FROM scratch AS a\nCOPY none /\nFROM scratch\nCOPY app /\n",
    ),
}
MOUNTS: dict[str, tuple[str, str]] = {
    f"mount of {source}": ("hidden", MOUNT.format(f"source={source},target=/m"))
    for source in (
        *("app", "/app", "app/", "app/x", "none", "hidden", "hidden/x", "ap*", "../app", "v1"),
        *("cur", "cur/x", "cur/none", "abs", "sub/up", "sub/up/x", "out", "gone", "loop", "root"),
    )
} | {
    "mount of all": ("", MOUNT.format("target=/m")),
    "mount of a variable": (
        "",
        S + "ARG D=none\n" + MOUNT.removeprefix(S).format("source=$D,target=/m"),
    ),
    "mount in a stage that is not needed": (
        "",
        "FROM scratch AS a\n"
        + MOUNT.removeprefix(S).format("source=none,target=/m")
        + S
        + "COPY app /\n",
    ),
}
# Linked layers need a newer version, and a mount a command that this buildah cannot run.
CASES = {name: each for name, each in LINKS.items() if "--link" not in each[1]} | MORE
CASES |= UNNEEDED | GLOBS | {f"empty: {name}": each for name, each in EMPTY.items()} | MOUNTS
NODES = [
    *(*TREE, "hidden/x", "deep/d/e"),
    *(link("gone", "none"), link("loop", "loop"), link("out", "../../v1")),
]
QUIET = "fork/exec /bin/sh: no such file"
"""What buildah says if all mounts were made and only the shell is missing."""
NAMED = {
    "missing": "COPY --from=n none /o/",
    "found": "COPY --from=n app /o/",
    "hidden by its own ignore file": "COPY --from=n ign /o/",
    "hidden in the main context": "COPY --from=n hidden /o/",
    "no match": "COPY --from=n none* /o/",
    "match in a directory": "COPY --from=n d*/y /o/",
    "no match of a directory": "COPY --from=n q*/y /o/",
    "all matches hidden": "COPY --from=n ig* /o/",
    "mount of a missing source": "RUN --network=none --mount=from=n,source=none,target=/m x",
    "mount of an ignored source": "RUN --network=none --mount=from=n,source=ign,target=/m x",
    "mount of a link": "RUN --network=none --mount=from=n,source=l,target=/m x",
    "in place of a stage": "FROM scratch AS n\nCOPY none /\nFROM scratch\nCOPY --from=n app /o/",
    "in a stage that is not needed": "FROM scratch AS a\nCOPY --from=n none /\n" + S + "COPY app /",
}


def verdicts(
    buildah: Podman,
    tmp_path: Path,
    nodes: Sequence[str | Node],
    text: str,
    contexts: dict[str, Path] | None = None,
) -> tuple[bool, bool]:
    """Whether we say that the build fails, and whether it does."""
    root = build_tree(tmp_path / "context", nodes)
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(text)
    given = {name: str(path) for name, path in (contexts or {}).items()}
    extra = [f"--build-context={name}={path}" for name, path in given.items()]
    error = buildah.build_buildah(root, dockerfile=dockerfile, extra=extra).error
    options = {"dockerfile": str(dockerfile), "builder": "podman"}
    report = api.measure(str(root), build_contexts=given, **options)
    return level(report) == "build-fails", error is not None and QUIET not in error


@pytest.mark.parametrize("name", CASES)
def test_a_source_is_found_or_the_build_fails(buildah: Podman, tmp_path: Path, name: str) -> None:
    hidden, text = CASES[name]
    ours, its = verdicts(buildah, tmp_path, [*NODES, file(".dockerignore", hidden.encode())], text)
    assert ours == its


@pytest.mark.parametrize("name", NAMED)
def test_a_source_in_a_named_context_is_found_or_not(
    buildah: Podman, tmp_path: Path, name: str
) -> None:
    nodes = [*NODES, file(".dockerignore", b"hidden\n")]
    own = ["app", "ign", "d/y", "hidden", link("l", "app"), file(".dockerignore", b"ign\n")]
    contexts = {"n": build_tree(tmp_path / "named", own)}
    ours, its = verdicts(buildah, tmp_path, nodes, f"{S}{NAMED[name]}\n", contexts)
    assert ours == its


# At random.


@given(
    files=st.lists(paths, min_size=1, max_size=6), symlinks=links, ignoring=ignoring, line=taking
)
@settings(max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck))
def test_random_sources_are_found_or_not(
    buildah: Podman,
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
        error = buildah.build_buildah(context, dockerfile=dockerfile).error
        report = api.measure(str(context), dockerfile=str(dockerfile), builder="podman")
    fails = error is not None and QUIET not in error
    event("the build fails" if fails else "it does not")
    assert (level(report) == "build-fails") == fails, error
