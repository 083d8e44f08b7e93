"""Sums of directories as a tree, and names that hint at unneeded directories and secrets.

A walk lists names anyway. Names from a few tables are recorded, with their directories, as
hints of unneeded directories and of secrets. This reads no rule and opens no file;
`ctxsize suggest` proves the hints.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set

from ctxsize.engine.events import IgnoredEntries
from ctxsize.model import Directory, Share

Sum = list[int]
"""Bytes, files."""
Batch = tuple[str, Sequence[str], Sequence[int]]
"""Prefix of a directory, names of files in it, and the bytes of each."""

UNNEEDED = {
    ".git": "HEAD + objects + refs",
    ".hg": "store + requires",
    ".svn": "wc.db entries",
    ".jj": "repo working_copy",
    "target": (
        "CACHEDIR.TAG .rustc_info.json ../Cargo.toml | ../pom.xml + classes maven-status "
        "maven-archiver surefire-reports test-classes generated-sources | ../build.sbt "
        "../build.properties ../../build.sbt ../../project/build.properties | ../project.clj"
    ),
    ".xwin-cache": "dl unpack splat",
    "node_modules": (
        ".package-lock.json .yarn-integrity .modules.yaml .yarn-state.yml .pnpm ../package.json"
    ),
    ".turbo": "../turbo.json ../../turbo.json ../../../turbo.json",
    ".nx": "../nx.json",
    ".swc": "../package.json",
    ".nyc_output": "../package.json",
    ".pnpm-store": "../pnpm-lock.yaml ../package.json",
    "coverage": (
        "lcov.info coverage-final.json lcov-report clover.xml | .resultset.json .last_run.json"
    ),
    ".next": "../next.config.js ../next.config.mjs ../next.config.ts ../package.json",
    ".output": "../app.config.ts",
    ".angular": "../angular.json",
    ".vite": "../package.json",
    ".parcel-cache": "../package.json",
    ".expo": "../app.json",
    ".metro": "../metro.config.js",
    "storybook-static": "../.storybook",
    ".serverless": "../serverless.yml ../serverless.ts",
    ".vercel": "../package.json",
    ".netlify": "../netlify.toml",
    ".wrangler": "../wrangler.toml ../wrangler.json ../wrangler.jsonc",
    ".deno_cache": "gen deps npm remote",
    "_fresh": "../deno.json ../deno.jsonc",
    "elm-stuff": "../elm.json",
    ".spago": "../spago.yaml ../spago.dhall",
    "__pycache__": "*.pyc",
    ".venv": "pyvenv.cfg",
    ".pixi": "../pixi.toml envs",
    ".pytest_cache": "CACHEDIR.TAG",
    ".mypy_cache": "CACHEDIR.TAG",
    ".ruff_cache": "CACHEDIR.TAG",
    ".tox": "CACHEDIR.TAG",
    ".nox": "CACHEDIR.TAG",
    ".hypothesis": "examples unicode_data constants",
    ".pytype": "pyi imports ninja.log *.ninja",
    ".pyre": "../.pyre_configuration",
    ".pybuilder": "../build.py",
    ".eggs": "../setup.py ../setup.cfg ../pyproject.toml",
    "htmlcov": "index.html status.json",
    "__pypackages__": "../pyproject.toml",
    ".pdm-build": "../pyproject.toml",
    ".scrapy": "../scrapy.cfg",
    ".uv-cache": "CACHEDIR.TAG",
    "build": (
        "../build.gradle ../build.gradle.kts + classes libs tmp reports kotlin resources "
        "generated intermediates | ../pubspec.yaml | ../gleam.toml + dev prod packages"
    ),
    ".gradle": (
        "../settings.gradle ../settings.gradle.kts ../build.gradle ../build.gradle.kts ../gradlew"
    ),
    ".kotlin": "../build.gradle.kts ../settings.gradle.kts ../build.gradle",
    "out": "../*.iml ../.idea + production test artifacts | ../build.sc ../build.mill",
    ".cxx": "../build.gradle ../build.gradle.kts",
    ".externalNativeBuild": "../build.gradle ../build.gradle.kts",
    ".bloop": "../build.sbt ../build.sc",
    ".metals": "../build.sbt ../build.sc ../build.mill",
    ".bsp": "../build.sbt ../build.sc ../WORKSPACE",
    ".scala-build": "../*.scala ../*.sc",
    ".cpcache": "../deps.edn",
    ".shadow-cljs": (
        "../deps.edn ../../deps.edn ../project.clj ../../project.clj ../shadow-cljs.edn "
        "../config.edn"
    ),
    "obj": (
        "../*.csproj ../*.fsproj ../*.vbproj + project.assets.json | ../Assets + ../ProjectSettings"
    ),
    "bin": "../*.csproj ../*.fsproj ../*.vbproj + Debug Release",
    "TestResults": "../*.sln ../*.slnx ../*.csproj ../Directory.Build.props",
    "Library": "../Assets + ../ProjectSettings",
    "Temp": "../Assets + ../ProjectSettings",
    "Obj": "../Assets + ../ProjectSettings",
    "Intermediate": "../*.uproject ../*.uplugin",
    "DerivedDataCache": "../*.uproject",
    "Binaries": "../*.uproject ../*.uplugin",
    ".godot": "../project.godot",
    "tmp": "../Gemfile ../config.ru + ../config/application.rb ../bin/rails ../config.ru",
    ".yardoc": "checksums objects complete proxy_types",
    "vendor": "../composer.json + autoload.php composer/installed.json",
    "var": "../symfony.lock ../bin/console + cache log share",
    ".phpunit.cache": "test-results code-coverage static-analysis",
    "_build": "../mix.exs ../rebar.config | ../dune-project ../dune + .lock log default",
    "deps": "../mix.exs ../mix.lock",
    "cover": "../mix.exs",
    ".elixir_ls": "../mix.exs",
    ".lexical": "../mix.exs",
    ".fetch": "../mix.exs",
    ".rebar3": "../rebar.config ../rebar.lock",
    "dist": "../go.mod + artifacts.json config.yaml metadata.json",
    "vcpkg_installed": "../vcpkg.json",
    ".ccls-cache": "../.ccls ../compile_commands.json",
    ".build": "../Package.swift",
    ".swiftpm": "../Package.swift",
    "DerivedData": "Build ModuleCache.noindex info.plist",
    "Pods": "../Podfile + Manifest.lock",
    ".dart_tool": "../pubspec.yaml",
    ".stack-work": "../stack.yaml ../*.cabal ../package.yaml",
    "dist-newstyle": "../*.cabal ../cabal.project",
    "_opam": ".opam-switch",
    ".zig-cache": "../build.zig",
    "zig-cache": "../build.zig",
    "zig-out": "../build.zig",
    "nimbledeps": "../*.nimble",
    "lib": ".shards.info + ../shard.yml",
    ".shards": "../shard.yml",
    "lua_modules": "../*.rockspec ../lua ../luarocks",
    "local": "../cpanfile + lib/perl5",
    ".terraform": "providers modules terraform.tfstate",
    ".terragrunt-cache": "../terragrunt.hcl",
    "cdk.out": "../cdk.json",
    ".aws-sam": "../template.yaml ../template.yml ../samconfig.toml",
    ".molecule": "../molecule",
    ".direnv": "../.envrc bin",
    "site": "../mkdocs.yml + index.html",
    "_site": "../_config.yml",
    ".jekyll-cache": "../_config.yml",
    "html": "doxygen.css",
}
"""Names of directories that a build hardly ever needs, and the names that prove each.

