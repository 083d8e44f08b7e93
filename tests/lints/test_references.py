"""CTX131 and CTX132: files that the build names and the ignore file hides, and all that is fine.

Where a row has a `tool`, the real one runs on the files that are sent. It fails exactly where the
table has a finding.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.findings import Finding
from tests.hostile.limits import processor_seconds
from tests.oracles.availability import require
from tests.oracles.engines import Docker

GO = ("go", "list", "-buildvcs=false", "-deps")
CARGO = ("cargo", "check", "--offline", "--quiet")
PIP = (sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--quiet", "-r")


@dataclass(frozen=True)
class Row:
    """Files by path, the lines of the ignore file, the commands of RUN, and what is found."""

    files: dict[str, str]
    ignored: str
    run: str = "true"
    found: tuple[str, ...] = ()
    tool: tuple[str, ...] = ()
    dockerfile: str = "FROM base.invalid/x\nWORKDIR /app\nCOPY . .\nRUN {}\n"
    untracked: tuple[str, ...] = field(default=())


def rust(source: str, **more: str) -> dict[str, str]:
    """Return a package with this library, and further files by name."""
    manifest = '[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n'
    texts = {
        key.replace("__", "/").replace("_md", ".md").replace("_rs", ".rs"): value
        for key, value in more.items()
    }
    return {"Cargo.toml": manifest, "src/lib.rs": source, "README.md": "x\n", **texts}


def go(source: str, **more: str) -> dict[str, str]:
    """Return a module whose package embeds files, and further files."""
    text = (
        f'package main\n\nimport "embed"\n\n{source}\nvar f embed.FS\n\nfunc main() {{ _ = f }}\n'
    )
    return {"go.mod": "module example.com/m\n\ngo 1.19\n", "main.go": text, **more}


BUILD, LISTED = "cargo build --release", "go build -o /bin/x ."
STATIC = {"web/a.js": "", "web/b.css": "", "web/.c": "", "web/_d": "", "web/in/e.js": ""}
README = "README.md (src/lib.rs:1)"
DOC = '#![doc = include_str!("../README.md")]\n'
TEXT = 'const A: &str = include_str!("../README.md");\n'
FROM_TOP = 'pub const A: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));\n'
A_TOML = '[package]\nname = "a"\nversion = "0.1.0"\n\n[dependencies]\nb = { path = "b" }\n'
B_TOML = '[package]\nname = "b"\nversion = "0.1.0"\n'
C_TOML = B_TOML.replace('"b"', '"c"')
WORKSPACE = {
    "Cargo.toml": '[workspace]\nresolver = "2"\nmembers = [\n  "crates/*",  # all\n]\n',
    "crates/b/Cargo.toml": B_TOML,
    "crates/b/README.md": "",
    "crates/b/src/lib.rs": DOC,
}
OF_MEMBER = "crates/b/README.md (crates/b/src/lib.rs:1)"
P_TXT = 'package p\n\nimport _ "embed"\n\n//go:embed p.txt\nvar S string\n'
JS = 'package main\n\nimport _ "embed"\n\n//go:embed web/a.js\nvar s string\n'
SCRIPT = {"scripts/build.sh": "#!/bin/sh\n", "src/a": ""}
BY_RUN = ("scripts/build.sh (Dockerfile:4)",)
REQUIRED = {"requirements/prod.txt": "# all\n-r base.txt\n", "requirements/base.txt": "\n"}
TS = {"package.json": '{"scripts": {"build": "tsc -p ."}}', "tsconfig.base.json": "{}"}
EXTENDS = '{\n  // the common part\n  "extends": "./tsconfig.base.json",\n}\n'
MOUNT = "FROM base.invalid/x\nWORKDIR /app\nRUN --mount=type=bind,target=. {}\n"
DUMMY = """FROM rust:1
WORKDIR /app
COPY Cargo.toml ./
RUN mkdir src && echo "" > src/lib.rs && cargo build --release && rm -rf src
COPY . .
RUN touch src/lib.rs && {}
"""
MADE = "FROM node AS ui\nFROM golang:1\nWORKDIR /app\nCOPY . .\nCOPY --from=ui /dist web\nRUN {}\n"
ALL_OF_WEB = "web/a.js (main.go:5)"

SPEAKS = {
    "the text of a crate": Row(
        rust(DOC), "*.md\n", BUILD, (README,), CARGO),
    "bytes": Row(rust('pub const A: &[u8] = include_bytes!("../README.md");\n'), "*.md\n", BUILD,
        (README,), CARGO),
    "a raw string": Row(
        rust('pub const A: &str = r#"//"#;\npub const B: &str = include_str!["../README.md"];\n'),
        "*.md\n", BUILD, ("README.md (src/lib.rs:2)",), CARGO),
    "source": Row(rust('include!("a.rs");\n', src__a_rs='include_str!("../README.md");\n'),
        "src/a.rs\n", BUILD, ("src/a.rs (src/lib.rs:1)",), CARGO),
    "relative to the manifest": Row(
        rust(FROM_TOP),
        "*.md\n", BUILD, (README,), CARGO),
    "in a module": Row(
        rust("pub mod a;\n", src__a_rs="pub(crate) mod b;\n",
             src__a__b_rs='pub const A: &str = include_str!("../../README.md");\n'),
        "*.md\n", BUILD, ("README.md (src/a/b.rs:1)",), CARGO),
    "a module": Row(rust("mod a;\n", src__a_rs=""), "src/a.rs\n", BUILD,
        ("src/a.rs (src/lib.rs:1)",), CARGO),
    "after a first build of dependencies": Row(
        rust(DOC), "*.md\n", BUILD, (README,), CARGO, DUMMY),
    "a pattern of Go": Row({**go("//go:embed web/*.js"), **STATIC}, "web/*.js\n", LISTED,
        (ALL_OF_WEB,), GO),
    "a directory": Row({**go("//go:embed web"), **STATIC}, "web\n", LISTED, (ALL_OF_WEB,), GO),
    "hidden files only": Row({**go("//go:embed web"), **STATIC},
        "web/*\n!web/.c\n!web/_d\n", LISTED, (ALL_OF_WEB,), GO),
    "one of several patterns": Row({**go("//go:embed main.go web/b.css"), **STATIC}, "**/*.css\n",
        LISTED, ("web/b.css (main.go:5)",), GO),
    "quoted patterns": Row({**go('//go:embed "main.go" `web/b.css`'), **STATIC}, "**/*.css\n",
        LISTED, ("web/b.css (main.go:5)",), GO),
    "a name with a dot": Row({**go("//go:embed all:web/.c"), **STATIC}, "web/.c\n", LISTED,
        ("web/.c (main.go:5)",), GO),
    "with tags": Row({**go("//go:embed web"), **STATIC}, "web\n",
        'go build -tags "a b" -ldflags "-s -w" -o x .', (ALL_OF_WEB,), GO),
    "an imported package": Row(
        {**go("//go:embed main.go"), "b.go": 'package main\n\nimport _ "example.com/m/in/p"\n',
         "in/p/p.go": P_TXT,
         "in/p/p.txt": ""}, "**/*.txt\n", LISTED, ("in/p/p.txt (in/p/p.go:5)",), GO),
    "a package that is hidden": Row(
        {**go("//go:embed main.go"), "b.go": 'package main\n\nimport _ "example.com/m/p"\n',
         "p/p.go": "package p\n"}, "p\n", LISTED, ("p/p.go (b.go:3)",), GO),
    "a package of a workspace": Row(
        WORKSPACE, "**/*.md\n", BUILD, (OF_MEMBER,), CARGO),
    "a package of a workspace that is chosen": Row(
        {**WORKSPACE, "crates/c/Cargo.toml": C_TOML, "crates/c/src/lib.rs": ""}, "**/*.md\n",
        f"{BUILD} -p b", (OF_MEMBER,), (*CARGO, "-p", "b")),
    "a package beside the one at the top that is chosen": Row(
        {**rust(""), "Cargo.toml": A_TOML.partition("[dep")[0] + '[workspace]\nmembers = ["b"]\n',
         "b/Cargo.toml": B_TOML, "b/README.md": "", "b/src/lib.rs": DOC}, "b/*.md\n",
        f"{BUILD} --package=b", ("b/README.md (b/src/lib.rs:1)",), (*CARGO, "-p", "b")),
    "the program of a package": Row(
        {**rust(TEXT + "fn main() {}\n"), "src/main.rs": TEXT + "fn main() {}\n", "src/lib.rs": ""},
        "*.md\n", f"{BUILD} --bin a", ("README.md (src/main.rs:1)",)),
    "a package by its path": Row(
        {**rust(""), "Cargo.toml": A_TOML, "b/Cargo.toml": B_TOML, "b/README.md": "",
         "b/src/lib.rs": DOC}, "**/*.md\n", BUILD, ("b/README.md (b/src/lib.rs:1)",), CARGO),
    "all packages": Row(
        {"go.mod": "module example.com/m\n", "a/a.go": "package a\n",
         "b/b.go": 'package b\n\nimport _ "embed"\n\n//go:embed b.txt\nvar S string\n',
         "b/b.txt": ""}, "**/*.txt\n", "go build ./...", ("b/b.txt (b/b.go:5)",), (*GO, "./...")),
    "sources in a mount": Row({**go("//go:embed web"), **STATIC}, "web\n", LISTED, (ALL_OF_WEB,),
        GO, MOUNT),
    "a script": Row(SCRIPT, "scripts\n", "./scripts/build.sh", BY_RUN, ("./scripts/build.sh",)),
    "by its shell": Row(SCRIPT, "scripts\n", "sh scripts/build.sh", BY_RUN,
        ("sh", "scripts/build.sh")),
    "made executable": Row(SCRIPT, "**/*.sh\n", "chmod +x scripts/*.sh && scripts/build.sh",
        BY_RUN),
    "after a package manager": Row(SCRIPT, "scripts\n", "apk add x && cd scripts && ./build.sh",
        BY_RUN),
    "a script of Python": Row({"x.py": "", "a": ""}, "*.py\n", "python3 x.py",
        ("x.py (Dockerfile:4)",), (sys.executable, "x.py")),
    "a makefile": Row({"Makefile": "all:\n", "a": ""}, "Make*\n", "make all",
        ("Makefile (Dockerfile:4)",), ("make",)),
    "another makefile": Row({"x.mk": "all:\n", "a": ""}, "*.mk\n", "make -f x.mk all",
        ("x.mk (Dockerfile:4)",), ("make", "-f", "x.mk")),
    "further requirements": Row(REQUIRED, "**/base.txt\n", "pip install -r requirements/prod.txt",
        ("requirements/base.txt (requirements/prod.txt:2)",), (*PIP, "requirements/prod.txt")),
    "requirements of the command": Row(REQUIRED, "**/prod.txt\n",
        "pip install --no-cache-dir -r requirements/prod.txt",
        ("requirements/prod.txt (Dockerfile:4)",), (*PIP, "requirements/prod.txt")),
    "constraints": Row({"requirements.txt": "-c limits.txt\n", "limits.txt": ""}, "limits.txt\n",
        "pip install -r requirements.txt", ("limits.txt (requirements.txt:1)",),
        (*PIP, "requirements.txt")),
    "settings of TypeScript": Row({**TS, "tsconfig.json": EXTENDS}, "*.base.json\n",
        "npm run build", ("tsconfig.base.json (tsconfig.json:3)",)),
    "without an ending, in a list": Row(
        {**TS, "tsconfig.json": '{"extends": ["@x/y", "./tsconfig.base"]}'}, "*.base.json\n",
        "npx tsc", ("tsconfig.base.json (tsconfig.json:1)",)),
    "an import in a list": Row(
        {**go("//go:embed main.go"), "p/p.go": "package p\n",
         "b.go": 'package main\n\nimport (\n\t_ "embed"\n\t_ "example.com/m/p"\n)\n'},
        "p\n", LISTED, ("p/p.go (b.go:5)",), GO),
    "on several lines": Row(SCRIPT, "scripts\n", "cd scripts && \\\n  ./build.sh", BY_RUN),
}  # fmt: skip
"""Rows with a finding of CTX131."""

UNSURE = (
    *("./x.sh && echo ok || echo skipped", "(./x.sh && echo) || true", "./x.sh; true"),
    *("./x.sh | cat", "./x.sh & true", "if ./x.sh; then true; fi", "! ./x.sh", "true || ./x.sh"),
    *("f() { ./x.sh; }; true", 'case "$DEV" in 1) ./x.sh;; esac', "<<E\n./x.sh\ntrue\nE\n"),
    *("if true; then ./x.sh; fi", "bash -n ./x.sh", "node --check ./x.sh", "node --version ./x.sh"),
)
"""Commands after which a RUN may succeed without the script."""

TEST = '#[cfg(test)]\nmod tests {{\n    const A: &str = include_str!("../README.md");\n}}\n{}'
SILENT = {
    "for tests": Row(rust(TEST.format("")), "*.md\n", BUILD, (), CARGO),
    "a function for tests": Row(
        rust('#[test]\nfn a() {\n    include_str!("../README.md");\n}\n'),
        "*.md\n", BUILD, (), CARGO),
    "a module for tests": Row(
        rust("#[cfg(test)]\nmod a;\n", src__a_rs=TEXT),
        "*.md\n", BUILD, (), CARGO),
    "only in documentation": Row(
        rust('#![cfg_attr(doc, doc = include_str!("../README.md"))]\n'),
        "*.md\n", BUILD, (), CARGO),
    "a feature": Row(
        rust('#[cfg(not(all()))]\npub const A: &str = include_str!("../README.md");\n'), "*.md\n",
        BUILD, (), CARGO),
    "comments": Row(
        rust('// include_str!("../README.md")\n/* include_str!("../README.md") */\n'
             '/// include_str!("../README.md")\npub fn a() {}\n'), "*.md\n", BUILD, (), CARGO),
    "strings": Row(
        rust('pub const A: &str = r#"include_str!("../README.md")"#;\n'
             'pub const B: &str = "include_str!(\\"../README.md\\")";\n'),
        "*.md\n", BUILD, (), CARGO),
    "a macro": Row(
        rust('macro_rules! a {\n    () => {\n        include_str!("../README.md")\n    };\n}\n'),
        "*.md\n", BUILD, (), CARGO),
    "what the build makes": Row(
        rust('pub const A: &str = include_str!(concat!(env!("OUT_DIR"), "/../README.md"));\n'),
        "*.md\n", BUILD),
    "a source of no module": Row(
        rust("", src__old_rs=TEXT), "*.md\n", BUILD, (),
        CARGO),
    "tests beside the sources": Row(
        {**rust(""), "tests/a.rs": TEXT}, "*.md\n",
        BUILD, (), CARGO),
    "sources that are hidden themselves": Row(
        rust("", src__bin__x_rs='const A: &str = include_str!("../../README.md");\n'),
        "*.md\nsrc/bin\n", BUILD, (), CARGO),
    "sent": Row(rust(DOC), "docs\n", BUILD, (), CARGO),
    "re-included": Row(
        rust(DOC), "*.md\n!README.md\n", BUILD, (), CARGO),
    "nothing is compiled": Row(rust(DOC), "*.md\n", "true"),
    "made before": Row(
        rust(DOC), "*.md\n", f"touch README.md && {BUILD}"),
    "made by something unknown": Row(
        rust(DOC), "*.md\n", f"./generate && {BUILD}"),
    "another package of the workspace": Row(
        {"Cargo.toml": '[workspace]\nmembers = ["b", "c"]\n', "b/src/lib.rs": "",
         "b/Cargo.toml": B_TOML, "c/README.md": "",
         "c/Cargo.toml": '[package]\nname = "c"\nversion = "0.1.0"\n',
         "c/src/lib.rs": DOC},
        "**/*.md\n", "cargo build -p b", (), (*CARGO, "-p", "b")),
    "git ignores it": Row(
        rust(DOC), "*.md\n", BUILD, untracked=("README.md",)),
    "some of a directory": Row({**go("//go:embed web"), **STATIC}, "**/*.js\n", LISTED, (), GO),
    "a part that Go skips": Row({**go("//go:embed web"), **STATIC}, "web/.c\nweb/_d\n", LISTED, (),
        GO),
    "without the import": Row(
        {"go.mod": "module m\n", "main.go": "package main\n\n// go:embed web\n", **STATIC},
        "web\n", LISTED, (), GO),
    "a test of Go": Row(
        {**go("//go:embed main.go"), **STATIC, "a_test.go":
         JS},
        "web\n", LISTED, (), GO),
    "another system": Row(
        {**go("//go:embed main.go"), **STATIC, "a_windows.go":
         JS},
        "web\n", LISTED, (), GO),
    "a tag": Row(
        {**go("//go:embed main.go"), **STATIC, "a.go":
         f"//go:build never\n\n{JS}"},
        "web\n", LISTED, (), GO),
    "a comment of Go": Row(
        {**go('//go:embed main.go'), **STATIC,
         "a.go": "package main\n\n/*\n//go:embed web\n*/\nvar s = `\n//go:embed web\n`\n"},
        "web\n", LISTED, (), GO),
    "a package that is not built": Row(
        {**go("//go:embed main.go"), "p/p.txt": "",
         "p/p.go": P_TXT},
        "**/*.txt\n", LISTED, (), GO),
    "from another stage": Row({**go("//go:embed web"), **STATIC}, "web\n", LISTED, (), (), MADE),
    "generated": Row({**go("//go:embed web"), **STATIC}, "web\n", f"go generate && {LISTED}"),
    "made by npm": Row({**go("//go:embed web"), **STATIC}, "web\n", f"npm run build && {LISTED}"),
    "a script that is there": Row(SCRIPT, "src\n", "./scripts/build.sh"),
    "a script that is tested for": Row(SCRIPT, "scripts\n",
        "if [ -f scripts/build.sh ]; then sh scripts/build.sh; fi"),
    "a script that may fail": Row(SCRIPT, "scripts\n", "sh scripts/build.sh || true"),
    "a script that is downloaded": Row(SCRIPT, "scripts\n",
        "curl -o scripts/build.sh x && sh scripts/build.sh"),
    "a script of the image": Row({"bin/x": "", "a": ""}, "bin\n", "/bin/x",
        dockerfile="FROM base.invalid/x\nCOPY . /\nRUN {}\n"),
    "a module of Python": Row({"build/a": "", "a": ""}, "build\n", "python -m build"),
    "code, not a file": Row({"build": "", "a": ""}, "build\n", "python -c build"),
    "a script that no COPY takes": Row(SCRIPT, "scripts\n", "./scripts/build.sh",
        dockerfile="FROM base.invalid/x\nWORKDIR /app\nCOPY src .\nRUN {}\n"),
    "an installed script": Row(
        {"vendor/bin/x": "", "composer.json": ""}, "vendor\n", "composer install && vendor/bin/x"),
    "a configured makefile": Row({"Makefile": "", "configure": ""}, "Makefile\n",
        "./configure && make"),
    "requirements of the network": Row(
        {"requirements.txt": "-r https://x.invalid/base.txt\n# -r base.txt\n", "base.txt": ""},
        "base.txt\n", "pip install -r requirements.txt"),
    "requirements that are copied by name": Row(REQUIRED, "**/base.txt\n",
        "pip install -r prod.txt",
        dockerfile="FROM base.invalid/x\nCOPY requirements/prod.txt .\nRUN {}\n"),
    "settings of a package": Row(
        {**TS, "tsconfig.json": '{"extends": "@tsconfig/node20/tsconfig.json"}'}, "*.base.json\n",
        "npm run build"),
    "settings in a comment": Row(
        {**TS, "tsconfig.json": '{\n  // "extends": "./tsconfig.base.json"\n}\n'}, "*.base.json\n",
        "npm run build"),
    "no compiler": Row(
        {"package.json": '{"scripts": {"build": "esbuild"}}', "tsconfig.json": EXTENDS,
         "tsconfig.base.json": "{}"}, "*.base.json\n", "npm run build"),
    "an attribute with several conditions": Row(rust("mod a;\n",
        src__a_rs=f"#![cfg(any(all(), test))]\n{TEXT}"), "*.md\n", BUILD),
    "a file for tests": Row(rust("mod a;\n", src__a_rs=f"#![cfg(test)]\n{TEXT}"), "*.md\n", BUILD,
        (), CARGO),
    "an attribute with blanks": Row(
        rust('# [ cfg(test)]\nconst A: &str = include_str!("../README.md");\n'), "*.md\n", BUILD,
        (), CARGO),
    "comments in comments": Row(rust('/* a /* b */ include_str!("../README.md"); */\n'),
        "*.md\n", BUILD, (), CARGO),
    "an item of a macro": Row(
        rust("cfg_if::cfg_if! {\n    if #[cfg(windows)] {\n        " + TEXT + "    }\n}\n"),
        "*.md\n", BUILD),
    "quoted code": Row(rust("fn a() { quote! { " + TEXT.strip() + " } }\n"), "*.md\n", BUILD),
    "a package that is optional": Row(
        {**rust(""), "Cargo.toml": A_TOML.replace('" }', '", optional = true }'),
         "b/Cargo.toml": B_TOML, "b/README.md": "", "b/src/lib.rs": DOC}, "**/*.md\n", BUILD, (),
        CARGO),
    "a package of the workspace beside the one at the top": Row(
        {**rust(""), "Cargo.toml": A_TOML.partition("[dep")[0] + '[workspace]\nmembers = ["b"]\n',
         "b/Cargo.toml": B_TOML, "b/README.md": "", "b/src/lib.rs": DOC}, "**/*.md\n", BUILD, (),
        CARGO),
    "a package of the workspace that is not chosen": Row(
        {**WORKSPACE, "crates/c/Cargo.toml": C_TOML, "crates/c/src/lib.rs": ""}, "**/*.md\n",
        f"{BUILD} -p c", (), (*CARGO, "-p", "c")),
    "another library": Row(
        {**rust(DOC), "Cargo.toml": '[package]\nname = "a"\nversion = "0.1.0"\n[lib]\n'
         'path = "x.rs"\n', "x.rs": ""}, "*.md\n", BUILD, (), CARGO),
    "sources for C": Row({**go('import "C"\n\n//go:embed web'), **STATIC}, "web\n", LISTED),
    "a string that is called as a package": Row(
        {**go("//go:embed main.go"), "b.go": 'package main\n\nvar p = "example.com/m/p"\n',
         "p/p.go": "package p\n"}, "p\n", LISTED, (), GO),
    "an import in a comment": Row(
        {**go("//go:embed main.go"), "p/p.go": "package p\n",
         "b.go": 'package main\n\nimport (\n/*\n\t"example.com/m/p"\n*/\n)\n'}, "p\n", LISTED,
        (), GO),
    "a stage that is not built": Row(SCRIPT, "scripts\n", "./scripts/build.sh",
        dockerfile="FROM base.invalid/x AS dev\nWORKDIR /app\nCOPY . .\nRUN {}\n"
        "FROM base.invalid/x\nCOPY src /src\n"),
    "a secret": Row({"env.md": "", "src/a": ""}, "*.md\n",
        "--mount=type=secret,target=/app/env.md . ./env.md"),
    "made by a redirection": Row(rust(DOC), "*.md\n", f": > README.md && {BUILD}"),
    "a redirection to a variable": Row(rust(DOC), "*.md\n", f"echo hi > $F && {BUILD}"),
    "another script of a package": Row(
        {**TS, "package.json": '{"scripts": {"build": "esbuild", "types": "tsc -p ."}}',
         "tsconfig.json": EXTENDS}, "*.base.json\n", "npm run build"),
    "other settings": Row(
        {**TS, "package.json": '{"scripts": {"build": "tsc -p tsconfig.build.json"}}',
         "tsconfig.json": EXTENDS, "tsconfig.build.json": "{}"}, "*.base.json\n", "npm run build"),
    "a makefile elsewhere": Row({"Makefile": "", "sub/Makefile": ""}, "Makefile\n", "make -Csub"),
    **{f"the script in {run}": Row(SCRIPT, "scripts\n", run.replace("x.sh", "scripts/build.sh"))
       for run in UNSURE},
}  # fmt: skip
"""Rows without a finding."""


def planted(root: Path, row: Row, *, tracked: bool = True) -> Path:
    """Write the files of a row, all of them tracked by git but the `untracked` ones."""
    root.mkdir(parents=True, exist_ok=True)
    files = {
        **row.files,
        "Dockerfile": row.dockerfile.format(row.run),
        ".dockerignore": row.ignored,
    }
    files[".gitignore"] = "".join(f"/{each}\n" for each in row.untracked)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
        (root / path).chmod(0o755 if text.startswith("#!") else 0o644)
    for command in (("init", "-q"), ("add", "--all", "--intent-to-add")) if tracked else ():
        subprocess.run(["git", "-C", str(root), *command], check=True)
    return root


Tree = Callable[[Row], Path]


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Return the tree of a row, planted once."""
    made: dict[str, Path] = {}

    def tree(row: Row) -> Path:
        if repr(row) not in made:
            made[repr(row)] = planted(tmp_path_factory.mktemp("row") / "context", row)
        return made[repr(row)]

    return tree


