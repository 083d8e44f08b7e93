"""The whole story: scan finds it, suggest, advise and clean mend it, check keeps it so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import Cli, Result
from tests.scan.story import story
from tests.story.repository import AGGREGATOR, FORWARDER, RECAP_WORKER, SERVICES
from tests.trees import build_tree

SOURCES = {".cargo", ".cargo/config.toml", "Cargo.lock", "Cargo.toml", "src", "src/main.rs"}
"""What a service's build needs of its context."""


def told(result: Result) -> Any:
    return json.loads(result.out)


def sent(cli: Cli, service: Path) -> set[str]:
    """The entries that a build of `service` would send."""
    listed = cli("ls", "--format", "json", str(service)).lines
    return {json.loads(line)["path"] for line in listed}


def codes(result: Result) -> set[tuple[str, str]]:
    """The code of each finding, and the service that it is about."""
    found = told(result)["findings"]
    return {(each["code"], each["location"]["path"].partition("/")[0]) for each in found}


def test_from_scan_to_check(services: Path, cli: Cli) -> None:
    scanned = cli("scan", "--format", "json", cwd=services)
    assert scanned.code == 1
    builds = told(scanned)["builds"]
    assert [each["context"] for each in builds] == [service.name for service in SERVICES]
    assert builds[0]["context_size"]["files"] == AGGREGATOR.files + 7
    assert builds[0]["saving"]["content_bytes"] > 20 * 10**9
    without = {AGGREGATOR.name, FORWARDER.name}
    assert {("CTX301", name) for name in without} < codes(scanned)
    assert {("CTX305", name) for name in without} < codes(scanned)

    refused = cli("check", "--max", "50MB", AGGREGATOR.name, cwd=services)
    assert refused.code == 1
    assert f"ctxsize suggest --write {AGGREGATOR.name}" in refused.out

    # One service gets rules by evidence, the other one the coverage of its sibling.
    written = cli("suggest", "--write", AGGREGATOR.name, cwd=services)
    assert written.code == 0
    assert sent(cli, services / AGGREGATOR.name) == SOURCES
    like = ("--like", f"{RECAP_WORKER.name}/.dockerignore")
    assert cli("suggest", "--write", *like, FORWARDER.name, cwd=services).code == 0
    covered = sent(cli, services / FORWARDER.name)
    assert covered == {*SOURCES, "Dockerfile", ".dockerignore"}
    assert cli("suggest", "--check", AGGREGATOR.name, cwd=services).code == 0
    assert cli("check", "--max", "50MB", AGGREGATOR.name, cwd=services).code == 0
    assert not codes(cli("scan", "--format", "json", cwd=services)) & {
        ("CTX301", name) for name in without
    }


def test_advise_gives_the_worker_what_the_others_have(services: Path, cli: Cli) -> None:
    advised = cli("advise", "--format", "json", cwd=services)
    assert advised.code == 1
    assert ("CTX210", RECAP_WORKER.name) in codes(advised)
    # The caches of the services are apart already: their base images differ.
    assert "CTX220" not in {code for code, _ in codes(advised)}

    dockerfile = services / RECAP_WORKER.name / "Dockerfile.recap-worker"
    found = next(each for each in told(advised)["findings"] if each["code"] == "CTX210")
    (edit,) = found["fix"]["edits"]
    assert edit["path"] == f"{RECAP_WORKER.name}/Dockerfile.recap-worker"
    assert not found["fix"]["certain"]
    assert cli("advise", "--fix", cwd=services).code == 1
    assert b"cargo chef" not in dockerfile.read_bytes()

    cli("advise", "--unsafe-fixes", RECAP_WORKER.name, cwd=services)
    text = dockerfile.read_text()
    for part in (
        "cargo chef prepare",
        "cargo chef cook --release",
        "id=recap-worker-bookworm-$TARGETARCH-target,target=/app/target",
        "COPY --from=builder /out/recap-worker",
    ):
        assert part in text
    again = cli("advise", "--format", "json", cwd=services)
    assert RECAP_WORKER.name not in {service for _, service in codes(again)}


def test_caches_that_two_images_would_share_get_names_of_their_own(
    tmp_path: Path, cli: Cli
) -> None:
    root = build_tree(tmp_path / "repository", story())
    found = {code for code, _ in codes(cli("advise", "--format", "json", cwd=root))}
    assert {"CTX210", "CTX220"} <= found
    cli("advise", "--fix", cwd=root)
    found = {code for code, _ in codes(cli("advise", "--format", "json", cwd=root))}
    assert "CTX220" not in found
    cli("advise", "--unsafe-fixes", "--select", "CTX210", cwd=root)
    found = {code for code, _ in codes(cli("advise", "--format", "json", cwd=root))}
    assert not {"CTX210", "CTX211", "CTX212", "CTX220"} & found
    text = "".join(path.read_text() for path in root.glob("*/Dockerfile*"))
    for name in ("aggregator-bookworm", "recap-worker-bookworm-$TARGETARCH"):
        assert f"id={name}-target" in text
