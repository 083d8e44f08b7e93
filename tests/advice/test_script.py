"""RUNs of every form, taken apart and changed: what is read of them afterwards."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ctxsize.advice import advise as run
from ctxsize.advice.recipe import with_words, without_option
from ctxsize.config import Config
from ctxsize.dockerfile.instructions import Instruction
from ctxsize.dockerfile.parse import parse_dockerfile
from ctxsize.dockerfile.shell import commands_of
from ctxsize.repository import discover
from tests.trees import build_tree, file

WORDS = (
    "npm ci",
    "cd /a",
    "echo 'a; b' \"c && d\"",
    "set -e",
    "X=1 make -j4",
    "a >b 2>&1",
    "\u00e4 $Y",
)
GROUPS = ("if a; then b; fi", "{ a; b; }", "(a && b)", "for x in 1 2; do c $x; done", "a || true")
JOINTS = (" && ", "; ", " \\\n    && ", " && \\\n  # c && d\n\n    ", ";\\\n", " | ")
ENDS = ("", " # done", ";", " \\\n  # c\n\n  -v")

simple = st.sampled_from(WORDS)
piece = st.one_of(simple, simple, simple, st.sampled_from(GROUPS))
mounts = st.lists(
    st.sampled_from(
        ("--mount=type=cache,target=/c", '--mount="type=tmpfs,target=/t"', "--network=none")
    ),
    max_size=2,
    unique=True,
)


@st.composite
def shells(draw: st.DrawFn) -> str:
    """A list of commands on one or more lines."""
    pieces = draw(st.lists(piece, min_size=1, max_size=4))
    text = pieces[0]
    for each in pieces[1:]:
        text += draw(st.sampled_from(JOINTS)) + each
    return text + draw(st.sampled_from(ENDS))


@st.composite
def runs(draw: st.DrawFn) -> str:
    """A RUN in any form."""
    flags = "".join(each + draw(st.sampled_from((" ", " \\\n  "))) for each in draw(mounts))
    form = draw(st.sampled_from(("shell", "heredoc", "json")))
    if form == "json":
        return f"RUN {flags}{json.dumps(draw(st.sampled_from((['npm', 'ci'], ['a', 'b c']))))}\n"
    if form == "heredoc":
        lines = draw(
            st.lists(st.one_of(piece, st.just("# c"), st.just("")), min_size=1, max_size=4)
        )
        body = "".join(f"  {each}\n" for each in [draw(simple), *lines])
        return f"RUN {flags}<<EOF\n{body}EOF\n"
    keyword = draw(st.sampled_from(("RUN ", "run   ", "RUN \\\n  ")))
    return f"{keyword}{flags}{draw(shells())}\n"


def read(text: str) -> Instruction:
    (_, instruction, _) = parse_dockerfile(f"FROM a\n{text}LABEL a=b\n").instructions
    return instruction


def after(text: str, made: str) -> Instruction:
    """The RUN once it is changed; what is around it must be as it was."""
    (_, instruction, last) = parse_dockerfile(f"FROM a\n{made}\nLABEL a=b\n").instructions
    assert last.text == "LABEL a=b"
    return instruction


def words(instruction: Instruction) -> list[tuple[str, ...]]:
    return [each.words for each in commands_of(instruction)]


@given(runs())
@example("RUN npm ci && set -e \\\n  -v\n")
@example("RUN --mount=type=cache,target=/c <<EOF\n  make -v\nEOF\n")
def test_an_option_is_dropped_and_nothing_else_changes(text: str) -> None:
    programs = ("npm", "make", "a", "c", "set")
    made = without_option(text.rstrip("\n"), "\\", "-v", lambda each: each.program in programs)
    if made is not None:
        assert read(made + "\n").flags == read(text).flags
        assert words(after(text, made)) == [
            tuple(word for word in each if word != "-v" or each[0] not in programs)
            for each in words(read(text))
        ]


def test_an_option_of_another_program_is_not_dropped() -> None:
    text = "RUN apk add --no-cache git && uv sync --no-cache"
    assert without_option(text, "\\", "--no-cache", lambda each: each.program == "uv") is None
    assert without_option(text, "\\", "--no-cache", lambda _: True) == "RUN apk add git && uv sync"


@given(runs())
def test_a_mount_is_changed_and_nothing_else(text: str) -> None:
    before = "--mount=type=cache,target=/c"
    made = with_words(text.rstrip("\n"), "\\", {before: "--mount=type=ssh"})
    assert (made is None) == (before not in read(text).flags)
    if made is not None:
        assert after(text, made).flags == tuple(
            "--mount=type=ssh" if each == before else each for each in read(text).flags
        )
        assert words(after(text, made)) == words(read(text))


@pytest.mark.parametrize(
    "text",
    [
        "RUN --mount=type=cache,\\\ntarget=/c make",
        'RUN "--mount=type=cache,target=/c" make',
        "RUN --mount=type=cache,target=/c echo --mount=type=cache,target=/c",
    ],
)
def test_a_mount_that_is_not_written_plainly_stays(text: str) -> None:
    assert with_words(text, "\\", {"--mount=type=cache,target=/c": "--mount=type=ssh"}) is None


BASES = ("node:22", "python:3-slim", "rust:1-alpine", "golang:1-trixie", "debian:12")
BETWEEN = ("ENV A=b", "WORKDIR /app", "USER node", "ARG X", "# note", "COPY a /x", "RUN date", "")
COPIES = ("COPY . .", "ADD . /app", "COPY --chown=1 ./ ./", 'COPY [".", "/app/"]', "COPY a b /")
INSTALLS = (
    *("npm ci", "yarn", "pnpm i --frozen-lockfile", "pip install -r requirements.txt", "go build"),
    *("cargo build --release", "cargo chef cook", "uv sync", "bundle install", "poetry install"),
    *("apt-get update", "apt-get install -y a", "rm -rf /var/lib/apt/lists/*", "apt-get clean"),
    *(
        "cp target/release/a /a",
        "pip install --no-cache-dir a",
        "cd /app",
        "npm cache clean --force",
    ),
)
CACHES = (
    *("/root/.npm", "/app/target", "target", "/root/.cache/pip", "/root/.cache", "/go/pkg/mod"),
    *("/var/cache/apt", "/var/lib/apt,sharing=locked", "/usr/local/cargo/registry", "/a,id=x"),
)
MANIFESTS = (
    "package.json",
    "yarn.lock",
    "requirements.txt",
    "go.mod",
    "Cargo.toml",
    "Gemfile",
    "a",
    "b",
)


@st.composite
def stages(draw: st.DrawFn, number: int) -> str:
    """A stage with copies, installs and what stands between them."""
    base = draw(st.sampled_from((*BASES, *(f"s{each}" for each in range(number)))))
    lines = [f"FROM {base} AS s{number}"]
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.integers(0, 3))
        if kind < 2:
            mounted = draw(st.lists(st.sampled_from(CACHES), max_size=2, unique=True))
            flags = "".join(f"--mount=type=cache,target={each} " for each in mounted)
            listed = draw(st.lists(st.sampled_from(INSTALLS), min_size=1, max_size=3))
            joint = draw(st.sampled_from((" && ", "; ", " && \\\n    ", "\n")))
            body = joint.join(listed)
            lines.append(
                f"RUN {flags}<<EOF\n{body}\nEOF" if joint == "\n" else f"RUN {flags}{body}"
            )
        else:
            lines.append(draw(st.sampled_from(COPIES if kind == 2 else BETWEEN)))
    if number:
        taken = draw(
            st.sampled_from(
                ("/app/target/release/a", "/a", "target/release/a", "/app/node_modules")
            )
        )
        lines.append(f"COPY --from=s{number - 1} {taken} /out{number}/")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> str:
    nodes = [file(name, b"" if name == "package.json" else None) for name in MANIFESTS]
    return str(
        build_tree(tmp_path_factory.mktemp("context") / "repository", [*nodes, "Dockerfile"])
    )


@given(st.integers(1, 3).flatmap(lambda n: st.tuples(*(stages(each) for each in range(n)))))
def test_all_rewrites_together_leave_a_dockerfile_with_nothing_to_rewrite(
    context: str, parts: tuple[str, ...]
) -> None:
    with open(f"{context}/Dockerfile", "w") as target:
        target.write("".join(parts))
    discovery = discover(context)
    advice = run(discovery, unsafe=True, ignore=["CTX201"], config=Config())
    assert not advice.problems
    assert not [each for each in advice.findings if each.fix is not None]
    for edit in advice.edits:
        parse_dockerfile(edit.after)
