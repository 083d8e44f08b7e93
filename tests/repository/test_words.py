"""The small languages in Compose files, word by word; and no text makes any of it fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxsize.advice import advise
from ctxsize.repository import discover
from ctxsize.repository.search import NotReadError
from ctxsize.repository.yaml import (
    Interpolator,
    YamlMapping,
    load,
    mapping_of,
    read_dotenv,
    toml_document,
    xml_document,
)
from tests.trees import build_tree, file

VARIABLES = {"A": "a", "EMPTY": "", "B": "b"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$A-${B}", "a-b"),
        ("$NONE${NONE}", ""),
        ("$$A $${A}", "$A ${A}"),
        ("${NONE:-x}${NONE-x}${EMPTY:-x}${EMPTY-x}", "xxx"),
        ("${A:+x}${EMPTY:+x}${EMPTY+y}${NONE+x}", "xy"),
        ("${NONE:-${EMPTY:-${B}}}", "b"),
        ("${A:-${NONE:?m}}${NONE+${NONE?m}}", "a"),
        ("{}${A:+{x}}", "{}{x}"),
        ("${A:?m}", "a"),
        ("${A:-^a$}", "a"),
        ("${EMPTY?m}", ""),
        ("$-$1 a$", "$-$1 a$"),
        ("$(pwd)/$A$((1 + 2))", "$(pwd)/a$((1 + 2))"),
        ("$$(A)", "$(A)"),
        ("${NONE:-$(pwd)}", "$(pwd)"),
    ],
)
def test_variables_are_replaced_as_compose_does(text: str, expected: str) -> None:
    assert Interpolator().replaced(text, VARIABLES) == expected


@pytest.mark.parametrize(
    "text", ["${NONE:?m}", "${EMPTY:?m}", "${A", "${}", "${A!b}", "${1}", "$(${A)"]
)
def test_what_cannot_be_interpolated(text: str) -> None:
    with pytest.raises(NotReadError):
        Interpolator().replaced(text, VARIABLES)


def test_toml_has_lines() -> None:
    document = toml_document(
        'a = 1\n[b."c"]\nd = [\'x\', \'y\']\ne.f = true\n[[g]]\nh = """\ni = 2\n"""\n'
    )
    assert document == {
        "a": "1",
        "b": {"c": {"d": ["x", "y"], "e": {"f": "true"}}},
        "g": [{"h": "i = 2\n"}],
    }
    inner = mapping_of(mapping_of(document["b"])["c"])
    assert (document.line_of("a"), inner.line, inner.line_of("d"), inner.line_of("e")) == (
        *(1, 2),
        *(3, 4),
    )


def test_xml_has_lines() -> None:
    document = xml_document(
        '<?xml version="1.0"?>\n<a xmlns="http://x"><!-- b -->\n<b>1</b>\n<c> <d/> </c><b> 2\n</b>'
        "<b>&lt;</b></a>"
    )
    assert document == {"a": {"b": ["1", "2", "<"], "c": {"d": ""}}}
    assert mapping_of(document["a"]).line_of("c") == 4


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("<a>\n<b></a>", 2),
        ('<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>', 1),
        ("<a>" * 1_000, 1),
    ],
)
def test_xml_that_is_refused(text: str, line: int) -> None:
    with pytest.raises(NotReadError) as error:
        xml_document(text)
    assert (error.value.code, error.value.line) == ("xml", line)


@pytest.mark.parametrize("text", ["a", "a = 1\na = 2\n", f"{'a.' * 1_000}a = 1"])
def test_toml_that_is_refused(text: str) -> None:
    with pytest.raises(NotReadError):
        toml_document(text)


def test_a_dotenv_file_is_read_as_compose_does() -> None:
    text = (
        '# comment\nA=1\nexport B = two words # comment\nC=\'$A "x\'\nD="${A}\\n\\""\n'
        "E=\nF: y\n  G=a#b\nno equals\nH=$OUTER\nI='two\nlines'\n"
    )
    assert read_dotenv(text, {"OUTER": "o"}) == {
        "A": "1",
        "B": "two words",
        "C": '$A "x',
        "D": '1\n"',
        "E": "",
        "F": "y",
        "G": "a#b",
        "H": "o",
        "I": "two\nlines",
    }


def test_yaml_keeps_words_and_lines() -> None:
    found = load("on: yes\nb:\n  c: '010'\n  d: &x [1]\ne: *x\nf: ~\n")
    assert isinstance(found, YamlMapping)
    inner = found["b"]
    assert isinstance(inner, YamlMapping)
    assert found == {"on": "yes", "b": {"c": "010", "d": ["1"]}, "e": ["1"], "f": None}
    assert (found.line_of("b"), inner.line_of("d"), found.line_of("none")) == (2, 4, 1)
    assert load("") is None
    with pytest.raises(NotReadError):
        load("a: [")


PIECES = st.sampled_from(
    [
        *(
            "services:",
            "build:",
            "context:",
            "include:",
            "extends:",
            "args:",
            "x:",
            "- ",
            "  ",
            "\n",
        ),
        *(
            "&a ",
            "*a",
            "<<: *a",
            "${X",
            "${X:-y}",
            "$",
            "{",
            "}",
            "[",
            "]",
            '"',
            "'",
            ": ",
            ".",
            "!reset ",
        ),
        *(
            "target ",
            '"t" {',
            "inherits = ",
            "variable ",
            "matrix = ",
            "<<EOT\n",
            "EOT\n",
            "null",
            "= ",
        ),
        *(
            "jobs:",
            "steps:",
            "uses: docker/build-push-action@v1",
            "with:",
            "strategy:",
            "run: |",
            "${{ x }}",
        ),
        *(
            "FROM a\n",
            "RUN ",
            "--mount=type=cache,target=",
            "COPY . .\n",
            "cargo build",
            "&& ",
            "\\\n",
            "\x00",
        ),
        *(
            "sh ",
            "dir(",
            "docker.build(",
            "docker_build(",
            ")",
            ",",
            "[Build]\n",
            "File=",
            "//",
            "/*",
        ),
        *("SetWorkingDirectory=", "script:", "task: Docker@2", "inputs:", "variables:", "'''"),
        *("/kaniko/executor ", "buildctl build --local ", "gcloud builds submit --tag ", "<< x >>"),
        *("docker build ", "-f ", "docker buildx build --build-arg ", "\t", "é", "#"),
    ]
)
NAMED = (
    *("compose.yaml", "docker-bake.hcl", "docker-bake.json", ".github/workflows/a.yml"),
    *("Makefile", "package.json", "Dockerfile", "build.sh", ".env", "Jenkinsfile", "Tiltfile"),
    *(".gitlab-ci.yml", ".devcontainer.json", "a.build", "justfile", "azure-pipelines.yml"),
)


@settings(max_examples=60)
@given(texts=st.lists(st.lists(PIECES, max_size=14).map("".join), min_size=1, max_size=3))
def test_no_text_makes_it_fail(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    base: Path = tmp_path_factory.mktemp("any")
    for number, text in enumerate(texts):
        data = text.encode("utf-8", "surrogatepass")
        root = build_tree(base / str(number), [file(name, data) for name in NAMED])
        assert advise(discover(str(root))).root == str(root)


ODD: dict[str, list[str]] = {
    "compose.yaml": [
        "services: []",
        "services: {a: 3, b: [x], c: , d: {build: }}",
        "services: {a: {build: [x]}, b: {build: {context: [x]}}, c: {build: {dockerfile: {x: y}}}}",
        "services: {a: {build: {args: x}}, b: {build: {args: [3, [x]]"
        "}}, c: {build: {args: {a: [b]}}}}",
        "services: {a: {build: {platforms: x, additional_contexts: 3, target: [x]}}}",
        "services: {a: {extends: [x]}, b: {extends: {file: 3}}, c: {extends: {service: [x]}}}",
        "services: {a: {extends: {file: none.yaml, service: x}}}",
        "services: {a: {build: !reset x}, b: !reset x, c: {build: {args: !override x}}}",
        "services: !override {a: {build: .}}",
        "include: x",
        "include: [{path: 3}, {path: [3]}, {}, [x], {path: a, env_fil"
        "e: 3, project_directory: [x]}]",
        "services: {a: {build: ., profiles: x, platform: [x]}}",
        r'services: {a: {build: {context: ., dockerfile_inline: "FROM x\ud800"}}}',
        r'services: {a: {build: {context: ., target: "\ud800", args: {A: "\ud800"}}}}',
        "? [a, b]\n: c\nservices: {? [x] : {build: .}}",
    ],
    "docker-bake.json": [
        "[]",
        '{"target": [], "group": 3, "variable": "x"}',
        '{"target": {"a": 3, "b": [], "c": [{}], "d": null}}',
        '{"target": {"a": {"inherits": "b", "context": 3, "args": [], "contexts": 3}}}',
        '{"target": {"a": {"platforms": "x", "dockerfile": ["x"], "target": {}}}}',
        '{"target": {"a": {"matrix": 3}, "b": {"matrix": {"x": 3}}, "c": {"matrix": {"x": []}}}}',
        '{"target": {"a": {"inherits": ["a"]}, "b": {"inherits": ["c"'
        ']}, "c": {"inherits": ["b"]}}}',
        '{"group": {"a": {"targets": 3}, "b": {"targets": [3, [4]]}}, "target": {"x": {}}}',
        '{"variable": {"a": {"default": [1]}, "b": {"default": "${b}"}}, "target": {"x": {}}}',
    ],
    "docker-bake.hcl": [
        'target "a" {\n  inherits = "b"\n  args = ["x"]\n  contexts = "y"\n}\n',
        'target "a" {\n  matrix = [1]\n  name = x\n}\n',
        'target "a" {\n  matrix = { x = 3 }\n}\ngroup "g" {\n  targets = x\n}\n',
        'variable "a" {\n  default = b\n}\nvariable "b" {\n  default '
        '= a\n}\ntarget "t" {\n  context = a\n}\n',
        'target "a" {\n  platforms = "x"\n  dockerfile = null\n  dockerfile-inline = 3\n}\n',
        "x = 3\nblock {\n}\ntarget {\n}\n",
    ],
    ".github/workflows/a.yml": [
        "jobs: []",
        "jobs: {a: 3, b: {steps: {}}, c: {steps: [3, [x]]}}",
        "jobs: {a: {steps: [{uses: docker/build-push-action@v1, with: [x]}]}}",
        "jobs: {a: {steps: [{uses: docker/build-push-action@v1, with: {context: [x]}}]}}",
        "jobs: {a: {strategy: x, steps: [{run: docker build .}]}}",
        "jobs: {a: {strategy: {matrix: {x: 3, include: x}}, steps: [{run: docker build .}]}}",
        "jobs: {a: {strategy: {matrix: {x: [], include: [3]}}, steps: [{run: [docker build .]}]}}",
    ],
    "package.json": [
        "[]",
        '{"scripts": []}',
        '{"scripts": {"a": 3, "docker build": "docker build"}}',
    ],
}


@pytest.mark.parametrize(
    ("name", "text"), [(n, text) for n, texts in ODD.items() for text in texts]
)
def test_no_value_of_another_type_makes_it_fail(name: str, text: str, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "repository", [file(name, text.encode()), "Dockerfile", "x/y"])
    assert advise(discover(str(root))).root == str(root)


def repeating(value: str) -> str:
    """Values that each name the one before nine times."""
    lines = (f"a{n}: &a{n} {value.format(', '.join([f'*a{n - 1}'] * 9))}\n" for n in range(1, 15))
    return "a0: &a0 {x: y}\n" + "".join(lines)


def test_merge_keys_that_repeat_without_end_are_refused() -> None:
    with pytest.raises(NotReadError, match="more than 500,000 values"):
        load(repeating("{{<<: [{}]}}"))


def test_merge_keys_are_read_as_compose_does() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  z: 3\nd: {<<: *b}\n"
    found = load(text)
    assert isinstance(found, YamlMapping)
    assert found["c"] == {"x": "1", "y": "1", "z": "3"}
    assert found["d"] == {"y": "2", "z": "2"}
    assert isinstance(found["c"], YamlMapping)
    assert [found["c"].line_of(key) for key in "xyz"] == [1, 1, 5]
