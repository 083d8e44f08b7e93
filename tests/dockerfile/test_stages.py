"""Stages, reachability and the need for a context: recorded cases, rules, an oracle, laws."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.dockerfile.context_need import ContextNeed, RequestedPaths, context_need
from ctxsize.dockerfile.parse import parse_dockerfile
from ctxsize.dockerfile.sources import Source, Unknown
from ctxsize.errors import DockerfileError
from tests.oracles.devtools import DevtoolsError, list_context
from tests.trees import build_tree

RECORDED = json.loads((Path(__file__).parents[1] / "data" / "followpaths.json").read_text("utf-8"))


def need(text: str, **options: Any) -> ContextNeed:
    return context_need(parse_dockerfile(text), **options)


def used(found: ContextNeed) -> bool:
    """Whether anything is asked of the build context."""
    return any(found.of(""))


def taken(found: ContextNeed) -> RequestedPaths:
    """The paths that are asked of the build context."""
    return next((each.paths for each in found.of("")), ())


def refusal(text: str, **options: Any) -> DockerfileError:
    with pytest.raises(DockerfileError) as caught:
        need(text, **options)
    return caught.value


def with_base(case: dict[str, Any]) -> str:
    """The Dockerfile of a recorded case, with a stage that has what its base image had."""
    values = [f"ENV {each}\n" for each in case.get("env", ())]
    triggers = [f"ONBUILD {each}\n" for each in case.get("onbuild", ())]
    text: str = case["dockerfile"]
    if not values + triggers:
        return text
    return "FROM scratch AS given\n" + "".join(values + triggers) + re.sub("alpine", "given", text)


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_asks_for_what_buildkit_asks_for(case: dict[str, Any]) -> None:
    options = {"target": case.get("target", ""), "build_arguments": case.get("args")}
    if case["error"]:
        # Its last words may name what it takes for meant.
        words, _, _ = case["error"].partition(" (did you mean")
        assert refusal(case["dockerfile"], **options).message == words
        return
    found = need(with_base(case), **options)
    assert used(found) is case["context_used"]
    expected = {"ALL": None} if case["follow_paths"] == "ALL" else {}
    assert taken(found) == expected.get("ALL", tuple(case["follow_paths"] or ()))


STAGES = "ARG V=1\nFROM a:$V AS One\nRUN x\nFROM --platform=$BUILDPLATFORM one\nCOPY a /\nFROM b\n"


def test_stages_have_names_labels_and_lines() -> None:
    stages = parse_dockerfile(STAGES).stages
    assert [(each.label, each.base, each.line) for each in stages] == [
        ("one", "a:$V", 2),
        ("stage-1", "one", 4),
        ("stage-2", "b", 6),
    ]
    assert stages[1].platform == "$BUILDPLATFORM"
    assert [len(each.instructions) for each in stages] == [1, 1, 0]


def test_sources_name_instruction_line_and_stage() -> None:
    text = (
        "FROM scratch AS s\nARG D=src\nCOPY ./$D/*.py b /\nADD https://x/y git://h/z c /\n"
        "RUN --mount=source=$D/m,target=/m --mount=type=tmpfs,target=/t true\n"
    )
    assert need(text).sources == (
        Source("COPY", 3, "s", "./$D/*.py", "src/*.py", "copy"),
        Source("COPY", 3, "s", "b", "b", "copy"),
        Source("ADD", 4, "s", "git://h/z", "git:/h/z", "git"),
        Source("ADD", 4, "s", "c", "c", "add"),
        Source("RUN", 5, "s", "$D/m", "src/m", "bind"),
        Source("RUN", 5, "s", "", ".", "tmpfs"),
    )


ASKED = [
    ("a tmpfs mount removes the filter", "RUN --mount=type=tmpfs,target=/t x\nCOPY a /", None),
    ("a cache mount does not", "RUN --mount=type=cache,target=/t x\nCOPY a /", ("a",)),
    ("ENV sees the old values", "ENV A=1\nENV A=2 B=$A\nCOPY $B /", ("1",)),
    ("a heredoc is no source", 'COPY ["<<E", "a", "/"]', ("a",)),
    ("flags beyond ASCII are garbled", "RUN --mount=source=é,target=/m x", ("Ã©",)),
    ("a path is asked for once", "COPY a ./a /a a/. /", ("a",)),
    ("PATH has a default", "COPY ${PATH%%:*} /", ("usr/local/sbin",)),
    ("a git source takes nothing", "ADD git@h:a.git /\nRUN x", ()),
]


@pytest.mark.parametrize(
    ("body", "paths"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED]
)
def test_one_stage_takes_the_paths_that_it_names(body: str, paths: tuple[str, ...] | None) -> None:
    found = need(f"FROM scratch\n{body}\n")
    assert taken(found) == paths
    assert used(found) is (paths != ())


def test_env_of_a_parent_stage_wins_over_its_later_arg() -> None:
    text = "FROM scratch AS p\nENV D=env\nARG D=arg\nCOPY $D/a /\nFROM p\nCOPY $D/b /\n"
    assert taken(need(text)) == ("arg/a", "env/b")


def test_a_reached_stage_that_ends_up_unused_widens_the_filter_only() -> None:
    text = (
        "FROM scratch AS u\nCOPY big /\nFROM scratch\nRUN --mount=type=tmpfs,from=u,target=/t x\n"
    )
    assert used(need(text)) is False
    assert taken(need(text + "COPY a /\n")) == ("a", "big")


def test_a_stage_called_scratch_is_reached_by_every_mount() -> None:
    text = "FROM alpine AS scratch\nCOPY a /\nFROM alpine\nRUN --mount=target=/m,source=b x\n"
    assert taken(need(text)) == ("a", "b")


def test_onbuild_of_a_stage_reaches_further_stages() -> None:
    text = (
        "FROM scratch AS dep\nCOPY a /\nFROM scratch AS base\nONBUILD COPY --from=dep /a /\n"
        "ONBUILD COPY b /\nFROM base\n"
    )
    found = need(text)
    assert taken(found) == ("a", "b")
    assert [(each.line, each.stage) for each in found.sources] == [(2, "dep"), (5, "stage-2")]


def test_platform_arguments_must_be_declared() -> None:
    text = "FROM scratch\nARG TARGETPLATFORM\nCOPY $TARGETPLATFORM $TARGETOS/x /\n"
    found = need(text, platform="linux/arm/v7", build_platform="linux/amd64")
    assert taken(found) == ("linux/arm/v7", "x")


# As Docker 28.5.2 (buildx 0.29.1) answers on linux/amd64; 26.1.5 agrees, but
# refuses a dot in a variant.
PLATFORMS = {
    "linux/arm64/v8": "linux/arm64 arm64",
    "linux/arm64/8": "linux/arm64 arm64",
    "linux/arm64/v8.0": "linux/arm64 arm64",
    "linux/ARM64/V8": "linux/arm64 arm64",
    "linux/aarch64/v8": "linux/arm64 arm64",
    "linux/aarch64": "linux/arm64 arm64",
    "linux/arm64/v9.0": "linux/arm64/v9 arm64 v9",
    "linux/arm64/v8.1": "linux/arm64/v8.1 arm64 v8.1",
    "linux/arm": "linux/arm/v7 arm v7",
    "arm": "linux/arm/v7 arm v7",
    "linux/arm/v6": "linux/arm/v6 arm v6",
    "linux/arm/5": "linux/arm/v5 arm v5",
    "linux/armhf": "linux/arm/v7 arm v7",
    "linux/armel/v7": "linux/arm/v6 arm v6",
    "linux/amd64/v1": "linux/amd64 amd64",
    "linux/x86_64/v2": "linux/amd64/v2 amd64 v2",
    "linux/x86-64": "linux/amd64 amd64",
    "linux/i386/x": "linux/386 386",
    "linux/riscv64": "linux/riscv64 riscv64",
    "windows(10.0.17763)/amd64": "windows/amd64 amd64",
    "PLAN9": "plan9/amd64 amd64",
    "js": "js/amd64 amd64",
    "ppc64": "linux/ppc64 ppc64",
    "mips64p32": "linux/mips64p32 mips64p32",
}


@pytest.mark.parametrize("given", PLATFORMS)
def test_platforms_are_normalised(given: str) -> None:
    names = ("PLATFORM", "ARCH", "VARIANT", "OSVERSION")
    for prefix, option in (("TARGET", "platform"), ("BUILD", "build_platform")):
        declared = " ".join(prefix + name for name in names)
        text = f"FROM scratch\nARG {declared}\nCOPY ${' $'.join(declared.split())} /\n"
        paths = [source.path for source in need(text, **{option: given}).sources]
        assert [path for path in paths if path != "."] == PLATFORMS[given].split()


# What Docker 28.5.2 takes. To some of it, 26.1.5 gave another answer.
NEWER = [
    ("FROM scratch\nARG TARGETSTAGE\nCOPY $TARGETSTAGE /\n", ("default",)),
    ("FROM scratch AS t\nARG TARGETSTAGE\nCOPY $TARGETSTAGE /\n", ("t",)),
    ("ARG X=$TARGETSTAGE\nFROM scratch AS t\nARG X\nCOPY $X /\n", ("t",)),
    ("FROM scratch AS default\nCOPY a /\nFROM $TARGETSTAGE\n", ("a",)),
    ("FROM scratch\nARG TARGETSTAGE=b\nCOPY $TARGETSTAGE /\n", ("b",)),
    ("ARG TARGETSTAGE=b\nFROM scratch\nARG TARGETSTAGE\nCOPY $TARGETSTAGE /\n", ("b",)),
    ("FROM scratch\nARG TARGETSTAGE\nCOPY b /$TARGETSTAGE\n", ("b",)),
    ("FROM scratch\nCOPY x$TARGETSTAGE /\n", ("x",)),
    ("FROM scratch\nARG TARGETARCH\nCOPY x$TARGETARCH /\n", ("xamd64",)),
    ("ARG TARGETARCH\nFROM scratch\nARG TARGETARCH\nCOPY x$TARGETARCH /\n", ("xamd64",)),
    ("ARG TARGETARCH\nFROM scratch AS amd64\nCOPY a /\nFROM $TARGETARCH\n", ("a",)),
    ("ARG X=$TARGETARCH\nFROM scratch\nARG X\nCOPY x$X /\n", ("xamd64",)),
    ("ARG TARGETARCH=t\nFROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /\n", ("t",)),
    ('FROM scratch\nCOPY ["a","/o/"]\n', ("a",)),
    (
        "FROM scratch\nCOPY [a] b /\n",
        (
            "[a]",
            "b",
        ),
    ),
    ("FROM scratch\nCOPY --exclude=x d /\n", ("d",)),
    ("FROM scratch\nCOPY --exclude=d --exclude=d d /\n", ("d",)),
    ("FROM scratch\nARG V=d\nCOPY --exclude=$V --exclude= d /\n", ("d",)),
    ("FROM scratch\nADD --exclude=* d /\n", ("d",)),
    ("FROM scratch\nADD --unpack=false a /\n", ("a",)),
    ("FROM scratch AS u\nADD --unpack b /\nFROM scratch\nCOPY a /\n", ("a",)),
    ("FROM scratch AS s\nONBUILD COPY --exclude=x d /\nFROM scratch\nCOPY a /\n", ("a",)),
    ("FROM scratch AS s\nONBUILD COPY --exclude=x d /\nFROM s\n", ("d",)),
    ("# syntax=docker/dockerfile:1\nFROM scratch\nCOPY --exclude=x d /\n", ("d",)),
]


@pytest.mark.parametrize(("text", "paths"), NEWER)
def test_takes_what_the_newer_engine_takes(text: str, paths: tuple[str, ...]) -> None:
    assert tuple(source.path for source in need(text).sources) == paths


def test_a_heredoc_knows_no_escape_directive() -> None:
    need("# escape=`\nFROM scratch\nCOPY <<E /\n\\${a^}\nE\n")
    assert refusal("# escape=`\nFROM scratch\nCOPY <<E /\n`${a^}\nE\n").line == 3


def test_a_given_argument_is_the_same_for_all_engines() -> None:
    text = (
        "ARG TARGETARCH\nFROM scratch\nARG TARGETARCH TARGETSTAGE\nCOPY $TARGETARCH$TARGETSTAGE /\n"
    )
    found = need(text, build_arguments={"TARGETARCH": "a", "TARGETSTAGE": "b"})
    assert (taken(found), found.unknowns) == (("ab",), ())


FETCHES = "COPY fetches neither URLs nor git repositories: use ADD"
FAILS = [
    ("FROM $X\n", 1, "base name ($X) should not be blank"),
    ("FROM --platform=$X a\n", 1, '"": cannot parse platform specifier'),
    (
        "FROM Alpine\n",
        1,
        'invalid image name "Alpine": its path must be lower case, with no empty part',
    ),
    (
        "FROM a AS b-\n",
        1,
        'invalid image name "b-": its path must be lower case, with no empty part',
    ),
    ("FROM a\nCOPY --from=7 x y\n", 2, "invalid stage index 7"),
    ("FROM a AS b\nCOPY --from=b x y\n", 1, "circular dependency detected on stage: b"),
    (
        "FROM a AS x\nCOPY --from=y q /\nFROM a AS y\nFROM x\n",
        2,
        'stage "y" must be defined before it is used',
    ),
    ("FROM a\nCOPY https://x/y /\n", 2, FETCHES),
    ("FROM a\nCOPY git@h:a.git /\n", 2, FETCHES),
    ("FROM a\nRUN --mount=type=x,target=/m y\n", 2, 'unsupported mount type "x"'),
    ("FROM a\nRUN --mount=target=/ y\n", 2, 'invalid mount target "/"'),
    ("FROM a\nRUN --mount=target=/m,foo=1 y\n", 2, "unexpected key 'foo' for mount type 'bind'"),
    ("FROM a\nARG A=${B:?no}\n", 2, 'failed to process "${B:?no}": B: no'),
    (
        "FROM a\nCOPY <<E /x\n${a^}\nE\n",
        2,
        'failed to process "${a^}\\n": unsupported modifier (^) in substitution',
    ),
    ("FROM a\nONBUILD FOO\nFROM a AS b\nONBUILD FOO\nFROM b\n", 4, "unknown instruction: FOO"),
]


@pytest.mark.parametrize(("text", "line", "reason"), FAILS)
def test_fails_where_buildkit_fails(text: str, line: int, reason: str) -> None:
    error = refusal(text)
    assert (error.line, error.message) == (line, reason)


MOUNTS = [
    ("type=secret,id=x", ""),
    ("type=secret,id=x,required", ""),
    ("type=secret,id=x,required=true,mode=0400,uid=1", ""),
    ("type=bind,target=/m,required", "unexpected key 'required' for mount type 'bind'"),
    ("target=/m,required=1", "unexpected key 'required' for mount type 'bind'"),
    ("target=/m,rw", ""),
    ("type=tmpfs,target=/t,size=1m", ""),
    ("target=/t,size=1m", "unexpected key 'size' for mount type 'bind'"),
    ("type=cache,target=/t,sharing=locked", ""),
    ("target=/t,sharing=locked", "unexpected key 'sharing' for mount type 'bind'"),
    ("target=/t,mode=0755", "unexpected key 'mode' for mount type 'bind'"),
    ("type=secret", "invalid secret mount. one of source, target required"),
    ("type=secret,id=x,from=y", "secret mount should not have a from"),
    ("type=secret,id=a,sharing=shared", "unexpected key 'sharing' for mount type 'secret'"),
    ("type=ssh,source=a", "ssh does not support source"),
    ("target=/m,foo", "invalid field 'foo' must be a key=value pair"),
    ("target=/m,sorce=a", "unexpected key 'sorce' for mount type 'bind'"),
    ("type=bnid,target=/m", 'unsupported mount type "bnid"'),
    ("type=cache,from=nope,target=/m", ""),
]


@pytest.mark.parametrize(("mount", "reason"), MOUNTS)
def test_accepts_the_mounts_that_buildkit_accepts(mount: str, reason: str) -> None:
    text = f"FROM a\nRUN --mount={mount} y\n"
    if not reason:
        need(text)
        return
    assert refusal(text).message == reason


def test_a_failure_in_a_stage_that_is_not_reached_is_none() -> None:
    assert used(need("FROM a\nRUN --mount=type=x,target=/m y\nFROM a\n")) is False


def named(found: ContextNeed) -> list[tuple[str, RequestedPaths]]:
    """What is asked of named contexts."""
    return [(each.context, each.paths) for each in found.asked if each.context]


def test_named_contexts_have_their_own_filters() -> None:
    text = (
        "FROM lib AS l\nFROM docker.io/library/alpine:latest\nCOPY --from=lib a /\n"
        "COPY --from=lib a /b\nCOPY --from=lib c /\nCOPY --from=l d /\nCOPY e /\n"
    )
    found = need(text, contexts={"lib": False, "alpine": False})
    assert taken(found) == ("e",)
    assert named(found) == [("alpine", None), ("lib", ("a",)), ("lib", ("c",)), ("lib", ("d",))]
    assert [each.context for each in found.sources] == ["lib", "lib", "lib", "lib", ""]
    assert found.unknowns == ()


def test_only_stages_are_safe_from_a_context_called_context() -> None:
    copied = need("FROM scratch\nCOPY --from=context a /\n", contexts={"context": False})
    assert named(copied) == [("context", ("a",))]
    stage = "FROM scratch AS context\nCOPY b /\nFROM scratch\nCOPY --from=context b /\n"
    assert taken(need(stage, contexts={"context": False})) == ("b",)


def test_a_named_context_replaces_a_stage() -> None:
    text = "FROM alpine AS dep\nCOPY big /\nFROM alpine\nCOPY --from=dep x /\n"
    found = need(text, contexts={"dep": False})
    assert (used(found), named(found)) == (False, [("dep", ("x",))])


def test_a_stage_that_a_named_context_replaces_leaves_only_its_triggers() -> None:
    text = "FROM alpine AS dep\nENV A=1\nONBUILD COPY x /\nFROM dep\nCOPY y$A /\n"
    found = need(text, contexts={"dep": False})
    assert (taken(found), named(found)) == (("x", "y"), [("dep", None)])


def test_a_named_context_that_a_command_may_read_is_asked_for_whole() -> None:
    text = "FROM lib AS l\nRUN x\nFROM scratch\nCOPY --from=l d /\n"
    assert named(need(text, contexts={"lib": False})) == [("lib", None)]


def test_what_cannot_be_known_is_said() -> None:
    text = (
        "# syntax=some/frontend:1\nFROM alpine\nARG V\nENV W=$V-$X\nARG K=known\n"
        "COPY $K /\nCOPY $W /\n"
    )
    assert need(text).unknowns == (
        Unknown("syntax", "some/frontend:1", 1),
        Unknown("onbuild", "alpine", 2),
        Unknown("argument", "V", 7),
        Unknown("environment", "X", 7),
    )
    known = text.replace("FROM alpine\n", "FROM scratch\nENV X=x\n")
    arguments = {"V": "v", "BUILDKIT_SYNTAX": "docker/dockerfile:1"}
    assert need(known, build_arguments=arguments).unknowns == ()


def test_unknowns_of_stages_that_are_not_reached_are_not_said() -> None:
    assert need("FROM alpine\nCOPY $X /\nFROM scratch\n").unknowns == ()


TREE = ["a.py", "b.txt", "src/m.py", "src/n.txt", "src/deep/x.py", "lib/y.py"]
# docker-devtools splits with BuildKit's own parser, but follows neither mounts
# nor variables: those are left to the recorded cases and the laws.
PLAIN = [
    *("COPY a.py /", "COPY b.txt lib /x/", "ADD src/*.py /", "COPY s*c /", "COPY missing* /"),
    *("COPY ./src/../lib /", 'COPY ["b.txt", "/"]', "COPY src/deep \\\n\n# no\n  lib /", "RUN x"),
    *("COPY <<E /\nCOPY a.py /\nE", "ENV D=lib", "COPY --link --chown=1 lib/../src/n.txt /"),
    *("COPY --from=one /q /", "COPY --from=two /q /", "COPY --from=0 /q /", "WORKDIR /w"),
    *("RUN <<E\nCOPY b.txt /\nE", "ADD https://example.invalid/x /", "COPY . /", "copy a.py /"),
]
MOUNTS_AND_VARIABLES = [
    *("COPY $D/y.py /", "ARG D=src\nCOPY ${D%c}c/deep /", "RUN --mount=from=one,target=/m x"),
    *("RUN --mount=source=lib,target=/m x", "RUN --mount=type=tmpfs,target=/t x"),
]


@st.composite
def dockerfiles(draw: st.DrawFn, instructions: list[str]) -> str:
    """Three stages, of which later ones may take from earlier ones."""
    bodies = st.lists(st.sampled_from(instructions), max_size=3).map("\n".join)
    bases = st.sampled_from(["alpine", "scratch", "one"])
    first = re.sub("=(one|two|0)", "=busybox", draw(bodies))
    second = draw(bodies).replace("=two", "=one")
    last = draw(bodies)
    return (
        f"FROM alpine AS one\n{first}\nFROM {draw(bases)} AS two\n{second}\n"
        f"FROM {draw(bases | st.just('two'))}\n{last}\n"
    )


def sent(tree: list[str], found: ContextNeed) -> set[str]:
    """The files of a tree without links that a need comes to."""
    if not used(found) or taken(found) is None:
        return set(tree) if used(found) else set()
    return {path for path in tree for pattern in taken(found) if below(path, pattern)}


def below(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) >= len(wanted) and all(map(fnmatchcase, parts, wanted))


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tree(tmp_path_factory.mktemp("need") / "context", TREE)


@pytest.mark.fuzz
@given(text=dockerfiles(PLAIN), target=st.sampled_from(["", "", "one", "Two"]))
def test_takes_the_files_that_devtools_lists(context: Path, text: str, target: str) -> None:
    dockerfile = context.parent / "Dockerfile"
    dockerfile.write_text(text, "utf-8")
    try:
        listed = list_context(context, dockerfile=dockerfile, target=target or None, whole=False)
    except DevtoolsError:
        with suppress(DockerfileError):
            assert need(text, target=target) is None
        return
    theirs = {entry.name for entry in listed if not entry.name.endswith("/")}
    assert sent(TREE, need(text, target=target)) == theirs


@given(dockerfiles(PLAIN + MOUNTS_AND_VARIABLES), st.sampled_from(["", "one", "two"]))
def test_a_need_is_consistent(text: str, target: str) -> None:
    found = need(text, target=target)
    paths = {source.path for source in found.sources if not source.context}
    if not used(found):
        assert taken(found) == ()
    elif taken(found) is None:
        assert "." in paths
    else:
        assert set(taken(found)) == paths
        assert list(taken(found)) == sorted(taken(found))


@given(st.text(alphabet='FROMCPYaSR \n\\$"{}[]=-.,<:', max_size=60), st.sampled_from(["", "a"]))
def test_any_text_has_a_need_or_is_refused(body: str, target: str) -> None:
    with suppress(DockerfileError):
        need(f"FROM a AS a\nCOPY {body} /\n", target=target)


@pytest.mark.parametrize("trigger", ["COPY", "COPY --link", "COPY a", "ADD --unknown=x"])
def test_a_trigger_without_words_fails_where_it_runs(trigger: str) -> None:
    with pytest.raises(DockerfileError) as found:
        need(f"FROM scratch AS base\nONBUILD {trigger}\nFROM base\n")
    assert found.value.line == 2
