"""Shell text and its commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.dockerfile.instructions import Instruction
from ctxsize.dockerfile.parse import parse_dockerfile
from ctxsize.dockerfile.shell import commands, commands_of, in_directories, is_known, is_read_whole
from tests.hostile.limits import processor_seconds

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
    'npm >"$(mktemp)" 2>&1 ci': [("npm", "ci"), ("mktemp",)],
    'bash >"$(mktemp)" 2>&1 <<EOF\nnpm ci\nEOF\n': [("npm", "ci"), ("mktemp",)],
    "cat > f <<'EOF'\nnpm ci\nEOF\nc": [("cat",), ("c",)],
    "cat <<-EOF > f\n\tnpm ci\n\tEOF\nc": [("cat",), ("c",)],
    "make 2>&1 >/dev/null < in": [("make",)],
    "curl x | tee a >> b": [("curl", "x"), ("tee", "a")],
    "if [ -f x ]; then npm ci; else yarn; fi": [("[", "-f", "x", "]"), ("npm", "ci"), ("yarn",)],
    "for x in a b; do pip install $x; done": [("pip", "install", "$x")],
    "while ! a; do b; done": [("a",), ("b",)],
    "(cd x && make); { a; }": [("cd", "x"), ("make",), ("a",)],
    "echo $(npm ci; x) `y z` ${a:-b c} $d": [
        *(("npm", "ci"), ("x",), ("y", "z")),
        ("echo", "$(npm ci; x)", "`y z`", "${a:-b c}", "$d"),
    ],
    'echo "$(echo "a b")"': [("echo", "a b"), ("echo", '$(echo "a b")')],
    "echo 'open": [("echo",)],
    "a &&\nb": [("a",), ("b",)],
    "a\r\nb": [("a",), ("b",)],
    "case $x in a|b) npm ci;; *) yarn ;; esac": [("npm", "ci"), ("yarn",)],
    "case x in (make) a ;; esac": [("a",)],
    "make() { npm ci; }": [("npm", "ci")],
    "function make { npm ci; }": [("npm", "ci")],
    "[[ make && $a == npm* ]] && b": [("[[", "make", "&&", "$a", "==", "npm*", "]]"), ("b",)],
    "[ a = b -o -f c ]": [("[", "a", "=", "b", "-o", "-f", "c", "]")],
    "for ((; i < make; i++)); do a; done": [("a",)],
    "(( make )); a": [("a",)],
    "select x in make; do a; done": [("a",)],
    "for x in make npm; do a; done": [("a",)],
    "export A=b C='d e' F": [("export", "A=b", "C=d e", "F")],
    "local x; unset A": [("local", "x"), ("unset", "A")],
    "diff <(npm ci) b": [("npm", "ci"), ("diff", "<(npm ci)", "b")],
    "echo ${a:-$(b)} $((1 + $(c)))": [("b",), ("c",), ("echo", "${a:-$(b)}", "$((1 + $(c)))")],
    "cat <<EOF\n$(npm ci) x\nEOF": [("cat",), ("npm", "ci")],
    "cat <<'EOF'\n$(npm ci) x\nEOF": [("cat",)],
    "bash <<A | b\na\nA\nc": [("a",), ("b",), ("c",)],
    "cat <<A > x && b\nnpm ci\nA\nc": [("cat",), ("b",), ("c",)],
    "bash <<A && >x b\nc\nA": [("c",), ("b",)],
    "sh <<A && b >x c\nd\nA": [("d",), ("b", "c")],
    "while a; do b; done <<A\nnpm ci\nA": [("a",), ("b",)],
    "a <<< 'npm ci' b": [("a", "b")],
    "a >b c 2>&1 d": [("a", "c", "d")],
    ">a b c": [("b", "c")],
    "a | b |& c; ! d": [("a",), ("b",), ("c",), ("d",)],
    "a $'b' 'c'd\"e\"": [("a", "b", "cde")],
    "a {b,c}/d *.e ~/f": [("a", "{b,c}/d", "*.e", "~/f")],
    "a 'b\nc'\nd": [("a", "b\nc"), ("d",)],
    "timeout -k 5 60 npm ci; time -p yarn": [("npm", "ci"), ("yarn",)],
    "gosu node npm ci; su-exec 1:1 yarn": [("npm", "ci"), ("yarn",)],
    "su - app -c 'npm ci'": [("npm", "ci")],
    "sudo sh -c \"sh -c 'npm ci'\"": [("npm", "ci")],
    "do a; done": [("a",)],
    "\u00e4 '\u00f6 \u00fc' \udce4": [("\u00e4", "\u00f6 \u00fc", "\udce4")],
    # What is not shell text ends it.
    "a; b; ) c; d": [("a",), ("b",)],
    "a; for b": [("a",)],
}


@pytest.mark.parametrize("text", TABLE)
def test_a_script_is_split_into_the_words_of_its_commands(text: str) -> None:
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


def test_options_of_a_command_are_found() -> None:
    (command,) = commands("/usr/bin/pip install --no-cache-dir --target=/x -r a.txt b")
    assert command.program == "pip"
    assert command.has("--no-cache-dir")
    assert command.has("--target", "-t")
    assert not command.has("-x")
    assert command.value("--target") == "/x"
    assert command.value("-r") == "a.txt"
    assert command.value("-i") is None
    assert command.operands == ("install", "a.txt", "b")


OPERATORS = {
    "a && b || c; d | e & f\ng": ["", "&&", "||", ";", "|", "&", ";"],
    "a && (b; c) && d": ["", "", ";", "&&"],
    "a && { b; } | c": ["", "&&", "|"],
    "a | if b; then c; fi": ["", "|", ";"],
    "a; b $(c | d) && e": ["", "", "|", ";", "&&"],
    "case a in b | c) d ;; e) f ;; esac": ["", ""],
}


@pytest.mark.parametrize("text", OPERATORS)
def test_operators_in_front(text: str) -> None:
    assert [each.after for each in commands(text)] == OPERATORS[text]


ASSIGNMENTS = {
    'A= B="" C=$(d) E+=f make': [(), (("A", ""), ("B", ""), ("C", "$(d)"), ("E", "f"))],
    "A=(b 'c d')": [(("A", "(b 'c d')"),)],
    "a[1]=b": [(("a[1]", "b"),)],
    "A=1 env B=2 sudo C=3 make": [(("A", "1"), ("B", "2"), ("C", "3"))],
    "for x in a; do A=$x; done": [(("A", "$x"),)],
}


@pytest.mark.parametrize("text", ASSIGNMENTS)
def test_assignments_before_a_command_are_kept(text: str) -> None:
    assert [each.assignments for each in commands(text)] == ASSIGNMENTS[text]


DIRECTORIES = {
    "cd a && b; (cd c; d); e": ["/a", "/a", "/a/c", "/a/c", "/a"],
    "A=$(cd b && pwd); c": ["/b", "/b", "/", "/"],
    "sh -c 'cd a; b'; (c); cd /d; (cd e); f": ["/a", "/a", "/", "/d", "/d/e", "/d"],
    "(sh -c 'cd a'; b)": ["/a", "/"],
    "cd a; cd -; b": ["/a", "/a/$OLDPWD", "/a/$OLDPWD"],
}


@pytest.mark.parametrize("text", DIRECTORIES)
def test_cd_moves_the_commands_behind_it(text: str) -> None:
    assert [at for at, _ in in_directories(commands(text), "/")] == DIRECTORIES[text]


PARTLY = {
    *("echo 'open", 'echo "open', "a )", "(a", "if a; then b", "cat <<A\nb", "a; b; ) c; d"),
    *("sh -c 'a )'", "bash <<A\nb )\nA", "$(" * 30 + "a" + ")" * 30),
}


@pytest.mark.parametrize("text", TABLE)
def test_what_is_read_whole(text: str) -> None:
    broken = {"echo 'open", "a; b; ) c; d", "a; for b"}
    assert is_read_whole(text) == (text not in broken)


@pytest.mark.parametrize("text", sorted(PARTLY))
def test_what_is_not_read_whole(text: str) -> None:
    assert not is_read_whole(text)


def instruction(text: str) -> Instruction:
    return parse_dockerfile(f"FROM a\n{text}\n").instructions[-1]


LONG = "true; \\\n" * 12_000
KNOWN = {
    "RUN a": True,
    "RUN a )": False,
    f"RUN {LONG} a": False,
    f"CMD {LONG} a": False,
    f'RUN ["sh", "-c", "{LONG}"]': False,
    f'RUN ["a", "{LONG}"]': True,
    f"RUN <<EOF\n{LONG}\nEOF": False,
    f"RUN python3 <<EOF\n{LONG}\nEOF": False,
    f"RUN <<EOF\n#!/usr/bin/env python3\n{LONG}\nEOF": True,
    f"COPY <<EOF /x\n#!/bin/sh\n{LONG}\nEOF": False,
    "COPY <<EOF /x\nserver { }; )\nEOF": True,
    "ENV A=)": True,
    "HEALTHCHECK --timeout=3s CMD a )": False,
    'HEALTHCHECK CMD ["curl", "-f", "a )"]': True,
    "HEALTHCHECK NONE": True,
}


@pytest.mark.parametrize("text", KNOWN, ids=range(len(KNOWN)))
def test_instructions_that_are_known(text: str) -> None:
    assert is_known(instruction(text)) == KNOWN[text]


def test_commands_of_a_health_check() -> None:
    found = [
        commands_of(instruction(f"HEALTHCHECK CMD {each}")) for each in ('["a", "b c"]', "a b")
    ]
    assert [[each.words for each in one] for one in found] == [[("a", "b c")], [("a", "b")]]


HOSTILE = [
    *("(", "$(", '"$(', "`", "${", "[[", "<<", "a=(", "a|", "1|", "if ", "{ ", "cat <<A\n", "! "),
    *("a >b ", "a;", "A=1 ", 'sh -c "', "case a in ", "f(){ ", "((", "${a", "|&^", "<<==", "%"),
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_no_text_takes_long(unit: str) -> None:
    with processor_seconds(3):
        commands((unit * 65_536)[:65_536])


@given(st.text(alphabet="ab 'x\"\\\n;&|()<>$`{}#=E-", max_size=40))
def test_any_text_ends(text: str) -> None:
    for command in commands(text):
        assert command.words or command.assignments