@pytest.fixture
def tree(trees: Tree) -> Iterator[Tree]:
    """Return the tree of a row; its ignore file, which a test may change, is brought back."""
    used: list[Row] = []

    def tree(row: Row) -> Path:
        used.append(row)
        return trees(row)

    yield tree
    for row in used:
        (trees(row) / ".dockerignore").write_text(row.ignored)


def found(root: Path, code: str = "CTX131") -> tuple[Finding, ...]:
    return api.lint([str(root / ".dockerignore")], select=[code]).findings


def shown(root: Path, finding: Finding) -> str:
    path = finding.message.partition(" ignores ")[2].partition(", which ")[0]
    return f"{path} ({finding.evidence[0].removeprefix(f'{root}/')})"


@pytest.mark.parametrize("name", SPEAKS)
def test_a_file_that_the_build_names_is_reported(name: str, tree: Tree) -> None:
    root = tree(SPEAKS[name])
    assert tuple(shown(root, each) for each in found(root)) == SPEAKS[name].found


@pytest.mark.parametrize("name", SILENT)
def test_a_file_that_the_build_may_miss_is_not_reported(name: str, tree: Tree) -> None:
    root = tree(SILENT[name])
    assert [each.message for each in found(root)] == []


@pytest.mark.parametrize("name", SPEAKS)
def test_the_fix_sends_the_file(name: str, tree: Tree) -> None:
    root = tree(SPEAKS[name])
    (edit,) = api.lint([str(root / ".dockerignore")], select=["CTX131"], fix=True,
                       unsafe_fixes=True).edits  # fmt: skip
    (root / ".dockerignore").write_bytes(edit.after)
    assert found(root) == ()


