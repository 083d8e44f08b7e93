"""The record beside a renamed directory, with which the next run can continue.

A renamed directory is called `.ctxsize-trash-` and 32 hexadecimal digits; its
record has the same name and `.record` at the end: a line of JSON, then the
numbers of all entries that were proven (see `ctxsize.clean.inventory`).
"""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import dataclass, field

from ctxsize.clean.descent import OPEN_DIRECTORY
from ctxsize.clean.plan import Inventory
from ctxsize.clean.proofs import BY_NAME
from ctxsize.clean.use import held
from ctxsize.reader import read_file, read_start

PREFIX = ".ctxsize-trash-"
ENDING = ".record"
_NAME = re.compile(re.escape(PREFIX) + r"[0-9a-f]{32}")
_VERSION = 1
_MOST_BYTES = 1 << 30
_START = b'{"ctxsize-trash": '


@dataclass(frozen=True)
class Record:
    """The proof of a directory that was renamed."""

    name: str
    """Its former name."""
    kind: str
    device: int
    inode: int
    tokens: frozenset[int] = field(repr=False)

    def covers(self, inventory: Inventory) -> bool:
        """Return whether all that is there now was proven then."""
        stamp = inventory.stamp
        same = (stamp.device, stamp.inode) == (self.device, self.inode)
        return same and inventory.tokens <= self.tokens

    def encoded(self) -> bytes:
        """Return the bytes of the record's file."""
        head = {
            "ctxsize-trash": _VERSION,
            "name": self.name,
            "kind": self.kind,
            "device": self.device,
            "inode": self.inode,
        }
        numbers = b"".join(each.to_bytes(8, "big") for each in sorted(self.tokens))
        return json.dumps(head).encode() + b"\n" + numbers


def new_name() -> str:
    """Return a name that nothing has."""
    return PREFIX + secrets.token_hex(16)


def is_trash(name: str) -> bool:
    """Return whether a run gave a directory this name."""
    return _NAME.fullmatch(name) is not None


def of(fd: int, name: str) -> Record | None:
    """Return our record of the renamed directory `fd` called `name`, if there is one."""
    try:
        above = os.open("..", OPEN_DIRECTORY, dir_fd=fd)
    except OSError:
        return None
    try:
        name += ENDING
        data = read_file(name, _MOST_BYTES, dir_fd=above, links=False, owner=os.geteuid())
        return _decoded(data)
    except OSError:
        return None
    finally:
        os.close(above)


def is_record(name: str) -> bool:
    """Return whether a run gave a record this name."""
    return name.endswith(ENDING) and is_trash(name.removesuffix(ENDING))


def is_orphan(above: int, name: str) -> bool:
    """Return whether `name` in `above` is a record of ours without its directory."""
    if not is_record(name) or not _is_begun(above, name) or held(above, [name]) is not None:
        return False
    try:
        os.stat(name.removesuffix(ENDING), dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return True
    return False


def _is_begun(above: int, name: str) -> bool:
    """Return whether it is a record, or the beginning of one: a run was killed as it wrote it."""
    try:
        start = read_start(name, len(_START), dir_fd=above, links=False, owner=os.geteuid())
    except OSError:
        return False
    return _START.startswith(start)


def _decoded(data: bytes) -> Record | None:
    head, _, numbers = data.partition(b"\n")
    try:
        kept = json.loads(head)
        if kept["ctxsize-trash"] != _VERSION or kept["kind"] not in BY_NAME or len(numbers) % 8:
            return None
        tokens = frozenset(
            int.from_bytes(numbers[at : at + 8], "big") for at in range(0, len(numbers), 8)
        )
        return Record(
            str(kept["name"]), kept["kind"], int(kept["device"]), int(kept["inode"]), tokens
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
