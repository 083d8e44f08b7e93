"""Dependencies in a repository of several services: whose they are, and who would lose them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ctxsize import api
from tests.recommender.test_suggest import blocked, sent
from tests.trees import build_tree, file

WEB = b"FROM node:22\nCOPY services/web services/web\nRUN cd services/web && npm ci\n"
API = b"FROM python:3.12\nCOPY . .\nRUN pip install ./services/api\nCMD python -m api\n"
MODULES = "services/web/node_modules"
NODES = (
    "services/web/package.json",
    f"{MODULES}/.package-lock.json",
    file(f"{MODULES}/react/index.js", size_bytes=400_000),
    "services/api/app.py",
)


@dataclass(frozen=True)
class Case:
    """Dockerfiles by path, and whether the user may hide the packages with `--unsafe`."""

    dockerfiles: dict[str, bytes]
    soft: bool = True
    path: str = MODULES
    nodes: tuple[object, ...] = NODES


CASES = {
    "a stranger beside the owner": Case(
        {"services/web/Dockerfile": WEB, "services/api/Dockerfile": API}
    ),
    "both at the top": Case({"web.Dockerfile": WEB, "api.Dockerfile": API}),
    "the owner takes everything": Case(
        {"web.Dockerfile": b"FROM node\nCOPY . .\nRUN npm ci\n", "api.Dockerfile": API}
    ),
    "packages at the top": Case(
        {"web.Dockerfile": b"FROM node\nCOPY package.json .\nRUN npm ci\n", "api.Dockerfile": API},
        path="node_modules",
        nodes=(
            *("package.json", "services/api/app.py"),
            file("node_modules/.package-lock.json", size_bytes=400_000),
        ),
    ),
    "nobody installs": Case({"api.Dockerfile": API}),
    "the owner installs other packages": Case(
        {
            "x.Dockerfile": b"FROM node\nCOPY x/package.json .\nRUN npm ci\n",
            "api.Dockerfile": API,
        },
        nodes=(*NODES, "x/package.json"),
    ),
    "a stranger that runs node": Case(
        {"web.Dockerfile": WEB, "api.Dockerfile": API + b'CMD ["node", "server.js"]\n'}
    ),
    "a stranger from an image of node": Case(
        {"web.Dockerfile": WEB, "api.Dockerfile": API.replace(b"python:", b"my/node-python:")},
    ),
    "a stranger that names them in a script of its own": Case(
        {
            "web.Dockerfile": WEB,
            "api.Dockerfile": API + b"RUN <<EOF\ncp -r services/web/node_modules static\nEOF\n",
        },
    ),
    "a stranger that names their service": Case(
        {"web.Dockerfile": WEB, "api.Dockerfile": API + b"COPY services/web static\n"}
    ),
    "another Dockerfile of the same service": Case(
        {"services/web/Dockerfile": WEB, "services/web/static.Dockerfile": API}
    ),
    "one that builds nothing": Case(
        {"web.Dockerfile": WEB, "proxy.Dockerfile": b"FROM nginx\nCOPY . /usr/share/nginx/html\n"},
    ),
    "a stranger and one that needs them": Case(
        {
            "web.Dockerfile": WEB,
            "api.Dockerfile": API,
            "run.Dockerfile": b"FROM node\nCOPY . .\nCMD node services/web/index.js\n",
        },
    ),
    "one that takes them by name": Case(
        {"web.Dockerfile": WEB, "api.Dockerfile": API + f"COPY {MODULES}/react /r\n".encode()},
        soft=False,
    ),
    "a Dockerfile that only runs a script of the manifest": Case(
        {"Dockerfile": b"FROM node\nCOPY . .\nRUN npm run build\n"}
    ),
    "a Dockerfile that installs a tool for itself": Case(
        {"Dockerfile": b"FROM node\nRUN npm install -g pm2\nCOPY . .\n"}
    ),
    "a Dockerfile that installs npm": Case(
        {"Dockerfile": b"FROM debian\nRUN apt-get install -y nodejs npm\nCOPY . .\n"}
    ),
    **{
        f"a Dockerfile that installs elsewhere: {run.decode()}": Case(
            {"Dockerfile": b"FROM node\nCOPY . /app\nWORKDIR /app\n" + run + b"\n"},
            nodes=(*NODES, "services/shop/package.json"),
        )
        for run in (
            b"RUN cd services/shop && npm ci",
            b"RUN npm ci --prefix ./services/shop",
            b'RUN ["npm", "--prefix", "services/shop", "ci"]',
            b"WORKDIR services/shop\nRUN npm ci",
        )
    },
}
SAFE = {
    **{
        run: Case({"Dockerfile": b"FROM node\nCOPY . /app\nWORKDIR /app\n" + run})
        for run in (
            b"RUN npm ci",
            b"RUN npm ci -w services/web",
            b"RUN (cd services/shop && npm ci) && (cd services/web && npm ci)",
            b"WORKDIR $WHERE\nRUN npm ci",
            b"WORKDIR services\nRUN npm ci",
            b"WORKDIR /app/services/web\nRUN <<EOF\nnpm ci\nEOF",
        )
    },
}


@pytest.mark.parametrize("case", SAFE.values(), ids=map(bytes.decode, SAFE))
def test_what_is_installed_anew_may_go(case: Case, planted: Path) -> None:
    advice = api.suggest(str(planted))
    assert [each.safe for each in advice.suggestions if case.path in each.paths] == [True]


@pytest.fixture
def planted(case: Case, tmp_path: Path) -> Path:
    dockerfiles = [file(path, data) for path, data in case.dockerfiles.items()]
    return build_tree(tmp_path / "ctx", [*dockerfiles, *case.nodes])  # type: ignore[list-item]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_whose_packages_they_are(case: Case, planted: Path) -> None:
    advice = api.suggest(str(planted), dockerfile=str(planted / next(iter(case.dockerfiles))))
    doubts = [each.doubts for each in advice.suggestions if case.path in each.paths]
    assert bool(doubts) is case.soft
    assert (case.path in blocked(advice)) is not case.soft


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_nothing_of_it_is_written_without_a_word(case: Case, planted: Path) -> None:
    before = {path for path in sent(planted) if path.startswith(f"{case.path}/")}
    options = {"dockerfile": str(planted / next(iter(case.dockerfiles)))}
    api.suggest(str(planted), write=True, **options)  # type: ignore[arg-type]
    assert before <= sent(planted)
    api.suggest(str(planted), write=True, unsafe=True, **options)  # type: ignore[arg-type]
    assert before.isdisjoint(sent(planted)) is case.soft


def test_the_doubt_names_a_dockerfile_that_takes_them(tmp_path: Path) -> None:
    root = build_tree(
        tmp_path / "ctx",
        [file("web.Dockerfile", WEB), *(file(f"{n}.Dockerfile", API) for n in "abc"), *NODES],
    )
    advice = api.suggest(str(root), dockerfile=str(root / "web.Dockerfile"))
    (doubts,) = [each.doubts for each in advice.suggestions if MODULES in each.paths]
    assert doubts == ("the image of a.Dockerfile may need it: no command there makes it",)
