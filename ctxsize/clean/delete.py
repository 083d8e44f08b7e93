"""Carries out a plan; the only place that deletes directories.

A directory is first renamed to a sibling, which makes it unreachable for
builds that come along, then compared with what was planned, then emptied entry
by entry: each is looked at once more just before, and what was not planned is
kept. Whatever speaks against it before the first entry is deleted puts the
directory back under its name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from errno import ENOENT, ENOTEMPTY

from ctxsize.clean import record, use
from ctxsize.clean.dangers import Dangers, difference, locks_around
from ctxsize.clean.descent import Descent, tour
from ctxsize.clean.inventory import START_TOKEN, shown, take, token
from ctxsize.clean.plan import (
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
"""Called when an item is `checked`, `renamed` and `compared`, each before what follows."""

_SHOWN = 3
_SHOWN_EVERY = 500
_FRESH_S = 1.0
"""There may be thousands of items: processes are not looked at again for each."""
_BLOCK = 512


def delete(
    plan: CleanPlan,
    *,
    progress: Progress | None = None,
    steps: Steps | None = None,
    step: Step | None = None,
) -> Iterator[Result]:
    """Yield what became of each item, one after the other, as it is done."""
    deleter = _Deleter(
        plan, progress or (lambda entries, content_bytes: None), step or (lambda step, path: None)
    )
    for item in stepped(plan.items, steps, lambda each: each.path):
        yield deleter.remove(item)
    for path in plan.records:
        deleter.drop_record(path)


@dataclass
class _Deleter:
    plan: CleanPlan
    progress: Progress
    step: Step
    entries: int = 0
    content_bytes: int = 0

    def __post_init__(self) -> None:
        self.dangers = Dangers(self.plan.root, fresh_s=_FRESH_S)

    def remove(self, item: CleanCandidate) -> Result:
        """Delete one item, and return its result."""
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
        held = locks.take(descent.fd, locks_around(item))
        locked = use.locked(descent.device)
        inventory = take(descent.fd, locked=locked, linked=item.inventory.shared)
        if held is not None:
            return inventory, f"a build holds the lock {held}"
        reason = _first(inventory.objections) or difference(item.inventory, inventory)
        return inventory, reason or _first(self.dangers.around(item.path))

    def drop_record(self, path: str) -> None:
        """Delete a record of a run that was killed, if what it is about is gone."""
        above, _, name = path.rpartition("/")
        with suppress(OSError), Descent.at(self.plan.root) as descent:
            descent.follow(above)
            if record.is_orphan(descent.fd, name):
                os.unlink(name, dir_fd=descent.fd)


def _first(objections: Iterable[CleanObjection]) -> str | None:
    return next((each.message for each in objections), None)


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
        """Return the reason not to delete it, now that builds no longer find it."""
        try:
            found = os.stat(self.trash, dir_fd=self.above, follow_symlinks=False)
            stamp = self.inventory.stamp
            if (found.st_dev, found.st_ino) != (stamp.device, stamp.inode):
                return "another directory is there now"
            again = take(self.fd, linked=self.item.inventory.shared)
        except OSError as error:
            return f"it has changed: {error.strerror}"
        reason = _first(again.objections) or difference(self.inventory, again, renamed=True)
        if reason is None and self.item.category is CleanCategory.CACHE:
            # There may be thousands, and whoever has a file of a cache open keeps it.
            return None
        return reason or _first(self.deleter.dangers.uses_of(self._path(self.trash)))

    def empty(self) -> Result:
        """Delete its entries and then itself, and return the result."""
        self.deleter.step("compared", self.item.path)
        emptying = _Emptying(self.inventory.tokens, self.deleter)
        try:
            with Descent(self.fd) as descent:
                emptying.run(descent)
        except OSError as error:
            emptying.fail(".", error)
        if not emptying.kept and not emptying.failed:
            self._remove_itself(emptying)
        if emptying.kept or emptying.failed:
            return self._rest(emptying)
        self._drop_record()
        return Result(self.item.path, True, emptying.files, emptying.disk_bytes)

    def _remove_itself(self, emptying: _Emptying) -> None:
        try:
            os.rmdir(self.trash, dir_fd=self.above)
            emptying.disk_bytes += os.fstat(self.fd).st_blocks * _BLOCK
        except OSError as error:
            if error.errno == ENOTEMPTY:
                emptying.kept += sorted(each.name for each in entries_in(self.fd))
            else:
                emptying.fail(".", error)

    def _rest(self, emptying: _Emptying) -> Result:
        """Return the result if something is left; entries of others go back to their place."""
        if emptying.kept:
            names = ", ".join(map(shown, emptying.kept[:_SHOWN]))
            more = ", …" if len(emptying.kept) > _SHOWN else ""
            result = self._put_back(f"appeared meanwhile and was kept: {names}{more}")
        else:
            path, reason = emptying.failed[0]
            count = f"{len(emptying.failed):,} of its entries could not be deleted"
            result = self._failed(f"{count}: {shown(path)}: {reason}", self._path(self.trash))
        return replace(result, files=emptying.files, disk_bytes=emptying.disk_bytes)

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
        with suppress(OSError):
            os.unlink(self.trash + record.ENDING, dir_fd=self.above)


@dataclass
class _Emptying:
    """Deletes the entries with these numbers, and no others."""

    tokens: frozenset[int]
    deleter: _Deleter
    files: int = 0
    disk_bytes: int = 0
    kept: list[str] = field(default_factory=list)
    """Entries that are there but not in the plan."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    lasting: set[str] = field(default_factory=set)
    """Directories in which something is left."""

    def run(self, descent: Descent) -> None:
        """Empty the directory where `descent` is."""
        tour(
            descent,
            START_TOKEN,
            lambda number: self._entries(descent, number),
            failed=lambda name, error: self.fail(descent.below(name), error),
            left=lambda name: self._remove(descent, name),
        )

    def fail(self, path: str, error: OSError) -> None:
        """Note that the entry at `path` is still there, and so are the directories above it."""
        self.failed.append((path, error.strerror or str(error)))
        self.lasting.add(path.rpartition("/")[0])

    def _keep(self, path: str) -> None:
        self.kept.append(path)
        self.lasting.add(path.rpartition("/")[0])

    def _entries(self, descent: Descent, above: bytes) -> list[tuple[str, bytes]]:
        """Delete the files in the directory where `descent` is; its planned directories."""
        directories = []
        try:
            names = [each.name for each in entries_in(descent.fd)]
        except OSError as error:
            self.fail(descent.path, error)
            self.lasting.add(descent.path)
            return []
        for name in names:
            try:
                found = os.stat(name, dir_fd=descent.fd, follow_symlinks=False)
                number = token(above, name, found)
                if int.from_bytes(number, "big") not in self.tokens:
                    self._keep(descent.below(name))
                elif stat.S_ISDIR(found.st_mode):
                    directories.append((name, number))
                else:
                    os.unlink(name, dir_fd=descent.fd)
                    self._count(found)
            except FileNotFoundError:
                continue
            except OSError as error:
                self.fail(descent.below(name), error)
        return directories

    def _remove(self, descent: Descent, name: str) -> None:
        """Remove the directory `name`, if nothing in it was left on purpose or by failure."""
        path = descent.below(name)
        if path in self.lasting:
            self.lasting.add(path.rpartition("/")[0])
            return
        try:
            found = os.stat(name, dir_fd=descent.fd, follow_symlinks=False)
            os.rmdir(name, dir_fd=descent.fd)
            self.disk_bytes += found.st_blocks * _BLOCK
        except OSError as error:
            if error.errno == ENOTEMPTY:  # something came
                self._keep(path)
            else:
                self.fail(path, error)

    def _count(self, found: os.stat_result) -> None:
        self.files += not stat.S_ISLNK(found.st_mode)
        if found.st_nlink == 1:
            self.disk_bytes += found.st_blocks * _BLOCK
        self.deleter.entries += 1
        self.deleter.content_bytes += found.st_size
        if self.deleter.entries % _SHOWN_EVERY == 0:
            self.deleter.progress(self.deleter.entries, self.deleter.content_bytes)
