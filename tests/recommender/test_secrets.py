"""Secrets: found by name and content, hidden where that is safe, reported where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.findings import Confidence, Finding, Severity
from ctxsize.formats import FORMATS, Look, render
from ctxsize.formats import text as texts
from ctxsize.formats.sections import suggested
from ctxsize.recommender.outcome import Advice
from tests.recommender.test_suggest import repository, sent
from tests.trees import Node, build_tree, file

VALUE = "s3cr3t-v4lue-th4t-must-n0t-be-shown"
BUILD = "FROM base.invalid/x AS b\nCOPY . .\nRUN make\n"
KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + VALUE.encode() + b"\n"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
ACCOUNT = f'{{"type": "service_account", "private_key": "{VALUE}"}}'.encode()

CERTAIN: list[Node] = [
    file(".env", f"PASSWORD={VALUE}\n".encode()),
    file("services/api/.env.production", f"export TOKEN={VALUE}\n".encode()),
    file(".npmrc", f"//registry.example.org/:_authToken={VALUE}\n".encode()),
    file("deploy/id_ed25519", KEY),
    file("certs/server.pem", KEY),
    file("gcp/robot.json", ACCOUNT),
    file(".netrc", f"machine x login y password {VALUE}\n".encode()),
    file("infra/terraform.tfstate", f'{{"terraform_version": "1", "x": "{VALUE}"}}'.encode()),
    file(".cargo/credentials.toml", f'[registry]\ntoken = "{VALUE}"\n'.encode()),
    file(".aws/credentials", f"aws_secret_access_key={VALUE}\n".encode()),
    file("gha-creds-0a1b2c3d.json", f'{{"type": "external_account", "x": "{VALUE}"}}'.encode()),
    file("deploy/credentials", f"[default]\naws_secret_access_key = {VALUE}\n".encode()),
]
LIKELY: list[Node] = [
    file("config/master.key", b"0123456789abcdef"),
    file(".vault-token", b"hvs.x"),
]
HARMLESS: list[Node] = [
    file(".env.example", b"PASSWORD=change-me\n"),
    file("certs/ca.pem", CERTIFICATE),
    file("deploy/id_ed25519.pub", b"ssh-ed25519 AAAA"),
    file("package.json", b'{"type": "module"}'),
    file("lib/credentials", b"[default]\naws_access_key_id = AKIA\n"),
    file("cmd/kubeconfig.go", b'package cmd\n\nconst key = "client-key-data" // token: none\n'),
    file("patches/kubeconfig-auth.patch", b"+client-key-data: eA==\n"),
    file("patches/.env.diff", b"+PASSWORD=x\n"),
    file("docs-site/.npmrc", b"save-exact=true\n//r.example.org/:_authToken=${NPM_TOKEN}\n"),
]


def context(root: Path, *nodes: Node, dockerfile: str = BUILD) -> Path:
    return build_tree(root, [file("Dockerfile", dockerfile.encode()), *nodes])


def secrets(advice: Advice) -> dict[str, Finding]:
    return {
        path: each
        for each in advice.findings
        if each.code in ("CTX510", "CTX511")
        for path in each.evidence
    }


def test_what_is_certain_or_likely_is_found_and_hidden(tmp_path: Path) -> None:
    root = context(tmp_path / "ctx", *CERTAIN, *LIKELY, *HARMLESS)
    advice = api.suggest(str(root), write=True)
    found = secrets(advice)
    certain, likely = {node.path for node in CERTAIN}, {node.path for node in LIKELY}
    directories = {".aws/credentials": ".aws"}
    assert found.keys() == {directories.get(path, path) for path in certain | likely}
    assert {path for path in found if found[path].confidence.value == "likely"} == likely
    left = sent(root)
    assert not left & (certain | likely)
    assert {node.path for node in HARMLESS} <= left


def test_no_value_is_ever_shown(tmp_path: Path) -> None:
    text = BUILD + "FROM scratch\nCOPY .npmrc /root/.npmrc\n"
    root = context(tmp_path / "ctx", *CERTAIN, *LIKELY, dockerfile=text)
    advice = api.suggest(str(root), unsafe=True)
    for name in FORMATS:
        assert VALUE not in render(name, advice, Look())
    assert VALUE not in texts.render(suggested.rules(advice, [], Look()), Look())
    rules = [each.rule.name for each in advice.suggestions]
    assert VALUE not in texts.render(suggested.rules(advice, rules, Look()), Look())
    assert advice.edit is not None
    assert VALUE.encode() not in advice.edit.after


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("COPY .npmrc /root/.npmrc", Severity.ERROR),
        ("ADD ./.npmrc /root/", Severity.ERROR),
        ("RUN --mount=type=bind,source=.npmrc,target=/n true", Severity.WARNING),
    ],
)
def test_what_a_dockerfile_takes_by_name_is_reported_and_stays(
    line: str, severity: Severity, tmp_path: Path
) -> None:
    token = file(".npmrc", f"//r.example.org/:_authToken={VALUE}\n".encode())
    root = context(tmp_path / "ctx", token, dockerfile=f"FROM base.invalid/x\n{line}\n")
    advice = api.suggest(str(root), write=True)
    assert ".npmrc" in sent(root)
    finding = secrets(advice)[".npmrc"]
    assert (finding.code, finding.severity, finding.location.line) == ("CTX510", severity, 2)
    assert "--mount=type=secret" in finding.help


def test_a_tracked_one_is_not_hidden_without_a_word(tmp_path: Path) -> None:
    root = context(tmp_path / "ctx", file(".env", f"TOKEN={VALUE}\n".encode()))
    repository(root, ".env")
    advice = api.suggest(str(root))
    doubts = {each.rule.name: each.doubts for each in advice.suggestions if not each.safe}
    assert doubts["secrets.env"] == ("git tracks it",)


def test_a_weak_name_is_only_possible(tmp_path: Path) -> None:
    root = context(tmp_path / "ctx", file("store/server.key", b"key: value\n"))
    advice = api.suggest(str(root))
    assert [each.rule.name for each in advice.suggestions if not each.safe] == ["secrets.key"]
    assert secrets(advice) == {}


def test_what_is_ignored_already_is_not_mentioned(tmp_path: Path) -> None:
    ignoring = file(".dockerignore", b"**/.env\n")
    root = context(tmp_path / "ctx", CERTAIN[0], ignoring)
    assert secrets(api.suggest(str(root))) == {}


def test_what_git_tracks_among_tests_is_counted_once(tmp_path: Path) -> None:
    made_up = ["tests/certs/server.pem", "pkg/testdata/.env", "spec/fixtures/.ssh/id_rsa"]
    made_up += ["internal/test_resources/crypto/a.pem", "internal/suites/proxy/b.key"]
    nodes = [file(path, KEY) for path in made_up]
    mine = file("tests/.env.local", f"TOKEN={VALUE}\n".encode())
    root = context(tmp_path / "ctx", *nodes, file("certs/server.pem", KEY), mine)
    repository(root, *made_up, "certs/server.pem")
    advice = api.suggest(str(root), write=True)
    assert secrets(advice).keys() == {"certs/server.pem", "tests/.env.local"}
    assert {*made_up} <= sent(root)
    words = " ".join(render("text", advice, Look()).split())
    line = "note: git tracks 5 possible secrets of tests or vendored code: not reported"
    assert words.count(line) == 1


def test_what_git_tracks_of_vendored_code_is_no_secret_of_the_team(tmp_path: Path) -> None:
    theirs = ["vendor/modules.txt", "vendor/m/.envrc", "app/node_modules/m/key.pem"]
    theirs += ["cmd/e2e_tests/k.pem"]
    nodes = [file("vendor/m/.envrc", f"export TOKEN={VALUE}\n".encode()), theirs[0]]
    nodes += [file(path, KEY) for path in theirs[2:]]
    nodes += [file("lib/vendor/k.pem", KEY), file("contest/k.pem", KEY)]
    root = context(tmp_path / "ctx", *nodes)
    repository(root, *theirs, "lib/vendor/k.pem", "contest/k.pem")
    assert secrets(api.suggest(str(root))).keys() == {"lib/vendor/k.pem", "contest/k.pem"}


SETTINGS = {
    "a template": "VITE_BASEPATH={{ .Base }}\n",
    "comments": "# DO NOT COMMIT\n\n",
    "settings": 'PORT=8080\nexport URL="https://a.example/b?c=d"\nIMAGE=r/x:1.2.3-alpine\n',
    "a commit": "VALKEY_REF=0123456789abcdef0123456789abcdef01234567\n",
    "empty and made up": "API_KEY=\nDB_PASSWORD=changeit\nMY_PASSWORD=my_password  # in init.sql\n",
    "variables": "TOKEN=${TOKEN}\nSECRET=<your secret>\nURL=postgres://u:${PASSWORD}@db/x\n",
    "public keys": "NEXT_PUBLIC_STRIPE_KEY=pk_live_51H8xJ2eZvKYlo2C\n",
}


@pytest.mark.parametrize("text", SETTINGS.values(), ids=SETTINGS)
def test_settings_that_git_tracks_are_no_secrets(text: str, tmp_path: Path) -> None:
    names = [".env", ".env.production", "web/.env"]
    root = context(tmp_path / "ctx", *(file(name, text.encode()) for name in names))
    repository(root, *names[:2])
    advice = api.suggest(str(root))
    assert not secrets(advice).keys() & {*names[:2]}
    assert not {*names[:2]} & {path for each in advice.suggestions for path in each.paths}


@pytest.mark.parametrize(
    "text",
    [
        f"API_TOKEN={VALUE}",
        "URL=postgres://u:hunter2@db/x",
        "AWS=AKIAIOSFODNN7EXAMPLX",
        "SESSION=0123456789abcdef0123456789abcdef",
        "DB_PASSWORD='Tr0ub4dor'",
    ],
)
def test_values_that_git_tracks_may_be_secrets(text: str, tmp_path: Path) -> None:
    root = context(tmp_path / "ctx", file(".env", f"PORT=1\n{text}\n".encode()))
    repository(root, ".env")
    assert secrets(api.suggest(str(root))).keys() == {".env"}


def test_a_secret_that_no_pattern_ignores_is_not_said_to_be_ignored(tmp_path: Path) -> None:
    kept = file("certs/a.pem", KEY)
    root = context(tmp_path / "ctx", kept, file(".env", f"TOKEN={VALUE}\n".encode()))
    repository(root, "certs/a.pem")
    text = render("text", api.suggest(str(root)), Look())
    assert "certs/a.pem" in text
    assert "  1 more secret, ignored by these patterns" in text


def test_credentials_of_a_workflow_are_ignored_under_any_name(tmp_path: Path) -> None:
    name = "gha-creds-0a1b2c3d.json"
    root = context(tmp_path / "ctx", file(name, b'{"type": "external_account"}'))
    advice = api.suggest(str(root), write=True)
    assert advice.edit is not None
    assert b"\n**/gha-creds-*.json\n" in advice.edit.after
    assert name not in sent(root)
    template = file("gha-creds-example.json", b"{}")
    other = context(tmp_path / "other", file(name, b'{"type": "external_account"}'), template)
    api.suggest(str(other), write=True)
    assert "gha-creds-example.json" in sent(other)


def test_private_keys_are_found_under_any_name(tmp_path: Path) -> None:
    keys = ["deploy_key", "ops/notes", "ops/server.secret"]
    others = [
        file("ops/large", KEY + b"x" * 16_384),
        file("ops/about.txt", KEY),
        file("ops/later", b"see below\n" + KEY),
        file("mine", KEY),
        file("node_modules/x/key", KEY),
        file(".gitignore", b"/mine\n"),
    ]
    nodes = [file(path, KEY) for path in keys]
    root = context(tmp_path / "ctx", *nodes, *others, file("package.json", b"{}"))
    repository(root, "deploy_key")
    advice = api.suggest(str(root), write=True)
    found = secrets(advice)
    assert found.keys() == {*keys}
    assert all(each.confidence is Confidence.CERTAIN for each in found.values())
    assert sent(root) & {*keys} == {"deploy_key"}
    doubts = {each.paths: each.doubts for each in advice.suggestions if not each.safe}
    assert doubts[("deploy_key",)] == ("git tracks it",)
    assert "stopped" not in render("text", advice, Look())


def test_the_search_for_private_keys_says_when_it_stopped(tmp_path: Path) -> None:
    root = context(tmp_path / "ctx", *(file(f"data/{number}", b"x") for number in range(1999)))
    (root / "last").write_bytes(KEY)
    words = " ".join(render("text", api.suggest(str(root)), Look()).split())
    assert "the search for private keys stopped" not in words
    (root / "data" / "more").write_bytes(b"x")
    words = " ".join(render("text", api.suggest(str(root)), Look()).split())
    assert "note: the search for private keys stopped after 2,000 files of unknown kind" in words
