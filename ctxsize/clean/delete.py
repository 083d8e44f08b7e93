"""Carries out a plan; the only place that deletes anything.

A directory is first renamed to a sibling, which makes it unreachable for
builds that come along, then compared with what was planned, then emptied entry
by entry: each is looked at once more just before, and what was not planned is
kept. Whatever speaks against it before the first entry is deleted puts the
directory back under its name.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from errno import ENOENT, ENOTEMPTY

from ctxsize.clean import record, use
from ctxsize.clean.descent import Descent
from ctxsize.clean.inventory import START_TOKEN, shown, take, token
from ctxsize.clean.kinds import BY_NAME
from ctxsize.clean.look import locks_of
from ctxsize.clean.tracked import Tracking
from ctxsize.clean.values import (
    CleanCandidate,
    CleanCategory,
    CleanObjection,
    CleanPlan,
    Inventory,
    Result,
)
from ctxsize.engine.events import Progress, Steps, stepped
from ctxsize.reader import entries_in

Step = Callable[[str, str], None]
"""Told when an item is `checked`, `renamed` and `compared`, each before what follows."""

_SHOWN = 3
_FRESH_S = 1.0
_BLOCK = 512


def delete(
    plan: CleanPlan,
    *,
    progress: Progress | None = None,
    steps: Steps | None = None,
    step: Step | None = None,
) -> Iterator[Result]:
    """Yield what became of each item, one after the other, as it is done."""
    deleter = _Deleter(plan, progress or (lambda entries, content_bytes: None), step or _nothing)
    for item in stepped(plan.items, steps, lambda each: each.path):
        yield deleter.remove(item)
    for path in plan.records:
        deleter.drop_record(path)


def _nothing(step: str, path: str) -> None:
    return


@dataclass
class _Deleter:
    plan: CleanPlan
    progress: Progress
    step: Step
    tracking: Tracking = field(default_factory=Tracking)
    entries: int = 0
    content_bytes: int = 0
    uses: tuple[use.ProcessUse, ...] = ()
    asked: float = -_FRESH_S

    def remove(self, item: CleanCandidate) -> Result:
        """Delete one item, or say why not."""
        above, _, name = item.path.rpartition("/")
        if not {"", ".", ".."}.isdisjoint(item.path.split("/")):
            return Result(item.path, False, message="it is not below ROOT")
        try:
            with Descent.at(self.plan.root) as descent:
                found = os.fstat(descent.fd)
                if (found.st_dev, found.st_ino) != (self.plan.device, self.plan.inode):
                    return Result(item.path, False, message="ROOT is another directory now")
                descent.follow(above)
                return self._in(descent, item, name)
        except OSError as error:
            return Result(item.path, False, message=f"it has changed: {error.strerror}")

    def _in(self, descent: Descent, item: CleanCandidate, name: str) -> Result:
        """Delete the item `name` in the directory where `descent` is."""
        above = os.dup(descent.fd)
        try:
            descent.enter(name)
            with use.Locks() as locks:
                inventory, reason = self._checked(descent, item, locks)
                if reason is not None:
                    return Result(item.path, False, message=reason)
                directory = _Renamed(self, item, inventory, above, descent.fd, name, locks)
                if item.category is CleanCategory.LEFTOVER:
                    return directory.empty()
                return directory.renamed() or directory.empty()
        finally:
            os.close(above)

    def _checked(
        self, descent: Descent, item: CleanCandidate, locks: use.Locks
    ) -> tuple[Inventory, str | None]:
        """Return what is in the directory now, and the reason not to delete it."""
        held = locks.take(descent.fd, self._locks(item))
        locked = use.locked(descent.device)
        inventory = take(descent.fd, locked=locked, linked=item.inventory.shared)
        if held is not None:
            return inventory, f"a build holds the lock {held}"
        reason = _first(inventory.objections) or difference(item.inventory, inventory)
        full = f"{self.plan.root.rstrip('/')}/{item.path}"
        return inventory, reason or self._objection(full)

    @staticmethod
    def _locks(item: CleanCandidate) -> tuple[str, ...]:
        kind = BY_NAME.get(item.kind)
        if item.category is CleanCategory.LEFTOVER:
            name = item.path.rpartition("/")[2]
            return (*item.inventory.locks, f"../{name}{record.ENDING}")
        return item.inventory.locks if kind is None else locks_of(kind, item.inventory)

    def _objection(self, full: str) -> str | None:
        """Return what speaks against deleting the directory at `full`."""
        tracked = self.tracking.objection(full)
        return _in_use(full, self._uses()) if tracked is None else tracked.message

    def _uses(self) -> tuple[use.ProcessUse, ...]:
        """Return who used anything below ROOT a moment ago: there may be thousands of items."""
        now = time.monotonic()
        if now - self.asked > _FRESH_S:
            self.uses, self.asked = use.users(self.plan.root), now
        return self.uses

    def drop_record(self, path: str) -> None:
        """Delete a record of a run that was killed, if what it is about is gone."""
        above, _, name = path.rpartition("/")
        try:
            with Descent.at(self.plan.root) as descent:
                descent.follow(above)
                if record.is_orphan(descent.fd, name):
                    os.unlink(name, dir_fd=descent.fd)
        except OSError:
            return

    def deleted(self, content_bytes: int) -> None:
        """Note that one more entry is gone."""
        self.entries += 1
        self.content_bytes += content_bytes
        if self.entries % 500 == 0:
            self.progress(self.entries, self.content_bytes)


def _in_use(full: str, uses: Iterable[use.ProcessUse]) -> str | None:
    """Return which of `uses` is of the directory at `full`, or what is mounted in it, or None."""
    objection = use.objection(full, use.mounts(), uses)
    return None if objection is None else objection.message


def _first(objections: Sequence[CleanObjection]) -> str | None:
    return objections[0].message if objections else None


def difference(planned: Inventory, found: Inventory, *, renamed: bool = False) -> str | None:
    """Return how a directory differs from the plan, else None; a rename sets its `ctime`."""
    before, now = planned.stamp, found.stamp
    if (before.device, before.inode) != (now.device, now.inode):
        return "another directory is there now"
    if renamed:
        now = replace(now, ctime_ns=before.ctime_ns)
    if before == now and planned.tokens == found.tokens:
        return None
    count = len(found.tokens) - len(planned.tokens)
    if count:
        noun = "entry" if abs(count) == 1 else "entries"
        return f"it has changed: {abs(count):,} {noun} {'more' if count > 0 else 'fewer'} in it"
    return "it has changed: something in it is another file or was written"


@dataclass
class _Renamed:
    """One directory on its way out."""

    deleter: _Deleter
    item: CleanCandidate
    inventory: Inventory
    above: int
    fd: int
    name: str
    locks: use.Locks
    trash: str = field(default_factory=record.new_name)

    def __post_init__(self) -> None:
        if self.item.category is CleanCategory.LEFTOVER:
            self.trash = self.name

    def renamed(self) -> Result | None:
        """Rename it and compare; the result where that is the end of it."""
        self._write_record()
        self.deleter.step("checked", self.item.path)
        try:
            os.rename(self.name, self.trash, src_dir_fd=self.above, dst_dir_fd=self.above)
        except OSError as error:
            self._drop_record()
            return self._failed(f"it cannot be renamed: {error.strerror}")
        try:
            self.deleter.step("renamed", self.item.path)
            reason = self._objection()
        except BaseException:
            self._put_back("interrupted")
            raise
        return None if reason is None else self._put_back(reason)

    def _objection(self) -> str | None:
        """Return what speaks against deleting it, now that nobody else finds it."""
        try:
            found = os.stat(self.trash, dir_fd=self.above, follow_symlinks=False)
            stamp = self.inventory.stamp
            if (found.st_dev, found.st_ino) != (stamp.device, stamp.inode):
                return "another directory is there now"
            again = take(self.fd, linked=self.item.inventory.shared)
        except OSError as error:
            return f"it has changed: {error.strerror}"
        path = self._path(self.trash)
        full = f"{self.deleter.plan.root.rstrip('/')}/{path}"
        reason = _first(again.objections) or difference(self.inventory, again, renamed=True)
        if reason is None and self.item.category is CleanCategory.CACHE:
            # There may be thousands, and whoever has a file of a cache open keeps it.
            return None
        return reason or _in_use(full, use.users(full))

    def empty(self) -> Result:
        """Delete what is in it and then itself, and say what is left."""
        self.deleter.step("compared", self.item.path)
        emptying = _Emptying(self.inventory.tokens, self.deleter)
        try:
            with Descent(self.fd) as descent:
                emptying.run(descent)
        except OSError as error:
            emptying.failed.append((".", error.strerror or str(error)))
        if not emptying.kept and not emptying.failed:
            self._remove_itself(emptying)
        if not emptying.kept and not emptying.failed:
            self._drop_record()
            done = emptying.files, emptying.disk_bytes
            return Result(self.item.path, True, *done)
        return self._rest(emptying)

    def _remove_itself(self, emptying: _Emptying) -> None:
        try:
            os.rmdir(self.trash, dir_fd=self.above)
            emptying.disk_bytes += os.fstat(self.fd).st_blocks * _BLOCK
        except OSError as error:
            if error.errno == ENOTEMPTY:
                emptying.kept += sorted(each.name for each in entries_in(self.fd))
            else:
                emptying.failed.append((".", error.strerror or str(error)))

    def _rest(self, emptying: _Emptying) -> Result:
        """Return the result where something is left: what is not ours goes back to its place."""
        files, disk_bytes = emptying.files, emptying.disk_bytes
        if not emptying.kept:
            path, reason = emptying.failed[0]
            count = len(emptying.failed)
            message = f"{count:,} of its entries could not be deleted: {shown(path)}: {reason}"
            left: tuple[str, ...] = (self._path(self.trash),)
            return Result(self.item.path, False, files, disk_bytes, message, left)
        names = ", ".join(map(shown, emptying.kept[:_SHOWN]))
        more = ", …" if len(emptying.kept) > _SHOWN else ""
        message = f"appeared meanwhile and was kept: {names}{more}"
        return replace(self._put_back(message), files=files, disk_bytes=disk_bytes)

    def _put_back(self, reason: str) -> Result:
        """Give it its name again, unless something else has it now."""
        if self.trash == self.name:
            return self._failed(reason, self._path(self.trash))
        try:
            os.stat(self.name, dir_fd=self.above, follow_symlinks=False)
            why = "as its name was taken meanwhile"
        except OSError as error:
            why = error.strerror or ""
            if error.errno == ENOENT:
                try:
                    os.rename(self.trash, self.name, src_dir_fd=self.above, dst_dir_fd=self.above)
                    self._drop_record()
                    return self._failed(reason, self.item.path)
                except OSError as failure:
                    why = failure.strerror or ""
        where = self._path(self.trash)
        return self._failed(f"{reason}; it could not be put back ({why})", where)

    def _failed(self, reason: str, *left: str) -> Result:
        return Result(self.item.path, False, message=reason, left=left)

    def _path(self, name: str) -> str:
        above = self.item.path.rpartition("/")[0]
        return f"{above}/{name}".lstrip("/")

    def _write_record(self) -> None:
        """Note what is in it for the next run, if the disk has room for that."""
        stamp = self.inventory.stamp
        noted = record.Record(
            self.name, self.item.kind, stamp.device, stamp.inode, self.inventory.tokens
        )
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            file = os.open(self.trash + record.ENDING, flags, 0o600, dir_fd=self.above)
        except OSError:
            return
        try:
            # Held until the end, so that another run does not take it for a leftover.
            self.locks.take(self.above, [self.trash + record.ENDING])
            with open(file, "wb") as opened:
                opened.write(noted.encoded())
        except OSError:
            self._drop_record()

    def _drop_record(self) -> None:
        try:
            os.unlink(self.trash + record.ENDING, dir_fd=self.above)
        except OSError:
            return


@dataclass
class _Emptying:
    """Deletes the entries with these numbers, and no others."""

    tokens: frozenset[int]
    deleter: _Deleter
    files: int = 0
    disk_bytes: int = 0
    kept: list[str] = field(default_factory=list)
    """What is there and was not planned."""
    failed: list[tuple[str, str]] = field(default_factory=list)

    def run(self, descent: Descent) -> None:
        """Empty the directory where `descent` is."""
        stack = [(iter(self._entries(descent, START_TOKEN)), 0)]
        while stack:
            inner, troubles = stack[-1]
            following = next(inner, None)
            if following is not None:
                name, number = following
                if self._entered(descent, name):
                    before = len(self.kept) + len(self.failed)
                    stack.append((iter(self._entries(descent, number)), before))
                continue
            stack.pop()
            if stack:
                clean = troubles == len(self.kept) + len(self.failed)
                self._remove(descent, descent.leave(), clean=clean)

    def _entered(self, descent: Descent, name: str) -> bool:
        try:
            descent.enter(name)
        except OSError as error:
            self.failed.append((descent.below(name), error.strerror or str(error)))
            return False
        return True

    def _entries(self, descent: Descent, above: bytes) -> list[tuple[str, bytes]]:
        """Delete the files in the directory where `descent` is; its planned directories."""
        directories = []
        try:
            names = [each.name for each in entries_in(descent.fd)]
        except OSError as error:
            self.failed.append((descent.path, error.strerror or str(error)))
            return []
        for name in names:
            try:
                found = os.stat(name, dir_fd=descent.fd, follow_symlinks=False)
                number = token(above, name, found)
                if int.from_bytes(number, "big") not in self.tokens:
                    self.kept.append(descent.below(name))
                elif stat.S_ISDIR(found.st_mode):
                    directories.append((name, number))
                else:
                    os.unlink(name, dir_fd=descent.fd)
                    self._count(found)
            except FileNotFoundError:
                continue
            except OSError as error:
                self.failed.append((descent.below(name), error.strerror or str(error)))
        return directories

    def _remove(self, descent: Descent, name: str, *, clean: bool) -> None:
        """Remove the directory `name`; where it should be empty and is not, something came."""
        try:
            found = os.stat(name, dir_fd=descent.fd, follow_symlinks=False)
            os.rmdir(name, dir_fd=descent.fd)
            self.disk_bytes += found.st_blocks * _BLOCK
        except OSError as error:
            if not clean:
                return
            if error.errno == ENOTEMPTY:
                self.kept.append(descent.below(name))
            else:
                self.failed.append((descent.below(name), error.strerror or str(error)))

    def _count(self, found: os.stat_result) -> None:
        self.files += not stat.S_ISLNK(found.st_mode)
        if found.st_nlink == 1:
            self.disk_bytes += found.st_blocks * _BLOCK
        self.deleter.deleted(found.st_size)
