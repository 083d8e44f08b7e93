"""What only ctxsize cannot evaluate is never called a failing build."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.dockerfile import state
from ctxsize.errors import UnknownPatternError
from tests.cli.conftest import Cli
from tests.trees import COPY_ALL, build_tree, file

PATTERNS = [r"\p{Greek}*", r"!\P{Han}", r"x[\p{Cyrillic}a]", r"**/\p{^Latin}*"]
COMMANDS = ["measure", "ls", "suggest", "explain a", "check --max 1MB", "lint", "scan"]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("builder", ["buildkit", "classic", "podman"])
def test_a_script_in_a_pattern(pattern: str, builder: str, cli: Cli, tmp_path: Path) -> None:
    lines = f"x\n{pattern}\n".encode()
    nodes = ["a", "b", file("Dockerfile", COPY_ALL), file(".dockerignore", lines)]
    where = build_tree(tmp_path / "ctx", nodes)
    with pytest.raises(UnknownPatternError) as raised:
        api.measure(str(where), builder=builder)
    assert raised.value.line == 2
    for command in COMMANDS if builder == "buildkit" else ["measure"]:
        named = () if command == "scan" else ("--builder", builder)
        result = cli(*command.split(), *named, cwd=where, columns=300)
        assert "ctxsize cannot evaluate this pattern" in result.out + result.err, command
        assert "fails" not in result.out + result.err, command
        assert "CTX121" not in result.out


@pytest.mark.parametrize("source", [r"\p{Greek}*", r"d/[\p{Han}]?"])
def test_a_script_in_a_source(source: str, cli: Cli, tmp_path: Path) -> None:
    text = f'FROM scratch\nCOPY ["{source}", "a", "/"]\n'.replace("\\", "\\" * 4).encode()
    where = build_tree(tmp_path / "ctx", ["a", "d/a", file("Dockerfile", text)])
    (problem,) = api.measure(str(where)).problems
    assert problem.message.startswith("what the Dockerfile takes is not known: ctxsize cannot")
    assert (problem.code, problem.line) == ("transfer-unknown", 2)
    result = cli("measure", cwd=where)
    assert result.code == 0
    assert "fails" not in result.out + result.err
    listed = cli("ls", "--transfer", cwd=where)
    assert listed.code == 2
    assert "ctxsize cannot evaluate" in listed.err
    assert "fails" not in listed.err


LONG = "x" * 60_000
LIMITS = {
    "words": f"FROM scratch\nENV A={LONG}\n" + f"ENV B={'$A' * 200}\n" * 12 + "COPY a /\n",
    "one word": f"FROM scratch\nENV A={LONG}\nENV B={'$A' * 300}\nCOPY a /\n",
    "one word in braces": f"FROM scratch\nENV A={LONG}\nENV B=${{N:-{'$A' * 300}}}\nCOPY a /\n",
    "triggers": "FROM scratch AS s0\n"
    + "ONBUILD LABEL a=b\n" * 1000
    + "".join(f"FROM s0 AS s{i + 1}\n" for i in range(120))
    + "FROM scratch\n"
    + "".join(f"COPY --from=s{i + 1} /a /\n" for i in range(10))
    + "COPY a /\n",
}
"""Dockerfiles beyond a limit of ctxsize; of no limit of Docker is anything known."""


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_of_ctxsize_is_no_failing_build(
    name: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each command takes long up to the true limit; `tests/hostile/test_time.py` has that.
    monkeypatch.setattr(state, "_MOST_MADE", 2**23)
    where = build_tree(tmp_path / "ctx", ["a", file("Dockerfile", LIMITS[name].encode())])
    (problem,) = [e for e in api.measure(str(where)).problems if e.code == "transfer-unknown"]
    assert problem.message.startswith("what the Dockerfile takes is not known: ")
    assert " ctxsize " in problem.message
    assert not problem.fails
    commands = [*COMMANDS, "ls --transfer", "advise", "explain --source a"]
    for command in commands:
        result = cli(*command.split(), cwd=where, columns=300)
        told = result.out + result.err
        assert "fails" not in told, command
        assert "builder accepts" not in told, command
        assert result.code in (0, 1, 2), command
