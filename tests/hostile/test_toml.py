"""TOML that takes a parser more than its size: it is refused at once, and all else is read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ctxsize.config import policy_in
from ctxsize.errors import InputErrors
from ctxsize.toml import read_toml
from tests.hostile.limits import processor_seconds
from tests.trees import build_tree, file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MANY = 20_000
_CHECK_IN_EACH = """
import contextlib, io, json, resource, sys
from ctxsize.cli.app import run

resource.setrlimit(resource.RLIMIT_DATA, (512 << 20, 512 << 20))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
for directory in sys.argv[1:]:
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        code = run(["check", "--max", "1GB", directory])
    print(json.dumps([code, out.getvalue(), error.getvalue()]), flush=True)
"""
KEY = ".".join(["a"] * MANY)
QUOTED, LITERAL = '"a"', "'a'"
COSTLY = {
    "key": f"{KEY} = 1",
    "key with blanks": f"{' . '.join(['a'] * MANY)} = 1",
    "quoted key": f"{chr(46).join([QUOTED] * MANY)} = 1",
    "literal key": f"{chr(46).join([LITERAL] * MANY)} = 1",
    "table": f"[{KEY}]",
    "array of tables": f"[[{KEY}]]",
    "inline table": f"a = {{{KEY} = 1}}",
    "behind a long text": f'a = """b"""""\nc = {{d = """\\""" """", {KEY} = 1}}',
    "behind a literal text": f"a = '''b'''''\n{KEY} = 1",
    "behind a comment": f"a = 1 # '''\n{KEY} = 1 # '''",
    "tables": "".join(f"[a{number}{'.a' * 30}]\n" for number in range(MANY)),
    "arrays": f"a = {'[' * MANY}",
    "inline tables": f"a = {'{a = ' * MANY}",
}

FINE = {
    "texts": f"a = \"{KEY}\"\nb = \"\"\"{KEY}\n{KEY}\"\"\"\nc = '{KEY}'\nd = '''{KEY}'''",
    "comment": f"a = 1 # {KEY}",
    "brackets in texts": f'a = "{"[" * MANY}"',
    "many lines": "".join(f"a.b{number} = 1.5\n" for number in range(MANY)),
    "many parts": f"{'.'.join('a' * 32)} = 1",
    "numbers": f"a = [{'1.5, ' * MANY}]",
    "open brackets": "a = " + "[" * 100 + "]" * 100,
    "escapes": r'a = "\"" # "' + f'\nb = "\\\\" # {KEY}',
}


@pytest.mark.parametrize("name", ["ctxsize.toml", "pyproject.toml", "base.toml"])
def test_it_is_refused_before_it_is_parsed(name: str, tmp_path: Path) -> None:
    """In a child with little memory: the parser would need gigabytes."""
    for case, text in COSTLY.items():
        top = build_tree(tmp_path / case, ["Dockerfile", file(name, text.encode())])
        if name == "base.toml":
            (top / "ctxsize.toml").write_text('extends = "base.toml"\n')
    command = [sys.executable, "-c", _CHECK_IN_EACH, *COSTLY]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(COSTLY)
    for case, (code, out, error) in zip(COSTLY, answers, strict=True):
        assert (code, out) == (2, ""), (case, error)
        assert f"{name}:" in error, (case, error)
        assert "is not TOML" in error, (case, error)


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_a_policy_is_refused_without_its_content(text: str, tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    policy.write_text(text)
    with processor_seconds(20), pytest.raises(InputErrors, match="is not TOML"):
        policy_in(str(policy))


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_what_costs_little_is_read(text: str) -> None:
    assert read_toml(text.encode()) == tomllib.loads(text)


def test_the_line_is_named() -> None:
    text = f'a = """\n\n"""\n# b\n{KEY} = 1'
    with pytest.raises(ValueError, match=r"^a key has more than 32 parts \(at line 5, column 1\)$"):
        read_toml(text.encode())
