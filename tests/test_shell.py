"""Shell text and its commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.shell import commands

TABLE: dict[str, list[tuple[str, ...]]] = {
    "": [],
    "npm ci": [("npm", "ci")],
    "apt-get update && apt-get install -y curl || true": [
        ("apt-get", "update"),
        ("apt-get", "install", "-y", "curl"),
        ("true",),
    ],
    "a; b | c & d": [("a",), ("b",), ("c",), ("d",)],
    "echo 'a;b' \"c && d\" e\\;f": [("echo", "a;b", "c && d", "e;f")],
    "pip install \\\n  -r x.txt \\\n  y": [("pip", "install", "-r", "x.txt", "y")],
    "a # b && c\nd": [("a",), ("d",)],
    "echo a#b": [("echo", "a#b")],
    "sudo -E -u me npm ci": [("npm", "ci")],
    "env -i A=1 cargo build": [("cargo", "build")],
    "sh -c 'a && b'": [("a",), ("b",)],
    "/bin/bash -o pipefail -exc 'a; b' && c": [("a",), ("b",), ("c",)],
    "bash script.sh": [("bash", "script.sh")],
    "bash <<EOF\na\nb\nEOF\nc": [("a",), ("b",), ("c",)],
    "cat > f <<'EOF'\nnpm ci\nEOF\nc": [("cat",), ("c",)],
    "cat <<-EOF > f\n\tnpm ci\n\tEOF\nc": [("cat",), ("c",)],
    "make 2>&1 >/dev/null < in": [("make",)],
    "curl x | tee a >> b": [("curl", "x"), ("tee", "a")],
    "if [ -f x ]; then npm ci; else yarn; fi": [("[", "-f", "x", "]"), ("npm", "ci"), ("yarn",)],
    "for x in a b; do pip install $x; done": [("pip", "install", "$x")],
    "while ! a; do b; done": [("a",), ("b",)],
    "(cd x && make); { a; }": [("cd", "x"), ("make",), ("a",)],
    "echo $(npm ci; x) `y z` ${a:-b c} $d": [("echo", "$(npm ci; x)", "`y z`", "${a:-b c}", "$d")],
    'echo "$(echo "a b")"': [("echo", '$(echo "a b")')],
    "echo 'open": [("echo", "open")],
    "a &&\nb": [("a",), ("b",)],
    "a\r\nb": [("a",), ("b",)],
}


@pytest.mark.parametrize("text", TABLE)
def test_words(text: str) -> None:
    assert [each.words for each in commands(text)] == TABLE[text]


def test_assignments_operators_and_lines() -> None:
    found = commands("A=1 B='x y' make\n\nC=2 && sh -c 'D=3 a' | bash <<E\nb\nc\nE\nd")
    assert [(each.program, dict(each.assignments), each.after, each.line) for each in found] == [
        ("make", {"A": "1", "B": "x y"}, "", 0),
        ("", {"C": "2"}, ";", 2),
        ("a", {"D": "3"}, "", 2),
        ("b", {}, "", 3),
        ("c", {}, ";", 4),
        ("d", {}, ";", 6),
    ]


def test_options() -> None:
    (command,) = commands("/usr/bin/pip install --no-cache-dir --target=/x -r a.txt b")
    assert command.program == "pip"
    assert command.has("--no-cache-dir")
    assert command.has("--target", "-t")
    assert not command.has("-x")
    assert command.value("--target") == "/x"
    assert command.value("-r") == "a.txt"
    assert command.value("-i") is None
    assert command.operands == ("install", "a.txt", "b")


@given(st.text(alphabet="ab 'x\"\\\n;&|()<>$`{}#=E-", max_size=40))
def test_any_text_ends(text: str) -> None:
    for command in commands(text):
        assert command.words or command.assignments
