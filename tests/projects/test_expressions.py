"""Expressions, templates and functions of HCL, against `docker buildx bake --print`."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from cProfile import Profile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.projects.bakefile import BakeError, BakeFile, Resolver, read_hcl, read_json
from ctxsize.projects.hcl import functions
from ctxsize.projects.hcl.expressions import evaluate, fill
from ctxsize.projects.hcl.values import UnknownError
from tests.projects.test_agrees import ENVIRONMENT, plugin

HEAD = """\
variable "L" { default = ["a", "b", "c"] }
variable "M" { default = { x = "1", "y z" = "2", b = "3" } }
variable "N" { default = 3 }
variable "Q" { default = tagged("q", "v") }
variable "T" { default = true }
variable "O" { default = [{ n = "one", deep = [1, 2] }, { n = "two", deep = [3] }] }
function "tagged" {
  params = [name, tag]
  variadic_params = more
  result = join(":", concat([upper(name), tag], more))
}
function "next" {
  params = [number]
  result = number + N
}
"""
EXPRESSIONS = r"""
null
true
-3
1.50
1e3
0.1 + 0.2
7 % 3
-7 % 3
1 + 2 * 3 - 4 / 8
(1 + 2) * 3
1 + "2"
1 < "2"
N >= 3 && !false || false
true && "true"
!"true"
1 == "1"
true == "true"
"a" == null
null == null
[1, "a"] == [1, "a"]
{ a = 1 } == { a = 1 }
{ a = 1 } != { a = 2 }
T ? "yes" : "no"
"false" ? 1 : 2
T ? N : L[7]
L[1]
L["1"]
L.2
M.x
M["y z"]
{ a = 1 }.a
{ (L[0]) = 1, "b c" : 2 }["b c"]
[1, 2,][1]
O[0].n
O[1].deep[0]
jsonencode(O[*].n)
jsonencode(O.*.n)
jsonencode(O[*].deep[0])
jsonencode(N[*])
jsonencode(null[*])
jsonencode([for v in L : upper(v)])
jsonencode([for i, v in L : "${i}${v}" if v != "b"])
jsonencode([for k, v in M : "${k}=${v}"])
jsonencode({ for v in L : v => "x-${v}" if v != "a" })
jsonencode({ for k, v in M : v => k })
jsonencode({ for v in ["a", "b", "a"] : v => v... })
jsonencode([for a in L : [for b in L : "${a}${b}" if a != b]])
"${true}"
"${N}"
"${null}"
"a-${L[0]}-${N + 1}"
"$${x} %%{y} $x %x {}"
"\n\t\"\\ \u00e9"
"%{ if T }x%{ else }y%{ endif }z"
"%{ if !T }x%{ endif }z"
"%{ for v in L }<${v}>%{ endfor }"
"%{ for k, v in M ~} ${k} %{~ endfor }"
"${"${L[0]}"}"
Q
tagged("a", "b")
tagged("a", "b", "c", "d")
tagged(L...)
next(4)
next("4")
absolute(-3)
add("1", 2)
and(true, "true")
base64decode(base64encode("hi"))
base64encode("hi there")
ceil(1.2)
chomp("a\n\n")
jsonencode(chunklist(L, 2))
coalesce("", "x")
coalesce(null, "x")
coalesce(null, 1, "x")
jsonencode(coalescelist([], L))
jsonencode(compact(["a", "", "b"]))
jsonencode(concat([1], ["a"], []))
contains(L, "a")
contains([1], "1")
jsonencode(distinct(["a", "b", "a"]))
divide(1, 4)
element(L, 4)
equal("a", "a")
equal(1, "1")
jsonencode(flatten([1, [2, [3]]]))
floor(-1.2)
format("%s-%d-%v-%q", "a", 3, [1], "q")
format("%5s|%-5s|%05d|%+d|% d", "r", "s", 42, 3, 4)
format("%.2f|%f|%x|%X|%o|%b|%t|%%", 3.14159, 1.5, 255, 255, 8, 5, true)
format("%08b|%5.1f|%.2s", 5, 3.14, "abc")
format("%[2]s%[1]s", "a", "b")
format("%d %s %v %v", "3", 1.5, true, { a = 1 })
format("none")
jsonencode(formatlist("%s!", L))
greaterthan(2, 1)
greaterthanorequalto(2, 2)
hasindex(L, 1)
hasindex(L, 3)
indent(2, "a\nb")
index(L, 1)
int(-1.7)
join(",", L)
join("", ["a"], ["b"])
join(",", [1, true])
jsondecode("{\"a\":[1, 2.5, null]}").a[1]
jsonencode({ b = "<&>", a = [1, true, null, 1.5, "é"] })
jsonencode(keys(M))
length(L)
lessthan(2, 1)
lessthanorequalto(2, 2)
lookup({ a = "1" }, "a", "d")
lookup({ a = "1" }, "b", "d")
lower("ÀB")
max(1, 3, "2")
md5("x")
jsonencode(merge({ a = 1 }, { a = 2, b = 3 }))
min(4, "3", 5)
modulo(10, 4)
multiply(3, 1.5)
negate(3)
not(false)
notequal("a", "b")
or(false, "true")
parseint("ff", 16)
pow(2, 10)
jsonencode(range(3))
jsonencode(range(1, 7, 2))
jsonencode(range(3, 0))
jsonencode(range(0, -3, -1))
replace("a.b.c", ".", "-")
reverse("abc")
jsonencode(reverselist([1, 2]))
jsonencode(setintersection(L, ["c", "a"]))
jsonencode(setsubtract(L, ["b"]))
jsonencode(setunion(["b", "a"], ["c"]))
sha1("x")
sha256("x")
sha512("é")
signum(-3)
jsonencode(slice(L, 1, 2))
jsonencode(sort(["b", "A", "a", "é"]))
jsonencode(split(",", "a,b,"))
jsonencode(split("", "abc"))
strlen("abc")
substr("hello", 1, -1)
substr("hello", -3, 2)
substr("hello", 1, 2)
subtract(3, 1.5)
title("hello world-foo bar_baz it's")
trim("xxaxx", "x")
trimprefix("v1.2", "v")
trimspace(" \t a\n")
trimsuffix("a.txt", ".txt")
upper("aß")
urlencode("a b&ü~*")
jsonencode(values(M))
jsonencode(zipmap(["a", "b"], [1, 2]))
try(M.nope, "d")
try(M.x, "d")
can(M.nope)
can(M.x)
""".strip().split("\n")
# What Bake refuses is not known here either.
REFUSED = """
"x" ? 1 : 2
1 ? 2 : 3
"a" + 1
"a" < "b"
L[3]
L[-1]
M.nope
NOPE
length("abc")
length(M)
hasindex(M, "x")
index(M, "x")
lookup({ a = 1 }, "b")
format("%s")
format("x", "y")
format("%s", null)
format("%y", 1)
tagged("a")
next(1, 2)
nope("x")
jsonencode({ for v in ["a", "a"] : v => v })
[for v in 3 : v][0]
element([], 0)
coalesce(null)
base64decode("!")
slice(L, 2, 1)
parseint("zz", 10)
add(1)
"%{ if 3 }x%{ endif }"
""".strip().split("\n")
NEWER = {"basename", "dirname", "sanitize"}
"""Functions that the Bake of the distributions does not have yet."""


def printed(directory: Path, *expressions: str) -> dict[str, str | None] | None:
    """What Bake makes of each, None where it refuses."""
    lines = [f"    A{at} = {each}" for at, each in enumerate(expressions)]
    body = "\n".join(['target "t" {', "  args = {", *lines, "  }", "}"])
    (directory / "docker-bake.hcl").write_text(f"{HEAD}{body}\n")
    done = subprocess.run(
        [plugin("docker-buildx"), "bake", "--print", "t"],
        cwd=directory,
        env=ENVIRONMENT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        return None
    arguments = json.loads(done.stdout)["target"]["t"].get("args", {})
    return {each: arguments.get(f"A{at}") for at, each in enumerate(expressions)}


def ours(expression: str) -> str | None:
    """What the same file says here, by the same way as for a repository."""
    bake = BakeFile()
    text = f'{HEAD}target "t" {{\n  args = {{\n    A = {expression}\n  }}\n}}\n'
    bake.add(read_hcl(text), "docker-bake.hcl", text)
    resolver = Resolver(bake, {})
    (target,) = resolver.targets()
    assert resolver.unknown == {}
    found: str | None = target.values["args"].get("A", None)
    return found


@pytest.fixture(scope="module")
def bake(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """What Bake makes of all of EXPRESSIONS."""
    found = printed(tmp_path_factory.mktemp("bake"), *EXPRESSIONS)
    assert found is not None
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_bake_makes_of_it(expression: str, bake: dict[str, str | None]) -> None:
    assert ours(expression) == bake[expression]


@pytest.mark.parametrize("expression", REFUSED)
def test_what_bake_refuses(expression: str, tmp_path: Path) -> None:
    assert printed(tmp_path, expression) is None
    assert ours(expression) is None


def test_every_function_is_compared() -> None:
    named = " ".join(EXPRESSIONS)
    missing = {name for name in functions.STANDARD if f"{name}(" not in named}
    assert missing == NEWER


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("timestamp()", "the function timestamp"),
        ('uuidv5("dns", "x")', "the function uuidv5"),
        ('try(timestamp(), "x")', "the function timestamp"),
        ("1 / 3", "a number that has no end"),
        ("pow(10, 99999)", "a power that is too large"),
        ("[for a in range(1000) : [for b in range(1000) : 1]]", "more than is evaluated here"),
    ],
)
def test_what_is_not_evaluated_is_named(expression: str, reason: str) -> None:
    with pytest.raises(UnknownError, match=reason):
        fill(f"x${{{expression}}}", {})


def test_white_space_is_stripped() -> None:
    assert fill('a ${~ " b " ~} c', {}) == "a b c"
    assert fill("x %{~ if true ~} y %{~ else } z %{ endif ~} w", {}) == "xyw"


def test_newer_functions() -> None:
    assert evaluate('basename("a/b")', {}) == "b"
    assert evaluate('dirname("a/b/c")', {}) == "a/b"
    assert evaluate('sanitize("a.b/c")', {}) == "a_b_c"


def _doubling(first: str, more: str) -> str:
    """Variables that are each made of the one before, and twice as large."""
    head = f'variable "v0" {{ default = {first} }}\n'
    rest = (f'variable "v{n + 1}" {{ default = {more.format(f"v{n}")} }}\n' for n in range(45))
    return head + "".join(rest) + 'target "x" { context = "${v45}" }\n'


def _halving(result: str) -> str:
    """Functions that each call the next one twice."""
    rest = (
        f'function "f{n}" {{\n  params = [x]\n  result = {result.format(f"f{n + 1}")}\n}}\n'
        for n in range(40)
    )
    last = 'function "f40" {\n  params = [x]\n  result = ""\n}\n'
    return "".join(rest) + last + 'target "x" { context = f0(1) }\n'


AXES = ", ".join(f"a{n} = range(100)" for n in range(12))
HOSTILE = {
    "texts that double": _doubling('"aaaaaaaaaa"', '"${{{0}}}${{{0}}}"'),
    "texts of another": _doubling('"aaaa"', 'replace({0}, "", {0})'),
    "texts between texts": _doubling('"aaaa"', "join({0}, [for n in range(1000) : {0}])"),
    "texts as JSON": _doubling('"\\""', "jsonencode({0})"),
    "lists that double": _doubling('["a"]', "concat({0}, {0})"),
    "lists in lists, compared": _doubling('["a"]', "[{0}, {0}, {0} == {0}]"),
    "numbers that are squared": _doubling("1e300", "{0} * {0}"),
    "fractions that are squared": _doubling("0.1", "{0} * {0}"),
    "indents": 'target "x" { context = indent(100000000000, "a\\nb") }\n',
    "precision": 'target "x" { context = format("%.999999999f", 1) }\n',
    "one value again": 'target "x" { context = format("' + "%[1]1000s" * 2000 + '", 1) }\n',
    "functions": _halving('"${{{0}(x)}}${{{0}(x)}}"'),
    "functions with loops": _halving("[for y in range(1000) : {0}(y)]"),
    "inheritance": "".join(
        f'target "{name}" {{ inherits = ["t{n + 1}", "t{n + 1}"] }}\n'
        for n, name in enumerate(["x", *(f"t{n}" for n in range(1, 40))])
    )
    + 'target "t40" {}\n',
    "a matrix": f'target "x" {{\n  name = "x-${{a0}}"\n  matrix = {{ {AXES} }}\n}}\n',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_that_asks_for_too_much_is_given_up_soon(text: str) -> None:
    counted = Profile()
    with counted:
        bake = BakeFile()
        bake.add(read_hcl(text), "docker-bake.hcl", text)
        resolver = Resolver(bake, {})
        found = [each.name for each in resolver.targets()]
    assert "x" not in found
    assert "x" in resolver.unknown
    # Counted, as seconds say more of the machine; what makes most takes 11 million.
    assert sum(each.callcount for each in counted.getstats()) < 30_000_000


@pytest.mark.parametrize("value", ["²", "--5", "9" * 5000, "", "-"])
def test_a_variable_of_the_environment_that_is_no_number(value: str) -> None:
    bake = BakeFile()
    text = 'variable "N" { default = 3 }\ntarget "x" { context = "${N}" }\n'
    bake.add(read_hcl(text), "docker-bake.hcl", text)
    assert [each.values["context"] for each in Resolver(bake, {"N": value}).targets()] == [value]


@pytest.mark.parametrize(
    "text",
    [
        '{"function": {"f": {"params": 5, "result": "x"}},'
        ' "target": {"x": {"context": "${f(1)}"}}}',
        '{"target": {"x": {"context": ["."]}}}',
        '{"target": {"x": {"context": ' + "9" * 4400 + "}}}",
        '{"target": {"x": {"args": {"a": ' + "9" * 4000 + '}, "context": "${1 / 3}"}}}',
    ],
)
def test_json_of_other_types(text: str) -> None:
    bake = BakeFile()
    with suppress(BakeError):
        bake.add(read_json(text), "docker-bake.json", text)
    assert [*Resolver(bake, {}).targets()] == []


def test_json_that_is_nested_deeply() -> None:
    with pytest.raises(BakeError, match="too deeply"):
        read_json('{"target": {"x": {"context": ' + "[" * 900 + "]" * 900 + "}}}")


def test_distinct_tells_types_apart() -> None:
    text = 'distinct([[1], [true], ["1"], [1], [{a = 1}], [{a = "1"}], [{a = 1}]])'
    assert evaluate(text, {}) == [[1], [True], ["1"], [{"a": 1}], [{"a": "1"}]]


def test_a_function_that_calls_itself() -> None:
    bake = BakeFile()
    function = 'function "f" {\n  params = [x]\n  result = f(x)\n}\n'
    text = f'{function}target "t" {{\n  context = f(1)\n}}\n'
    bake.add(read_hcl(text), "docker-bake.hcl", text)
    resolver = Resolver(bake, {})
    assert [*resolver.targets()] == []
    assert resolver.unknown == {"t": "the call of f"}


WORDS = "${ %{ for in if else endif endfor try( format( range( pow( x 1 9e9 => ... true null M L"
PIECES = st.sampled_from([*"[]{}()\"'$%~.,:?!*/+-<>=&| \n\\", *WORDS.split()])


@given(st.lists(PIECES, max_size=14).map("".join))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    names: dict[str, Any] = {"x": "x", "L": ["a", 1, None], "M": {"a": [1]}}
    for compute in (evaluate, fill):
        with suppress(UnknownError):
            compute(text, names)
