"""What each code catches and what it leaves alone: lines, a tree, and the findings of that code.

A finding is written `line:column severity`, then the figures and the fix where
there are some. Without a tree (None) the lines come from standard input.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.trees import COPY_ALL, Node, file

Tree = list[str | Node] | None


class Case(NamedTuple):
    """One ignore file in its tree."""

    lines: str
    tree: Tree
    found: tuple[str, ...] = ()
    builder: str = "buildkit"


DOCKERFILE = file("Dockerfile", COPY_ALL)
REPOSITORY = (file(".git/HEAD", size_bytes=7), ".git/objects/", ".git/refs/")
WORKSPACE: list[str | Node] = [
    file("Dockerfile", b"FROM node:22\nCOPY . .\nRUN npm ci\n"),
    "package.json",
    file("node_modules/a.js", size_bytes=100),
    "web/package.json",
    file("web/node_modules/b.js", size_bytes=20),
    file("web/node_modules/c/d.js", size_bytes=3),
]


INSTALLED: list[str | Node] = [
    file("Dockerfile", b"FROM node:22\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\n"),
    *("package.json", "package-lock.json"),
    file("node_modules/a/x.log", size_bytes=3_000_000),
]


TESTED = file("Dockerfile", b"FROM python:3.13\nCOPY . .\nRUN pytest --cov\n")
RECORDED: list[str | Node] = [
    file("Dockerfile", b"FROM node:22\nWORKDIR /app\nCOPY . .\nRUN npx tsc -b\n"),
    *("package.json", "tsconfig.json", "src/a.ts"),
    file("tsconfig.tsbuildinfo", b'{"options":{"outDir":"./dist"}}     '),
]


def copying(*sources: str) -> Node:
    """A Dockerfile that copies `sources`, each on a line of its own."""
    lines = "".join(f"COPY {source} /\n" for source in sources)
    return file("Dockerfile", f"FROM scratch\n{lines}".encode())


RUNNING = file("Dockerfile", b"FROM alpine\nCOPY . /x\nRUN sh /x/run.sh\n")
MANY = [f"node_modules/a/{number}.js" for number in range(999)]
"""As many ignored entries as are too many, with the directory."""
SCRIPTS: list[str | Node] = [*MANY, DOCKERFILE, "docker/a.sh", "docker/b.sh", "docker/a.txt"]


CATCHES: dict[str, list[Case]] = {
    "CTX101": [
        Case("node_modules\n", WORKSPACE, ("1:1 warning 2 files 23 B, certain",)),
        Case("# a\n  node_modules/\n", WORKSPACE, ("2:3 warning 2 files 23 B, certain",)),
        Case("node_modules\n", ["web/package.json"], ("1:1 info, certain",)),
        Case(
            "*.pyc\n",
            ["a/b.py", file("a/b.pyc", size_bytes=5)],
            ("1:1 warning 1 files 5 B, certain",),
        ),
        Case("__pycache__\n", ["a.py", "p/m.py"], ("1:1 info, certain",)),
        Case(
            "*.log\n",
            [*INSTALLED, file("a/x.log", size_bytes=5)],
            ("1:1 warning 2 files 3000005 B, certain",),
        ),
        Case(
            "target\n",
            ["Cargo.toml", "sub/Cargo.toml", file("sub/target/x", size_bytes=9)],
            ("1:1 warning 1 files 9 B, certain",),
        ),
        Case(
            "node_modules\n",
            [DOCKERFILE, *WORKSPACE[1:]],
            ("1:1 info 2 files 23 B, unsafe",),
        ),
        Case("node_modules\n", None, ("1:1 info, unsafe",)),
        Case(
            "node_modules\n!web/node_modules/c\n",
            WORKSPACE,
            ("1:1 warning 2 files 23 B, certain",),
        ),
        Case(
            "!web/node_modules/c\nnode_modules\n",
            WORKSPACE,
            ("2:1 warning 2 files 23 B, unsafe",),
        ),
        Case(
            "*\n!**/*.js\nnode_modules\n",
            ["web/package.json", "web/node_modules/x.js", "a.js"],
            ("3:1 warning 1 files 22 B, certain",),
        ),
        Case(
            "node_modules\n*\n!web\n",
            ["web/package.json", "web/node_modules/x.js", "a.js"],
            ("1:1 warning 1 files 22 B, certain",),
        ),
    ],
    "CTX102": [
        Case("dist # made\n", ["dist/a", "src/b"], ("1:1 error 1 files 7 B, certain",)),
        Case("a\t#b\n", ["a"], ("1:1 error 1 files 2 B, certain",)),
        Case("*\n!src # keep\n", ["src/b"], ("2:1 error 1 files 6 B, certain",)),
        Case("dist # made\n", None, ("1:1 error, unsafe",)),
    ],
    "CTX103": [
        Case("  # caches\n", ["a"], ("1:3 warning, certain",)),
        Case("// all of it\n*\n", ["a"], ("1:1 warning, certain",)),
        Case("; note\n-- note\n", ["a"], ("1:1 warning, certain", "2:1 warning, certain")),
        Case("// dist\n", ["dist/a"], ("1:1 error 1 files 7 B, unsafe",)),
        Case("//\n", None, ("1:1 warning, unsafe",)),
    ],
    "CTX104": [
        Case(
            "node_modules dist\n",
            ["node_modules/a", "dist/b"],
            ("1:1 error 2 files 22 B, certain",),
        ),
        Case("*.log, *.tmp\n", ["a.log"], ("1:1 error 1 files 6 B, certain",)),
        Case("*\n!src !docs\n", ["src/a", "docs/b"], ("2:1 error 2 files 13 B, certain",)),
        Case("node_modules .env\n", None, ("1:1 error, unsafe",)),
    ],
    "CTX105": [
        Case(
            "*/node_modules\n",
            [*WORKSPACE, "a/b/node_modules/x"],
            ("1:1 warning 2 files 119 B, certain",),
        ),
    ],
    "CTX106": [
        Case("!src\n", ["src/a"], ("1:1 warning, certain",)),
        Case("docs\n!src\n", ["src/a", "docs/b"], ("2:1 warning, certain",)),
        Case("docs\n!src/docs\n", ["src/docs/a", "docs/b"], ("2:1 warning, unsafe",)),
        Case("*.log\n!src/a.log\n", ["src/a.log"], ("2:1 warning, unsafe",)),
        Case("docs/*\n!docs\n", ["docs/b"], ("2:1 warning",)),
        Case("log/*\n!log/\n!log/.keep\n", ["log/.keep"], ("2:1 info",)),
        Case("!src\n", None, ("1:1 warning, unsafe",)),
    ],
    "CTX107": [
        Case("*\n!README.md\n*.md\n", ["README.md"], ("2:1 warning, unsafe",)),
        Case("*\n!**/*.md\n**/README.md\n", ["docs/README.md"], ("2:1 warning, unsafe",)),
        Case("*\n!a\na\n", None, ("2:1 warning, unsafe",)),
    ],
    "CTX108": [
        Case(
            "*\n!**/Cargo.toml\nwasm\n",
            ["Cargo.toml", file("wasm/Cargo.toml", size_bytes=8)],
            ("3:1 error 1 files 8 B, certain",),
        ),
        Case(
            "vendor\n!vendor/keep\n**/vendor\n",
            ["vendor/a", file("vendor/keep/b", size_bytes=4)],
            ("3:1 error 1 files 4 B, certain",),
        ),
    ],
    "CTX109": [
        Case("a\n", [DOCKERFILE, *REPOSITORY], ("warning 1 files 7 B, certain",)),
        Case("a\n", [*REPOSITORY], ("info 1 files 7 B, certain",)),
        Case("*\n!*/*\n", [DOCKERFILE, *REPOSITORY], ("warning 1 files 7 B, certain",)),
    ],
    "CTX135": [
        Case("a\n", INSTALLED, ("warning 1 files 3000000 B, certain",)),
        Case("a\n", INSTALLED[:-1], ("info, certain",)),
        Case(
            "*\n!web\n!package*.json\n",
            [*INSTALLED[:-1], "web/package.json"],
            ("info, certain",),
        ),
    ],
    "CTX110": [
        Case("a\n", [DOCKERFILE, file(".env", size_bytes=7)], ("warning 1 files 7 B, certain",)),
        Case(
            "a\n",
            [
                file("Dockerfile", b"FROM node:22\nCOPY . .\nRUN npx vite build\n"),
                file(".env", size_bytes=7),
            ],
            ("info 1 files 7 B, unsafe",),
        ),
        Case(
            ".env\n",
            [DOCKERFILE, file("web/.env.local", size_bytes=7)],
            ("warning 1 files 7 B, certain",),
        ),
    ],
    "CTX111": [
        Case("dist\n", [copying("dist/app.js"), "dist/app.js"], ("1:1 error, unsafe",)),
        Case("*.lock\n", [copying("*.lock"), "a.lock"], ("1:1 warning, unsafe",)),
        Case(
            "dist\n!docs\n",
            [
                file(
                    "Dockerfile", b"FROM scratch AS dev\nCOPY dist /\nFROM scratch\nCOPY docs /\n"
                ),
                "dist/a",
                "docs/b",
            ],
            ("1:1 error, unsafe",),
        ),
        Case("**/b\n", [copying("a/b"), "a/b", "a/c"], ("1:1 error, unsafe",)),
    ],
    "CTX112": [
        Case("logs\nlogs/*.log\n", ["a"], ("2:1 info, certain",)),
        Case("**/*.log\nnpm-debug.log\n", None, ("2:1 info, unsafe",)),
        Case("a/b\n!x\n**/c\nweb/c\n", ["a"], ("4:1 info, certain",)),
        Case("*\n*.md\n!a.md\n", ["a.md"], ("2:1 info, certain",)),
        Case("*/*\n**\n", None, ("1:1 info, unsafe",)),
        Case("*\n!src\n!src/a.c\n", ["src/a.c", "b"], ("3:1 warning",)),
        Case("*\n!src/*\n!src/a\n", ["src/a", "src/b"], ("3:1 warning",)),
        Case("*\n!**/*.md\n!docs/a.md\n", ["docs/a.md"], ("3:1 info, certain",)),
    ],
    "CTX113": [
        Case("dist\n/dist/\n", ["a"], ("2:1 info, certain",)),
        Case("*\n!a\n!./a\n", None, ("3:1 info, unsafe",)),
    ],
    "CTX114": [
        Case("../dist\n", ["a"], ("1:1 warning, unsafe",)),
        Case(".\n", None, ("1:1 warning, unsafe",)),
        Case("/\n", ["a"], ("1:1 warning, unsafe",)),
    ],
    "CTX115": [
        Case("*.{log,tmp}\n", ["a.log", "b.tmp"], ("1:1 warning, certain",)),
        Case("[!a].txt\n", ["b.txt"], ("1:1 warning, certain",)),
        Case("[!a].txt\n", ["a.txt", "b.txt"], ("1:1 warning 1 files 6 B, unsafe",)),
        Case("build\\bin\n", ["build/bin/a"], ("1:1 warning, certain",)),
        Case("{a,b}\n", None, ("1:1 warning, unsafe",)),
    ],
    "CTX116": [
        Case(
            "**/compose*\n",
            [DOCKERFILE, "composer.json", "compose.yaml"],
            ("1:1 error 1 files 14 B, unsafe",),
        ),
        Case("*.lock\n", [DOCKERFILE, "yarn.lock"], ("1:1 error 1 files 10 B, unsafe",)),
        Case("*.json\n", ["package.json"], ("1:1 warning 1 files 13 B, unsafe",)),
        Case("**/.coverage*\n", [TESTED, ".coveragerc"], ("1:1 error 1 files 12 B, unsafe",)),
    ],
    "CTX118": [
        Case("readme.md\n", ["README.md"], ("1:1 warning, unsafe",)),
    ],
    "CTX120": [
        Case(
            "vendor\n!vendor/keep\n**/vendor\n",
            ["vendor/a", file("vendor/keep/b", size_bytes=4)],
            ("2:1 error 1 files 4 B, unsafe",),
        ),
    ],
    "CTX121": [
        Case("!\n", ["a"], ("1:1 error",)),
        Case("a[\n", None, ("1:1 error",)),
        Case("foo\\\n", ["a"], ("1:1 error",)),
        Case("**/\\\n", ["a"], ("1:1 error",)),
        Case("[z-a]\n", ["a"], ("1:1 error",)),
        Case("*\n[z-a]\n", ["a"], ("2:1 error",)),
        Case("x" * 65_536 + "\n", ["a"], ("1:1 error",)),
    ],
    "CTX122": [
        Case("node_modules\tdist\n", ["a"], ("1:13 error, unsafe",)),
        Case("a\rb\n", None, ("1:2 error, unsafe",)),
        Case("é\na\x01b\n", ["a"], ("2:2 warning, unsafe",)),
    ],
    "CTX123": [
        Case("\udcff\udcfed\x00*\x00\n\x00", ["dist/a", "e"], ("1:1 error",)),
        Case("\udcfe\udcff\x00d\x00\n\x00", None, ("1:1 error",)),
        Case("dist\u200b\n", ["dist/a"], ("1:5 warning, certain",)),
        Case("a\u00a0b\n", None, ("1:2 warning, unsafe",)),
        Case("a\n\ufeffdist\n", ["dist/a"], ("2:1 warning, certain",)),
        Case("d\udcffist\n", ["dist/a"], ("1:2 warning",)),
    ],
    "CTX124": [
        Case("*.py|*.md\n", ["a.py", "b.md", ".pyx"], ("1:1 warning 3 files 15 B, unsafe",)),
        Case("a|b\n", ["a", "b"], ("1:1 warning, certain",)),
    ],
    "CTX125": [
        Case(
            "*\n!src/*/**\n",
            ["src/a/b", file("src/a/c/d", size_bytes=6), "src/e"],
            ("2:1 warning 2 files 14 B",),
        ),
        Case(
            "*\n!src/**/*.py\n",
            ["src/a.py", file("src/deep/b.py", size_bytes=6)],
            ("2:1 warning 1 files 6 B",),
            "classic",
        ),
    ],
    "CTX130": [
        Case(
            "**/target\n*\n!services\n",
            ["services/a/main.rs", file("services/a/target/x", size_bytes=50)],
            ("1:1 warning 1 files 50 B, certain",),
        ),
        Case(
            "/tmp/*\n!/tmp/.keep\n/tmp/pids/*\n!/tmp/pids/\n!/tmp/pids/.keep\n",
            ["tmp/pids/.keep", file("tmp/pids/server.pid", size_bytes=3)],
            ("3:1 warning 1 files 3 B, certain",),
        ),
    ],
    "CTX131": [
        Case("**/*.sh\n", [RUNNING, "run.sh"], ("1:1 error, unsafe",)),
        Case("*\n!a\n", [RUNNING, "run.sh", "a"], ("1:1 error, unsafe",)),
    ],
    "CTX140": [
        Case("dist\n", RECORDED, ("warning 1 files 36 B, certain",)),
    ],
    "CTX141": [
        Case("dist\n", INSTALLED, ("warning 1 files 3000000 B, certain",)),
    ],
    "CTX133": [
        Case("node_modules\ndocker\n!docker/*.sh\n", SCRIPTS, ("3:1 info, unsafe",)),
        Case("*\n!docker/[ab].sh\n!docker/**\n", SCRIPTS, ("2:1 info, unsafe",)),
        # The last pattern takes one path back, and several exceptions have wildcards.
        Case(
            "**\n!docker\n!**/*.md\n!docker/?.sh\n!node_modules/b\ndocker/b.sh\n",
            [*SCRIPTS, "a/b.md", "node_modules/c.md", "node_modules/a/x/y"],
            ("3:1 info, unsafe",),
        ),
        # Too many paths to list, and one that no pattern without a wildcard names.
        Case(
            "*\n!**/*.go\n",
            [*SCRIPTS, *(f"src/{number}.go" for number in range(51))],
            ("2:1 info",),
        ),
        # Exceptions that re-include nothing are removed.
        Case("node_modules\n!src/*.go\n", SCRIPTS, ("2:1 info, unsafe",)),
        Case("node_modules\n!docker/*.sh\n", SCRIPTS, ("2:1 info, unsafe",)),
        Case("*\n!src/*.go\n", [*SCRIPTS, "src/a[b].go"], ("2:1 info",)),
        # The Dockerfile takes what wildcards name, so BuildKit looks for it everywhere.
        Case(
            "node_modules\ndocker\n!docker/*.sh\n",
            [*MANY, copying("docker/*.sh"), "docker/a.sh"],
            ("3:1 info, unsafe",),
        ),
    ],
}

SILENT: dict[str, list[Case]] = {
    "CTX101": [
        Case("/node_modules\n", WORKSPACE),
        Case("*.log\n", INSTALLED),
        Case("__pycache__\n", [*INSTALLED, "node_modules/a/m.py"]),
        Case("*.log\n!web/a.log\n", ["a.log", "web/a.log"]),
        Case("**/node_modules\n", WORKSPACE),
        Case("node_modules\n**/node_modules\n", WORKSPACE),
        Case("node_modules\n", ["package.json", "node_modules/a.js", "web/index.html"]),
        Case("node_modules\nweb\n", WORKSPACE),
        Case("node_modules\nweb/node_modules\n", ["package.json", "web/package.json"]),
        Case("*.pyc\n**/__pycache__\n", ["a/b.py"]),
        Case("*.pyo\n", ["a/b.py"]),
        Case("*.pyc\n**/__pycache__\n", None),
        Case("target\n", ["Cargo.toml", "src/target/mod.rs"]),
        Case("node_modules\n", ["package.json", "tests/fixtures/a/package.json"]),
        Case("README.md\n", ["README.md", "web/README.md"]),
        Case("build\n", None),
    ],
    "CTX102": [
        Case("a#b\n", ["a#b"]),
        Case("# a # b\n", ["a"]),
        Case("a #1\n", ["a #1"]),
        Case("\\#a\n", None),
    ],
    "CTX103": [
        Case("# a\n", ["a"]),
        Case("//dist\n", ["dist/a"]),
        Case(" \\#a\n", ["#a"]),
        Case("-a\n", None),
        Case("--\n", ["--"]),
    ],
    "CTX104": [
        Case("my file.txt\n", ["my file.txt"]),
        Case("Visual Studio Code.app\n", ["a"]),
        Case("*.log\n", ["a"]),
        Case("! a.md\n", ["a.md"]),
        Case("with space/*\n", ["with space/a"]),
    ],
    "CTX105": [
        Case("*/node_modules\n**/node_modules\n", WORKSPACE),
        Case("*/docs\n", ["a/docs/b"]),
    ],
    "CTX106": [
        Case("*\n!src\n", ["src/a"]),
        Case(".env*\n!.env.example\n", ["a"]),
        Case("docs\n!docs/**\n", ["docs/a"]),
        Case("*\n!**/*.py\n", ["a"]),
        Case("*\n!tmp\ntmp/*\n!tmp/.keep\n", ["tmp/.keep"]),
        Case("tmp/*\ntmp/p/*\n!tmp/p/\n!tmp/p/.keep\n", ["tmp/p/.keep"]),
    ],
    "CTX107": [
        Case("*\n!src\n**/*.log\n", ["src/a.log", "src/b"]),
        Case("*\n!a\na\n!a\n", ["a"]),
        Case("*\n!src\nsrc/*\n", ["src/a"]),
    ],
    "CTX108": [
        Case("*\n!**/Cargo.toml\nwasm/**\n", ["Cargo.toml", "wasm/Cargo.toml"]),
        Case("*\n!src\nsrc/gen\n", ["src/a", "src/gen/b"]),
        Case("docs\n!docs/keep\n", ["docs/keep/a", "docs/b"]),
        Case("*\n!a\nb\n!b/c\n", ["a", "b/c"]),
    ],
    "CTX109": [
        Case(".git\n", [DOCKERFILE, *REPOSITORY]),
        Case("*\n!.git\n", [DOCKERFILE, *REPOSITORY]),
        Case("**/.git\n!.git/HEAD\n!.git/refs/**\n", [DOCKERFILE, *REPOSITORY, ".git/refs/a"]),
        Case("a\n", [copying("src"), *REPOSITORY, "src/b"]),
        # The build reads its version from git.
        Case(
            "a\n",
            [file("Dockerfile", b"FROM alpine\nCOPY . /\nRUN git describe\n"), *REPOSITORY],
        ),
        Case(
            "a\n",
            [DOCKERFILE, file("pyproject.toml", b'requires = ["hatch-vcs"]\n'), *REPOSITORY],
        ),
        Case("a\n", [DOCKERFILE, ".git/HEAD"]),  # no repository
        Case("a\n", [DOCKERFILE]),
        Case("a\n", None),
    ],
    "CTX135": [
        Case("**/node_modules\n", INSTALLED),
        Case("node_modules\n", [*INSTALLED, "web/package.json"]),  # CTX101 reports it
        Case("a\n", [DOCKERFILE, *INSTALLED[1:]]),
        Case("a\n", [copying("package.json"), *INSTALLED[1:]]),
        Case("*\n!src\n", INSTALLED[:-1]),
        Case("a\n", None),
    ],
    "CTX110": [
        Case("**/.env*\n", [DOCKERFILE, ".env"]),
        Case("a\n", [DOCKERFILE, ".env.example", ".env.template", "env"]),
        Case("*\n!.env\n", [DOCKERFILE, ".env"]),
        Case("a\n", [copying("src"), ".env", "src/b"]),
    ],
    "CTX111": [
        Case("dist/*\n!dist/app.js\n", [copying("dist/app.js"), "dist/app.js"]),
        Case("dist/*\n!dist/app.js\n", [copying("dist"), "dist/app.js", "dist/b"]),
        Case("log/*\n", [copying("log"), "log/.keep"]),
        Case("a\n", [copying("absent")]),
        Case("dist\n", [file("Dockerfile", b"FROM a AS b\nFROM scratch\nCOPY --from=b dist /\n")]),
        Case("*.md\n", [copying("*.txt *.md"), "a.txt"]),
    ],
    "CTX112": [
        Case("logs\nlog\n", ["a"]),
        Case("*.md\ndocs/a.md\n", ["a"]),
        Case("*\n!**/keep\nwasm\nwasm/keep\n", ["wasm/keep"]),
        Case("a/*/b\na/x\n", None),
        Case("[ab]*\nc*\n", None),
        Case("src/*\n!src\n!src/a.c\n", ["src/a.c"]),
        Case("**/target\n*\n!src\n", ["src/a.c"]),
        Case("*\n!docs/*.md\n!**/*.md\n", ["docs/a.md"]),
        Case("tmp/*\n!tmp/\n!tmp/.keep\n", ["tmp/.keep"]),
        Case("*\n!src\nsrc/*\n!src/a.c\n", ["src/a.c"]),
        Case("*\n!src\n!lib/src\n", ["src/a.c", "lib/src/b"]),
        Case("*\n!src\n!src/**\n", ["src/a.c", "b"]),
        Case("*\n!src\n!src/a\nsrc\n", ["src/a", "src/b"]),
        Case("*\n!src/a.c\n!src\n", ["src/a.c", "src/b"]),
        Case("*\n!**/*.md\n!docs/a.md\n", ["docs/a.md"], builder="classic"),
    ],
    "CTX113": [Case("a\n!a\na\n", ["a"]), Case("a\n!a\n", ["a"]), Case("a\n# a\n", None)],
    "CTX114": [Case("..a\n", ["..a"]), Case("a/../b\n", ["b"]), Case("*\n", None)],
    "CTX115": [
        Case("[^a].txt\n", ["b.txt"]),
        Case("{a,b}\n", ["{a,b}"]),
        Case("\\*.txt\n", ["*.txt"]),
        Case("{{cookiecutter.name}}\n", ["{{cookiecutter.name}}/a"]),
    ],
    "CTX116": [
        Case("**/.coverage*\n", [DOCKERFILE, ".coveragerc"]),
        Case(".*\n", [TESTED, ".coveragerc"]),
        Case(".coveragerc\n", [TESTED, ".coveragerc"]),
        Case("*\n!src\n", [DOCKERFILE, "package.json", "src/a"]),
        Case("package*.json\n", [DOCKERFILE, "package.json"]),
        Case("compose*.y*ml\n", [DOCKERFILE, "composer.json"]),
        Case("web\n*.json\n!*.json\n", [DOCKERFILE, "web/package.json"]),
        Case("web/*\n", [DOCKERFILE, "web/package.json"]),
        Case("**/web/**\n", [DOCKERFILE, "web/package.json"]),
        Case("*.json\n", [copying("src"), "package.json", "src/a"]),
    ],
    "CTX118": [
        Case("README.md\n", ["README.md"]),
        Case("readme.md\nREADME.md\n", ["README.md"]),
        Case("coverage\n", ["web/coverage/a"]),
        Case("*.swp\nThumbs.db\n", ["a"]),
    ],
    "CTX120": [
        Case("vendor\n!vendor/keep\n", ["vendor/keep/b"]),
        Case("vendor\n!vendor/keep\n**/vendor\n", ["vendor/keep/b"], builder="classic"),
        Case("*\n", ["a"]),
    ],
    "CTX121": [
        Case("a[b]\n", ["a"]),
        Case("\\!\n", None),
        Case("# [\n", ["a"]),
        Case("x" * 65_535 + "\n", ["a"]),
    ],
    "CTX122": [Case("\ta\t\n", ["a"]), Case("a\r\n", ["a"]), Case("é\n", None)],
    "CTX123": [Case("é\n日本\n", ["é"]), Case("a\u00a0b\n", ["a\u00a0b"])],
    "CTX124": [
        Case("a|b\n", ["a|b"]),
        Case("*.py\\|x\n", ["a"]),
        Case("[^a]*\n", ["a"]),
        Case("{a}*\n", ["{a}b"]),
    ],
    "CTX125": [
        Case("*\n!src/**\n", ["src/a/b"]),
        Case("*\n!src/*/**/*\n", ["src/a/c/d"]),
        Case("*\n!src/**/*.py\n", ["src/deep/b.py"]),
        Case("*\n!src/*/**\n", None),
    ],
    "CTX131": [
        Case("*\n!run.sh\n", [RUNNING, "run.sh"]),
        Case("run.sh\n", [RUNNING, "a"]),
    ],
    "CTX140": [
        Case("dist\n**/*.tsbuildinfo\n", RECORDED),
        Case("docs\n", [*RECORDED, "dist/a.js"]),
    ],
    "CTX141": [
        Case("**/node_modules\n", INSTALLED),
        Case("node_modules/*\n", INSTALLED),
        Case("docs\n", [DOCKERFILE, *INSTALLED[1:]]),
    ],
    "CTX130": [
        Case("*\n!services\n**/target\n", ["services/a/target/x"]),
        Case("docs\n!docs/keep\n", ["docs/keep/a"]),
        Case("tmp/*\n!tmp/.keep\n", ["tmp/.keep", "tmp/a"]),
        Case("*\n!src\n", ["src/a"]),
        Case("**/*.md\n*\n!README.md\n", ["README.md"]),
    ],
    "CTX133": [
        Case("node_modules\ndocker\n!docker/a.sh\n!docker/**\n!docker/*\n", SCRIPTS),
        Case("node_modules/a/1.js\ndocker\n!docker/*.sh\n", SCRIPTS),
        Case("node_modules/a\n!docker/*.sh\n", [*MANY[1:], "docker/a.sh"]),
        Case("node_modules\n!docker/*.sh\n", None),
        # More is sent than is listed in vain.
        Case("node_modules\n!**/*.sh\n", [*SCRIPTS, *(f"src/{number}" for number in range(1000))]),
        # The path of another exception leads there, too.
        Case("node_modules\n!node_modules/a/b\n!docker/*.sh\n", SCRIPTS),
        # The Dockerfile takes what lies elsewhere.
        Case("node_modules\n!docker/*.sh\n", [*MANY, copying("docker"), "docker/a.sh"]),
        Case("node_modules\n!docker/*.sh\n", [*MANY, copying("<<a /a\na\n#")]),
        *(
            Case("node_modules\ndocker\n!docker/*.sh\n", SCRIPTS, builder=builder)
            for builder in ("classic", "podman")
        ),
    ],
}