A `+` means that one of the names on each side must exist: in the directory, or beside it with
`../`. A `|` separates alternative proofs. A test compares the table with the recommender's rules.
"""
SECRETS = (
    *(".env", ".envrc", ".dev.vars", "application_default_credentials.json", "kubeconfig"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", "_netrc", ".pgpass", ".my.cnf"),
    *(".pypirc", ".htpasswd", ".dockercfg", ".vault-token", ".vault_pass", ".sentryclirc"),
    *(".s3cfg", "rclone.conf", "secrets.dev.yaml", "values.dev.yaml", "config/secrets.yml"),
    *(".cargo/credentials.toml", ".cargo/credentials", ".gem/credentials", "config/master.key"),
    *(".m2/settings.xml", ".m2/settings-security.xml", ".docker/config.json", ".kube/config"),
)
"""Names of files that are secrets, copied from the recommender's rules."""
SECRET_FOLDERS = (".ssh", ".gnupg", ".aws", ".azure", ".config/gcloud")
SECRET_ENDS = (
    *(".pem", ".key", ".ppk", ".p12", ".pfx", ".pkcs12", ".jks", ".keystore", ".kdbx", ".ovpn"),
    *(".agekey", ".tfstate"),
)
SECRET_START = ".env."
TEMPLATES = re.compile(
    r"(?i)[._-](example|sample|template|tmpl|dist|defaults?|schema|ci)(\.|$)|\.pub$|\.md$"
)
"""Matches names of files that are templates for a secret."""
_PUBLIC = re.compile(
    r"(?i)(^|[._-])(ca|cacert|certs?\d*|certificates?|(full)?chain|bundle|public)([._-]|$)"
)
"""Matches names of certificates and public keys, which share their extensions with secrets."""
_TESTS = re.compile(r"(?i)(^|/)_*(tests?|spec|test_?data|fixtures)_*/")
"""Matches directories of tests, in which keys are usually made up."""

