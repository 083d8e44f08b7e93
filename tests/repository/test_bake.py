"""What is evaluated of Bake files, what is not, and how Docker is asked about it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from cProfile import Profile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.build import Build
from ctxsize.repository import Discovery, discover
from ctxsize.repository.bakefile import BakeFile, read_hcl, read_json
from ctxsize.repository.search import NotReadError
from tests.hostile.limits import processor_seconds
from tests.trees import Node, build_tree, file

BUILD = b"FROM scratch\nCOPY . /\n"


def resolved(text: str, **environment: str) -> tuple[dict[str, Build], list[str]]:
    """The targets of one file, which is JSON if it begins with a brace; those that take more."""
    bake = BakeFile(environment)
    bake.add((read_json if text.startswith("{") else read_hcl)(text), "docker-bake", text)
    return bake.builds(), [*bake.unknown]


def context_of(expression: str, *more: str) -> str | None:
    """The context of a target that has this expression for one, None if it is not evaluated."""
    head = 'variable "A" { default = "a" }\nvariable "N" { default = 3 }\n'
    head += 'variable "O" { default = { k = { x = "v" } } }\n' + "".join(more)
    found, unknown = resolved(f'{head}target "t" {{\n  context = {expression}\n}}\n')
    assert bool(found) != (unknown == ["t"])
    return found["t"].context if found else None


EVALUATED = {
    '"plain"': "plain",
    "A": "a",
    "null": "",
    "3": "3",
    "-1.5": "-1.5",
    "true": "true",
    '"x${A}-${N}y"': "xa-3y",
    '"${ A }"': "a",
    '"$${A} %%{A} $A %"': "${A} %{A} $A %",
    '"a\\"b\\\\n\\tc"': 'a"b\\n\tc',
    "<<EOT\nx ${A}\n\ny\nEOT": "x a\n\ny\n",
    "<<-EOT\n    x\n      ${N}\n    EOT": "x\n  3\n",
    'A == "a" ? "x" : "y"': "x",
    'A != "a" ? "x" : null': "",
    'A == null ? "x" : "y-${N}"': "y-3",
    'N == "x" ? "x" : "y"': "y",
}


@pytest.mark.parametrize("expression", EVALUATED)
def test_literals_and_variables_are_evaluated(expression: str) -> None:
    assert context_of(expression) == EVALUATED[expression]


@pytest.mark.parametrize(
    "expression",
    [
        "NONE",
        '"${NONE}"',
        "upper(A)",
        '"x${upper(A)}"',
        'A == "a" && B ? "x" : "y"',
        'N == "3" ? "x" : "y"',
        'A == "a" ? upper(A) : "y"',
        'A == "b" ? A : O',
        "N + 1",
        "-N",
        "(A)",
        '"%{ if true }x%{ endif }"',
        'join("", [for x in ["a"] : x])',
        'O["k"]',
        "O.k",
        "O.k.x",
        '"${O.k.x}"',
        "[A]",
        "{ a = A }",
        "<<EOT\n%{ for x in [A] }${x}%{ endfor }\nEOT",
    ],
)
def test_what_takes_more_is_not(expression: str) -> None:
    assert context_of(expression) is None


@pytest.mark.parametrize(
    ("default", "value", "expected"),
    [
        ('"x"', "y", "y"),
        ("false", "1", None),
        ("3", "04", None),
        ("null", "y", "y"),
        ("upper(A)", "y", "y"),
        ('"x"', "${A}", "${A}"),
        ('["x"]', "y", None),
    ],
)
def test_the_environment_counts_before_the_default(
    default: str, value: str, expected: str | None
) -> None:
    text = f'variable "V" {{ default = {default} }}\ntarget "t" {{ context = "${{V}}" }}\n'
    found, _ = resolved(text, V=value)
    assert [each.context for each in found.values()] == ([] if expected is None else [expected])


KEYS = {
    "dockerfile": "dockerfile = lower(A)",
    "target": 'target = A == upper("a") ? "x" : "y"',
    "contexts": 'contexts = { x = lower("Y") }',
    "matrix": 'name = "t-${x}"\n  matrix = { x = ["1", "2"] }',
    "inherits": "inherits = [lower(A)]",
}


@pytest.mark.parametrize("key", KEYS)
def test_target_with_a_key_that_takes_more_is_unknown(key: str) -> None:
    found, unknown = resolved(
        f'variable "A" {{ default = "a" }}\ntarget "t" {{\n  {KEYS[key]}\n}}\ntarget "u" {{}}\n'
    )
    assert [*found] == ["u"]
    assert unknown == ["t"]


def test_a_condition_chooses_platforms_and_arguments() -> None:
    """buildx and diun build for one platform, unless a variable asks for more."""
    text = (
        'variable "MANY" {{ default = {} }}\ntarget "t" {{\n'
        '  platforms = MANY != "" ? [\n    "linux/amd64",\n    "linux/arm64"\n  ] : []\n'
        '  args = {{ FLAGS = MANY == "1" ? "-cover" : null, X = "x" }}\n}}\n'
    )
    found, unknown = resolved(text.format('""'))
    assert (found["t"].platforms, found["t"].build_arguments) == ((), {"X": "x"})
    assert unknown == []
    found, unknown = resolved(text.format('""'), MANY="y")
    assert found["t"].platforms == ("linux/amd64", "linux/arm64")
    assert unknown == []


def test_unknown_platforms_decide_nothing_about_the_context() -> None:
    """A condition there made a target of diun unknown, and its Dockerfile was guessed in `hack`."""
    text = 'platforms = true ? ["a", "b"] : []'
    found, unknown = resolved(f'target "t" {{\n  dockerfile = "hack/x"\n  {text}\n}}\n')
    assert (found["t"].dockerfile, found["t"].platforms, unknown) == ("hack/x", (), ["t"])


def test_the_dockerfile_of_an_unknown_target_is_not_guessed(tmp_path: Path) -> None:
    text = b'target "t" {\n  dockerfile = "hack/x.Dockerfile"\n  target = lower("A")\n}\n'
    nodes: list[str | Node] = [
        file("docker-bake.hcl", text),
        file("hack/x.Dockerfile", b"FROM x\n"),
    ]
    found = discover(str(build_tree(tmp_path / "ctx", nodes)))
    assert found.builds == ()
    assert [problem.code for problem in found.problems] == ["bake", "elsewhere"]
    assert "the target t of " in found.problems[-1].message


def test_a_list_of_one_block_in_json_is_the_block() -> None:
    found, _ = resolved('{"target": {"a": [{"context": "x", "target": "t"}], "b": {}}}')
    assert (found["a"].context, found["a"].target, [*found]) == ("x", "t", ["a", "b"])


def test_variables_name_the_members_of_groups_and_the_parents() -> None:
    text = """\
