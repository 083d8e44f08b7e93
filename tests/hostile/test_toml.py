"""TOML that takes a parser more than its size: it is refused at once, and all else is read."""

from __future__ import annotations

import resource
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
MOST_MIB = 512
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


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
@pytest.mark.parametrize("name", ["ctxsize.toml", "pyproject.toml", "base.toml"])
def test_it_is_refused_before_it_is_parsed(name: str, text: str, tmp_path: Path) -> None:
    """In a child with little memory: the parser would need gigabytes."""
    top = build_tree(tmp_path / "top", ["Dockerfile", file(name, text.encode())])
    if name == "base.toml":
        (top / "ctxsize.toml").write_text('extends = "base.toml"\n')

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MIB << 20, MOST_MIB << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))

    command = [sys.executable, "-m", "ctxsize", "check", "--max", "1GB", "."]
    done = subprocess.run(
        command, cwd=top, preexec_fn=limit, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert f"{name}:" in done.stderr or f"{name}: " in done.stderr
    assert "is not TOML" in done.stderr


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