TOOLS = {name: row for name, row in (SPEAKS | SILENT).items() if row.tool}


@pytest.mark.parametrize("name", TOOLS)
def test_the_real_tool_fails_exactly_there(name: str, tree: Tree, tmp_path: Path) -> None:
    row = TOOLS[name]
    root, copy = tree(row), tmp_path / "copy"
    if "/" not in row.tool[0]:
        require(row.tool[0])
    for each in api.ls(str(root)):
        if (root / each.path).is_file():
            (copy / each.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / each.path, copy / each.path)
    done = ran(row.tool, copy, root)
    assert (done.returncode != 0) == bool(row.found), done.stderr


def ran(tool: tuple[str, ...], at: Path, root: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(tool, cwd=at, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:  # the script itself
        return subprocess.CompletedProcess(tool, 127, "", str(error))


COPIED = (
    "FROM base.invalid/x AS builder\nWORKDIR /app\nCOPY . .\n{}\n"
    "FROM scratch\nCOPY --from=builder {} /x/\n"
)
TAKEN = {"docs/a.json": "", "src/a": ""}


def copying(run: str = "", path: str = "/app/docs", **more: str) -> Row:
    return Row({**TAKEN, **more}, "docs\n", dockerfile=COPIED.format(run, path).replace("{}", ""))


COPIES = {
    "a directory": copying(),
    "a file": copying(path="/app/docs/a.json"),
    "after package managers": copying("RUN apk add git\nRUN cd src && pip install x"),
    "after a build of Go": copying("RUN go build -o app ."),
    "from the top": copying(path="app/docs/../docs/a.json"),
    "a pattern below it": copying(path="/app/docs/*"),
}
FINE = {
    "sent": copying(path="/app/src"),
    "made": copying("RUN make"),
    "made by name": copying("RUN mkdir docs"),
    "made by a redirection": copying("RUN ls > docs/a.json"),
    "made by a script of a package": copying("RUN npm ci"),
    "built without a name": copying("RUN go build ."),
    "installed": copying("RUN GOBIN=/app/docs go install ."),
    "of an archive": copying("ADD v.tar.gz ."),
    "of an earlier archive": Row(TAKEN, "docs\n",
        dockerfile=COPIED.format("", "/app/docs").replace("COPY . .", "ADD v.tar.gz .\nCOPY . .")),
    "for a stage that is not built": Row(TAKEN, "docs\n",
        dockerfile=COPIED.format("", "/app/docs") + "FROM scratch\nCOPY src /src\n"),
    "built by name": copying("RUN go build -o docs ."),
    "by another COPY": copying("COPY --from=base.invalid/y /z docs"),
    "a directory of WORKDIR": copying("WORKDIR docs"),
    "a pattern": copying(path="/app/doc*"),
    "no such file": copying(path="/app/docs/none"),
    "of the image": copying(path="/etc/docs"),
    "git ignores it": Row(
        TAKEN, "docs\n", dockerfile=COPIED.format("", "/app/docs"), untracked=("docs",)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_of_what_the_stage_never_got_is_reported(name: str, tmp_path: Path) -> None:
    root = planted(tmp_path, COPIES[name])
    (finding,) = found(root, "CTX132")
    line = COPIES[name].dockerfile.splitlines().index("FROM scratch") + 2
    assert finding.evidence[0] == f"{root}/Dockerfile:{line}"
    assert finding.fix is not None


@pytest.mark.parametrize("name", FINE)
def test_a_copy_of_what_the_stage_may_have_is_not_reported(name: str, tmp_path: Path) -> None:
    assert found(planted(tmp_path, FINE[name]), "CTX132") == ()


ON_ENGINES = {
    name: row
    for name, row in (COPIES | FINE).items()
    if not any(each in row.dockerfile for each in ("RUN", "ADD", "invalid/y"))
    and name not in ("of the image", "for a stage that is not built")
}


@pytest.mark.parametrize("name", ON_ENGINES)
def test_the_engine_fails_at_that_copy(name: str, docker: Docker, tmp_path: Path) -> None:
    row = ON_ENGINES[name]
    row = replace(row, dockerfile=row.dockerfile.replace("base.invalid/x", "scratch"))
    reported = bool(found(planted(tmp_path / "tracked", row), "CTX132"))
    result = docker.build_buildkit(planted(tmp_path / "context", row, tracked=False))
    missing = name in ("no such file", "git ignores it")  # also without the ignore file
    assert (result.error is not None) == (reported or missing)


@pytest.mark.parametrize("name", SPEAKS)
def test_no_suggestion_hides_such_a_file(name: str, tree: Tree) -> None:
    root = tree(SPEAKS[name])
    (root / ".dockerignore").write_bytes(b"none\n")
    for unsafe in (False, True):
        edit = api.suggest(str(root), unsafe=unsafe).edit
        (root / ".dockerignore").write_bytes(b"none\n" if edit is None else edit.after)
        assert found(root) == ()


def test_a_long_list_of_copies_ends_in_time(tmp_path: Path) -> None:
    sources, files = " ".join(f"s{n}" for n in range(3000)), {f"s{n}": "" for n in range(3000)}
    taken = " ".join(f"/app/t{n}" for n in range(3000))
    copies = "".join(f"COPY s{n} /app/d{n}\n" for n in range(400))
    text = f"FROM base.invalid/x AS b\n{copies}COPY {sources} /app/\nFROM scratch\n"
    text += f"COPY --from=b {taken} /z/\n"
    root = planted(tmp_path, Row({**files, "x": ""}, "x\n", dockerfile=text))
    with processor_seconds(10):
        assert found(root, "CTX132") == ()