variable "MEMBERS" { default = ["_hidden"] }
variable "BASE" { default = "base" }
group "default" { targets = MEMBERS }
target "_hidden" { context = "x" }
target "base" { context = "y" }
target "a" { inherits = ["${BASE}"] }
"""
    found, unknown = resolved(text)
    assert ({name: each.context for name, each in found.items()}, unknown) == (
        {"_hidden": "x", "a": "y"},
        [],
    )


def test_an_argument_that_takes_more_is_left_out_and_named() -> None:
    found, unknown = resolved('target "t" {\n  args = { A = "1", B = upper("x") }\n}\n')
    assert found["t"].build_arguments == {"A": "1"}
    assert unknown == ["t"]


def test_templates_in_json_may_take_more() -> None:
    found, unknown = resolved('{"target": {"t": {"context": "${~ A }"}, "u": {"context": "%{"}}}')
    assert found == {}
    assert unknown == ["t", "u"]


def _doubling(first: str, more: str) -> str:
    """Variables that are each made of the one before, and twice as large."""
    head = f'variable "v0" {{ default = {first} }}\n'
    rest = (f'variable "v{n + 1}" {{ default = {more.format(f"v{n}")} }}\n' for n in range(45))
    return head + "".join(rest) + 'target "x" { context = "${v45}" }\n'


AXES = ", ".join(f"a{n} = [{', '.join('1' * 100)}]" for n in range(12))
HOSTILE = {
    "texts that double": _doubling('"aaaaaaaaaa"', '"${{{0}}}${{{0}}}"'),
    "lists that double": _doubling('["a"]', "[{0}, {0}]"),
    "objects that double": _doubling('{ a = "b" }', "{{ a = {0}, b = {0} }}"),
    "inheriting itself": 'target "x" { inherits = ["x"] }\ngroup "g" { targets = ["x"] }\n',
    "a matrix": f'target "x" {{\n  name = "x-${{a0}}"\n  matrix = {{ {AXES} }}\n}}\n',
    "a variable of itself": 'variable "a" { default = b }\nvariable "b" { default = "${a}" }\n'
    'target "x" { context = a }\n',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_that_asks_for_too_much_is_given_up_soon(text: str) -> None:
    counted = Profile()
    with counted:
        found, unknown = resolved(text)
    assert "x" not in found
    assert "x" in unknown
    # Counted, as seconds say more of the machine.
    assert sum(each.callcount for each in counted.getstats()) < 10_000_000


def test_what_is_inherited_on_many_ways_is_read_once() -> None:
    pair = 'target "t{}" {{ inherits = ["t{}", "t{}"] }}\n'
    text = "".join(pair.format(n, n + 1, n + 1) for n in range(40))
    found, unknown = resolved(f'{text}target "t40" {{ context = "a" }}\n')
    assert (found["t0"].context, unknown) == ("a", [])


def test_many_targets_that_inherit_much_are_given_up_soon() -> None:
    args = ", ".join(f"A{n} = {n}" for n in range(2_000))
    parents = f'target "_p" {{ args = {{ {args} }} }}\n'
    text = "".join(f'target "t{n}" {{\n  inherits = ["_p"]\n}}\n' for n in range(1_000))
    with processor_seconds(20):
        found, unknown = resolved(parents + text)
    assert len(found) < 1_000
    assert unknown


@pytest.mark.parametrize(
    "text",
    [
        '{"function": {"f": {"params": 5, "result": "x"}},'
        ' "target": {"x": {"context": "${f(1)}"}}}',
        '{"target": {"x": {"context": ["."]}}}',
        '{"target": {"x": {"context": ' + "9" * 4400 + "}}}",
        '{"target": {"x": {"context": NaN}}}',
        '{"target": {"x": {"args": {"a": ' + "9" * 4000 + '}, "context": "${1 / 3}"}}}',
    ],
)
def test_json_of_other_types(text: str) -> None:
    with suppress(NotReadError):
        assert resolved(text)[0] == {}


@pytest.mark.parametrize("depth", [60, 900, 30_000])
def test_what_is_nested_deeply_is_a_problem(depth: int, tmp_path: Path) -> None:
    value = "[" * depth + "]" * depth
    texts = {
        "docker-bake.json": f'{{"target": {{"x": {{"context": {value}}}}}}}',
        "b/docker-bake.hcl": f'target "x" {{\n  context = {value}\n}}\n',
    }
    root = build_tree(tmp_path / "r", [file(name, each.encode()) for name, each in texts.items()])
    with processor_seconds(30):
        found = discover(str(root))
    assert found.builds == ()
    for problem in found.problems:
        assert (
            "nested too deeply" in problem.message
            or "ctxsize cannot evaluate the target x: " in problem.message
        )
    assert {each.path for each in found.problems} == {f"{root}/{name}" for name in texts}


def test_deep_inheritance_makes_only_its_target_unknown(tmp_path: Path) -> None:
    chain = {f"t{at}": {"inherits": [f"t{at + 1}"]} for at in range(3_000)}
    text = json.dumps({"target": {**chain, "web": {"context": "app"}}})
    nodes = [file("docker-bake.json", text.encode()), file("app/Dockerfile", BUILD)]
    root = build_tree(tmp_path / "r", nodes)
    found = discover(str(root))
    assert contexts(found, root) == [("web", "app")]
    (problem,) = found.problems
    assert problem.message.startswith("ctxsize cannot evaluate the target t0: ")


def test_hcl_is_parsed_in_seconds(tmp_path: Path) -> None:
    text = 'target "a" {\n' + 'x = "${upper(a)}"\n' * 5_000 + "}\n"
    nodes = [file("docker-bake.hcl", text.encode()), file("b/docker-bake.hcl", b"x" * 200_000)]
    root = build_tree(tmp_path / "r", nodes)
    with processor_seconds(30):
        (problem,) = discover(str(root)).problems
    assert (problem.code, problem.path) == ("unread", f"{root}/b/docker-bake.hcl")


PIECES = st.sampled_from(
    [*"[]{}()\"'$%~.,:?=<> \n\\", "${", "%{", "A", "N", "EOT\n", "<<EOT\n", "e9"]
)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    for written in (f'target "t" {{\n  context = {text}\n}}\n', text):
        with suppress(NotReadError):
            resolved(f'variable "A" {{ default = "a" }}\n{written}')


FUNCTION = b"""
variable "V" { default = "app" }
target "web" {
  context = lower(V)
}
target "db" {
  context = "db"
}
"""


def repository(tmp_path: Path, *more: Node, text: bytes = FUNCTION) -> Path:
    nodes = [file("docker-bake.hcl", text), file("app/Dockerfile", BUILD)]
    return build_tree(tmp_path / "r", [*nodes, file("db/Dockerfile", BUILD), *more])


def contexts(discovery: Discovery, root: Path) -> list[tuple[str, str]]:
    return [
        (place.name, os.path.relpath(each.build.context, root))
        for each in discovery.builds
        for place in each.places
        if place.how == "bake"
    ]


def test_overrides_win_over_files_of_both_languages(tmp_path: Path) -> None:
    override = file("docker-bake.override.json", b'{"target": {"db": {"context": "app"}}}')
    plain = b'target "db" {\n  context = "db"\n}\n'
    root = repository(tmp_path, override, text=plain)
    assert contexts(discover(str(root)), root) == [("db", "app")]


def test_one_problem_names_the_way_out(tmp_path: Path) -> None:
    many = "".join(f'target "t{n}" {{\n  context = lower("{n}")\n}}\n' for n in range(9))
    root = repository(tmp_path, text=FUNCTION + many.encode())
    found = discover(str(root))
    (problem,) = found.problems
    assert contexts(found, root) == [("db", "db")]
    assert (problem.code, problem.line) == ("bake", 3)
    assert problem.message == (
        "ctxsize cannot evaluate the targets web, t0, t1, t2, t3, 5 more: "
        "save the output of `docker buildx bake --print` "
        "as bake.json beside this file"
    )


def test_what_is_saved_is_the_answer(tmp_path: Path) -> None:
    saved = b'{"target": {"web": {"context": "app", "args": {"A": "${x} $${y}"}}}}'
    root = repository(tmp_path, file("bake.json", saved))
    found = discover(str(root))
    assert found.problems == ()
    assert contexts(found, root) == [("web", "app"), ("db", "db")]
    assert found.builds[0].build.build_arguments == {"A": "${x} ${y}"}


def test_what_saved_output_itself_lacks_is_reported(tmp_path: Path) -> None:
    matrix = b'{"target": {"a": {"matrix": {"x": ["1"]}, "name": "a-${x}"}, "ok": {}}}'
    root = build_tree(tmp_path / "r", [file("ci.bake.json", matrix), file("Dockerfile", BUILD)])
    assert [each.message[:36] for each in discover(str(root)).problems] == [
        "ctxsize cannot evaluate the target a"
    ]


FROM_FILES = "BUILDX_BAKE_FILE_RELATIVE_PATHS"
APP = b'target "web" {\n  context = "app"\n  contexts = { lib = "lib" }\n}\n'
CWD = b'target "web" {\n  context = "cwd://app"\n}\n'
COMMAND = b'target "web" {\n  context = BAKE_CMD_CONTEXT\n}\n'
# A Bake file in `deploy`, the directories with `app/Dockerfile`, the variable, and the context.
STARTS = {
    "beside the file": (APP, ["deploy"], "", "deploy/app", False),
    "below the root": (APP, ["."], "", "app", False),
    "in both": (APP, ["deploy", "."], "", "deploy/app", True),
    "in both, from the file": (APP, ["deploy", "."], "1", "deploy/app", False),
    "in both, not from the file": (APP, ["deploy", "."], "false", "deploy/app", True),
    "from the file, below the root": (APP, ["."], " true ", "", False),
    "from where it runs, in both": (CWD, ["deploy", "."], "", "deploy/app", True),
    "from where it runs, and not the file": (CWD, ["deploy", "."], "1", "app", False),
    "from where it runs, beside the file": (CWD, ["deploy"], "1", "deploy/app", False),
}


@pytest.mark.parametrize("case", STARTS)
def test_the_directory_from_which_bake_resolves_paths(case: str, tmp_path: Path) -> None:
    text, places, variable, context, is_ambiguous = STARTS[case]
    nodes = [file(f"{place}/app/Dockerfile", BUILD) for place in places]
    root = build_tree(tmp_path / "r", [file("deploy/docker-bake.hcl", text), *nodes])
    found = discover(str(root), environment={FROM_FILES: variable})
    assert contexts(found, root) == ([("web", context)] if context else [])
    said = [each.message for each in found.problems if FROM_FILES in each.message]
    assert len(said) == is_ambiguous
    assert all(f"In {root} it would build other contexts ({root}/" in each for each in said)


def test_named_contexts_follow_the_context(tmp_path: Path) -> None:
    nodes = [file("deploy/docker-bake.hcl", APP), file("app/Dockerfile", BUILD), "lib/x"]
    root = build_tree(tmp_path / "r", nodes)
    (found,) = discover(str(root)).builds
    assert found.build.build_contexts == {"lib": f"{root}/lib"}


def test_many_ambiguous_targets_are_one_problem(tmp_path: Path) -> None:
    text = b"".join(b'target "t%d" { context = "app" }\n' % number for number in range(3))
    nodes = [file(f"{place}app/Dockerfile", BUILD) for place in ("", "deploy/")]
    root = build_tree(tmp_path / "r", [file("deploy/docker-bake.hcl", text), *nodes])
    (problem,) = discover(str(root)).problems
    assert (problem.code, problem.line) == ("bake", 1)
    assert "for t0, 2 more)" in problem.message


def test_the_context_of_the_command_is_where_it_runs(tmp_path: Path) -> None:
    nodes = [file("docker-bake.hcl", COMMAND), file("Dockerfile", BUILD)]
    root = build_tree(tmp_path / "r", nodes)
    assert contexts(discover(str(root)), root) == [("web", ".")]