GITIGNORE = ".gitignore"
_WORDS = {word.rpartition("/")[2] for word in " ".join(UNNEEDED.values()).split()} - {"+", "|"}
MARKERS = frozenset({GITIGNORE, *(word for word in _WORDS if word[0] != "*")})
MARKER_ENDS = frozenset(word[1:] for word in _WORDS if word[0] == "*")
_BESIDE_ENDS = {end for end in MARKER_ENDS if f"../*{end}" in " ".join(UNNEEDED.values()).split()}
_HOLDERS = tuple(f"{name}/" for name, text in UNNEEDED.items() if " *" in f" {text}")
"""Directories in which files with such an extension count; elsewhere they do not."""
SECRET_NAMES = frozenset(each.rpartition("/")[2] for each in SECRETS)
_SECRET_SUFFIXES = tuple(f"/{each}" for each in SECRETS)
_NAMES = MARKERS | SECRET_NAMES
_SECRET_ENDS = frozenset({*SECRET_ENDS, SECRET_START})
_HINTS = frozenset(UNNEEDED) | {each.rpartition("/")[2] for each in SECRET_FOLDERS}
FOLDERS = MARKERS | _HINTS

LARGE_FILE_BYTES = 10_000_000
"""Bytes of content from which the largest file of a context may be worth a hint."""


