"""A private Docker daemon for one test session: started, asked, and gone again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.oracles import buildkit, classic
from tests.oracles.installed import Installation
from tests.oracles.processes import clean_environment, die_with_parent
from tests.trees import remove_tree

START_S = 60
STOP_S = 20
ROOM_BYTES = 4 << 30
ATTEMPTS = 6
FRONTEND = "CTXSIZE_FRONTEND"
"""The variable that names a program: `frontend/dockerfile/cmd/dockerfile-frontend` of BuildKit, as
Go builds it from the tag `dockerfile/1.20.0`."""


class DockerdError(Exception):
    """The daemon did not start; the message ends with its last log lines."""


class Dockerd:
    """A running daemon and its two builders."""

    def __init__(self, directory: Path, installed: Installation) -> None:
        self.directory = directory
        self.installed = installed
        self.socket = directory / "docker.sock"

    def build_buildkit(
        self,
        context: Path | str,
        *,
        dockerfile: Path | str | None = None,
        target: str | None = None,
        extra: Sequence[str] = (),
        unprivileged: bool = False,
        warm: bool = False,
    ) -> buildkit.BuildResult:
        """Build with BuildKit; cold, whatever was built before, unless ``warm``.

        More than once if need be to be told why it fails.
        """
        argv = _options(dockerfile, target, extra)
        for _ in range(ATTEMPTS):
            with self._settings(warm=warm) as settings:
                environment = self._environment(self.socket, settings)
                result = buildkit.build(
                    context,
                    argv,
                    plugin=self.installed.plugin,
                    env=environment,
                    work=settings,
                    unprivileged=unprivileged,
                )
            if not result.canceled:
                break
        return result

    def build_classic(
        self,
        context: Path | str,
        *,
        dockerfile: Path | str | None = None,
        target: str | None = None,
        extra: Sequence[str] = (),
        unprivileged: bool = False,
    ) -> classic.ClassicResult:
        """Build with the classic builder, keeping the exact tar that the CLI uploads."""
        argv = _options(dockerfile, target, extra)
        with self._settings() as settings:
            proxy_socket = settings / "proxy.sock"
            environment = self._environment(proxy_socket, settings)
            return classic.build(
                context,
                argv,
                docker=self.installed.command("docker"),
                env={**environment, "DOCKER_BUILDKIT": "0"},
                sockets=(proxy_socket, self.socket),
                unprivileged=unprivileged,
            )

    def add_frontend(self, program: Path) -> None:
        """Make `docker/dockerfile:1.20` of its program, so that no registry is needed for it."""
        with self._settings() as settings:
            shutil.copy(program, settings / "frontend")
            text = 'FROM scratch\nCOPY frontend /\nENTRYPOINT ["/frontend"]\n'
            text += "LABEL moby.buildkit.frontend.network.none=true\n"
            (settings / "Dockerfile").write_text(text)
            argv = [str(self.installed.plugin), "build", "--load", "--provenance=false"]
            argv += ["--tag", "docker/dockerfile:1.20", str(settings)]
            environment = self._environment(self.socket, settings)
            subprocess.run(argv, env=environment, check=True, capture_output=True)

    @contextmanager
    def _settings(self, *, warm: bool = False) -> Iterator[Path]:
        """A directory for the client's settings.

        BuildKit recognises a context by its base name and the client's node
        id, which lives here; a fresh directory makes every transfer a cold one.
        """
        if warm:
            lasting = self.directory / "warm"
            lasting.mkdir(exist_ok=True)
            yield lasting
            return
        with tempfile.TemporaryDirectory(prefix="b", dir=self.directory) as fresh:
            yield Path(fresh)

    def _environment(self, endpoint: Path, settings: Path) -> dict[str, str]:
        return clean_environment(
            PATH=self.installed.search_path,
            DOCKER_HOST=f"unix://{endpoint}",
            DOCKER_CONFIG=str(settings),
            HOME=str(settings),
            TMPDIR=str(settings),
        )


@contextmanager
def running_dockerd(
    log: Path, installed: Installation, *, platforms: bool = False
) -> Iterator[Dockerd]:
    """Start a daemon, wait until it answers, stop and remove everything afterwards.

    With ``platforms`` it can build for several at once, which takes the image
    store of containerd. Raises DockerdError if it does not come up. ``log`` is kept.
    """
    base = next((base for base in ("/dev/shm", "/tmp") if _suits(Path(base))), None)
    directory = Path(tempfile.mkdtemp(prefix="ctxsize-", dir=base))
    try:
        with (
            log.open("wb") as output,
            _spawn(installed, directory, output.fileno(), platforms) as process,
        ):
            try:
                _wait_until_it_answers(process, directory / "docker.sock", log)
                docker = Dockerd(directory, installed)
                if FRONTEND in os.environ:
                    docker.add_frontend(Path(os.environ[FRONTEND]))
                yield docker
            finally:
                _stop(process, directory)
    finally:
        _unmount_below(directory)
        remove_tree(directory)


def _suits(base: Path) -> bool:
    """Whether a daemon can live there.

    In memory a build takes half the time, for the daemon's databases sync to
    disk. But containers often have a tiny /dev/shm, and old kernels keep no
    extended attributes there. Pytest's own directory is no candidate: a unix
    socket's path has 107 bytes.
    """
    try:
        with tempfile.TemporaryDirectory(dir=base) as probe:
            os.setxattr(probe, "user.probe", b"")
            return shutil.disk_usage(probe).free > ROOM_BYTES
    except OSError:
        return False


def _options(dockerfile: Path | str | None, target: str | None, extra: Sequence[str]) -> list[str]:
    options = [] if dockerfile is None else ["--file", str(dockerfile)]
    if target is not None:
        options += ["--target", target]
    return [*options, *extra]


def _spawn(
    installed: Installation, directory: Path, output: int, platforms: bool
) -> subprocess.Popen[bytes]:
    # No networks, no firewall rules, no storage driver that needs a kernel module.
    driver = "native" if platforms else "vfs"
    features = {"features": {"containerd-snapshotter": True}} if platforms else {}
    (directory / "daemon.json").write_text(json.dumps(features))
    argv = [
        installed.command("dockerd"),
        *("--iptables=false", "--ip6tables=false", "--bridge=none", f"--storage-driver={driver}"),
        *("--config-file", str(directory / "daemon.json")),
        *("--data-root", str(directory / "data"), "--exec-root", str(directory / "exec")),
        *("--pidfile", str(directory / "docker.pid"), "-H", f"unix://{directory}/docker.sock"),
    ]
    environment = clean_environment(PATH=installed.search_path, HOME=str(directory))
    return subprocess.Popen(
        die_with_parent(argv),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _wait_until_it_answers(process: subprocess.Popen[bytes], endpoint: Path, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not _answers(endpoint):
        if process.poll() is not None:
            raise DockerdError(f"dockerd ended with {process.returncode}:\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise DockerdError(f"dockerd gave no answer in {START_S} s:\n{_tail(log)}")
        time.sleep(0.05)


def _answers(endpoint: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(endpoint))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in connection.recv(64)
    except OSError:
        return False


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-8:])


def _stop(process: subprocess.Popen[bytes], directory: Path) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # containerd is the daemon's child in a session of its own and follows it
    # into the grave, but a daemon that was killed may leave it.
    with suppress(OSError, ValueError):
        _kill_containerd(directory / "exec")


def _kill_containerd(exec_root: Path) -> None:
    pid = int((exec_root / "containerd" / "containerd.pid").read_text())
    if os.fsencode(exec_root) in Path(f"/proc/{pid}/cmdline").read_bytes():
        os.kill(pid, signal.SIGKILL)


def _unmount_below(directory: Path) -> None:
    """Undo mounts that a killed daemon left, or the removal would stop at them."""
    umount = shutil.which("umount")
    mounts = Path("/proc/self/mounts").read_text(errors="surrogateescape").splitlines()
    points = [line.split(" ")[1] for line in mounts]
    for point in sorted((p for p in points if p.startswith(f"{directory}/")), reverse=True):
        if umount:
            subprocess.run([umount, "--lazy", point], check=False)