class Clues:
    """The names of one walk that hint at unneeded directories and secrets."""

    def __init__(self) -> None:
        self.folders = defaultdict[str, list[str]](list)
        self.names = defaultdict[str, list[str]](list)
        """Prefixes of the directories that contain each name; `*.x` for an extension."""
        self.secrets: list[tuple[str, int]] = []

    def add_folders(self, paths: Iterable[str]) -> None:
        """Record directories that are sent."""
        for path in paths:
            at = path.rfind("/") + 1
            if path[at:] in FOLDERS:
                self.folders[path[at:]].append(path[:at])

    def add_ignored(self, ignored: IgnoredEntries) -> None:
        """Record the `.gitignore` at the top, which counts even if it is not sent."""
        if not ignored.prefix and GITIGNORE in ignored.names:
            self.names[GITIGNORE].append("")

    def add_files(self, names: Sequence[str], ends: Set[str], batches: Iterable[Batch]) -> None:
        """Record files that are sent: `names`, which have the extensions `ends`, in `batches`.

        `ends` includes `SECRET_START` if a name begins with it.
        """
        marks = MARKER_ENDS & ends
        beside = not _BESIDE_ENDS.isdisjoint(marks)
        secret = not _SECRET_ENDS.isdisjoint(ends)
        if not marks and not secret and _NAMES.isdisjoint(names):
            return
        for prefix, own, sizes in batches:
            found = _NAMES.intersection(own)
            for name in found & MARKERS if found else ():
                self.names[name].append(prefix)
            if marks and (beside or prefix.endswith(_HOLDERS)):
                for end in marks.intersection([name[name.rfind(".") :] for name in own]):
                    self.names[f"*{end}"].append(prefix)
            if secret or (found and not SECRET_NAMES.isdisjoint(found)):
                for name, size in zip(own, sizes, strict=True):
                    self.add_secret(prefix, name, size)

    def add_secret(self, prefix: str, name: str, size: int) -> None:
        """Record a file with content and the name of a secret, unless it is a template."""
        if size and _is_secret(prefix, name):
            self.secrets.append((prefix + name, size))

    def may_hint(self, largest: Sequence[Share]) -> bool:
        """Return whether a hint may exist: for a name, or for a large file."""
        names = self.folders.keys() & _HINTS or "" in self.names.get(GITIGNORE, ())
        large = largest and largest[0].content_bytes >= LARGE_FILE_BYTES
        return bool(names or self.secrets or large)


def _is_secret(prefix: str, name: str) -> bool:
    """Return whether a file has the name of a secret, and not that of a template for one."""
    if name.endswith(SECRET_ENDS):
        return not (TEMPLATES.search(name) or _PUBLIC.search(name) or _TESTS.search(prefix))
    if name.startswith(SECRET_START):
        return not TEMPLATES.search(name)
    return name in SECRET_NAMES and f"/{prefix}{name}".endswith(_SECRET_SUFFIXES)


def extension(name: str) -> str:
    """Return the extension of a file's name with its dot, `""` if there is none.

    >>> extension("a.tar.gz"), extension(".env"), extension("Makefile")
    ('.gz', '', '')
    """
    return os.path.splitext(name)[1]


def size_tree(direct: dict[str, Sum], depth: int | None) -> Directory:
    """Return the tree of directories that contain files, at most `depth` deep (None: all).

    The sums of a directory include all below it. Siblings are in order of size, then path.
    """
    totals = _cut(direct, depth)
    for prefix in [*totals]:
        while prefix and (prefix := _above(prefix)) not in totals:
            totals[prefix] = [0, 0]
    children = defaultdict[str, list[Directory]](list)
    for prefix in sorted(totals, key=lambda each: -each.count("/")):
        size, count = totals[prefix]
        below = sorted(children.pop(prefix, ()), key=lambda d: (-d.content_bytes, d.path))
        node = Directory(prefix.rstrip("/"), size, count, tuple(below))
        if prefix:
            totals[_above(prefix)][0] += size
            totals[_above(prefix)][1] += count
            if count:
                children[_above(prefix)].append(node)
    return node  # the last one is the context


def _above(prefix: str) -> str:
    return prefix[: prefix.rfind("/", 0, -1) + 1]


def _cut(direct: dict[str, Sum], depth: int | None) -> dict[str, Sum]:
    """Return the same sums; those below `depth` are added to the directory there."""
    if depth is None:
        return {prefix: [*each] for prefix, each in direct.items()}
    totals: dict[str, Sum] = {}
    top: str | None = None  # most directories come after another one of the same top
    for prefix, (size, count) in direct.items():
        if top is None or not prefix.startswith(top):
            parts = prefix.split("/", depth)
            top = "".join(f"{name}/" for name in parts[:depth]) if len(parts) > depth else None
            sums = totals.setdefault(prefix if top is None else top, [0, 0])
        sums[0] += size
        sums[1] += count
    return totals
