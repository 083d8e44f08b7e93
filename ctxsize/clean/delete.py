"""Deletes what was planned; no other module deletes directories.

A directory is renamed, so that builds no longer find it, compared with the plan, then emptied entry
by entry, each checked once more. What was not planned is kept, and put back under its name.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from errno import EEXIST, ENOTEMPTY
from os.path import dirname, join, split
from stat import S_ISDIR, S_ISLNK

from ctxsize.clean import CleanCandidate, CleanObjection, CleanPlan, Inventory, Result, inventory
from ctxsize.clean.dangers import Dangers
from ctxsize.clean.descent import Descent, Locks, tour
from ctxsize.clean.inventory import BLOCK_BYTES, RECORD, START_TOKEN, TRASH, Record, shown
from ctxsize.clean.proofs import CleanCategory
from ctxsize.engine.events import Steps, stepped
from ctxsize.reader import entries_in

_SHOWN = 3
_ANOTHER = CleanObjection("changed", "another directory is there now")
_CHANGED = CleanObjection("changed", "it has changed: an entry in it was added, removed or written")
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def delete(plan: CleanPlan, *, steps: Steps | None = None) -> Iterator[Result]:
    """Yield what became of each item, one after the other, as it is done."""
    dangers = Dangers(plan.root)
    for candidate in stepped(plan.items, steps, lambda candidate: candidate.path):
        yield _Deletion(candidate, dangers).result(plan)
    for path in plan.records:
        above, _, name = path.rpartition("/")
        with suppress(OSError), Descent(plan.root) as descent:
            descent.follow(above)
            if inventory.is_orphan(descent.fd, name):
                os.unlink(name, dir_fd=descent.fd)


class _Deletion:
    """One directory on its way out."""

    def __init__(self, candidate: CleanCandidate, dangers: Dangers) -> None:
        self._candidate = candidate
        self._dangers = dangers
        above, self._name = split(candidate.path)
        self._is_leftover = candidate.kind.category is CleanCategory.LEFTOVER
        self._trash = self._name
        if not self._is_leftover:
            self._trash = TRASH + secrets.token_hex(16)
        self._trash_path = join(above, self._trash)
        self._files = 0
        self._disk_bytes = 0
        self._left: list[tuple[str, str]] = []
        """Entries that could not be deleted, with the reason, or that are not in the plan."""
        self._lasting: set[str] = set()  # directories in which something is left

    def result(self, plan: CleanPlan) -> Result:
        """Delete the directory, and return the result."""
        if not {"", ".", ".."}.isdisjoint(self._candidate.path.split("/")):
            return self._failure("it is not below ROOT")
        try:
            with Descent(plan.root) as descent, Locks() as locks:
                if descent.place != plan.place:
                    return self._failure("ROOT is another directory now")
                descent.follow(dirname(self._candidate.path))
                with Descent(descent.fd) as inner:
                    inner.enter(self._name)
                    self._above = descent.fd
                    self._fd = inner.fd
                    return self._run(locks)
        except OSError as error:
            return self._failure(f"it has changed: {error.strerror}")

    def _run(self, locks: Locks) -> Result:
        """Delete the directory `self._fd` in the directory `self._above`."""
        planned = self._candidate.inventory
        lock_files = [*planned.locks]
        if self._is_leftover:
            lock_files.append(f"../{self._trash}{RECORD}")
        lock = locks.take(self._fd, lock_files)
        if lock:
            return self._failure(f"a build holds the lock {lock}")
        current = inventory.take(self._fd, linked=planned.linked)
        objection = (
            current.objection
            or _difference(planned, current)
            or self._dangers.around(self._candidate.path)
        )
        if objection:
            return self._failure(objection.message)
        if not self._is_leftover:
            self._write_record(current, locks)
            result = self._set_aside(current)
            if result:
                return result
        return self._empty(current.tokens)

    def _set_aside(self, current: Inventory) -> Result | None:
        """Rename it and compare; the result where that is the end of it."""
        try:
            self._rename(self._name, self._trash)
        except OSError as error:
            self._drop_record()
            return self._failure(f"it cannot be renamed: {error.strerror}")
        try:
            objection = self._objection(current)
        except BaseException:
            self._put_back("interrupted")
            raise
        if objection is None:
            return None
        return self._put_back(objection.message)

    def _objection(self, before: Inventory) -> CleanObjection | None:
        """Return the reason not to delete it, now that builds no longer find it."""
        try:
            status = os.lstat(self._trash, dir_fd=self._above)
            if (status.st_dev, status.st_ino) != before.place:
                return _ANOTHER
            again = inventory.take(self._fd, linked=self._candidate.inventory.linked)
        except OSError as error:
            return CleanObjection("changed", f"it has changed: {error.strerror}")
        objection = again.objection or _difference(before, again, renamed=True)
        if objection is None and self._candidate.kind.category is not CleanCategory.CACHE:
            # There may be thousands of caches, and a process that has a file of one open keeps it.
            objection = self._dangers.using(self._trash_path)
        return objection

    def _empty(self, tokens: frozenset[int]) -> Result:
        """Delete the entries with these numbers and then itself, and return the result."""
        try:
            with Descent(self._fd) as descent:
                tour(
                    descent,
                    START_TOKEN,
                    lambda number: self._delete_files(descent, number, tokens),
                    failed=lambda name, error: self._leave(descent.below(name), error),
                    left=lambda name: self._remove(descent.below(name), name, descent.fd),
                )
            if not self._left:
                os.rmdir(self._trash, dir_fd=self._above)
                self._count_blocks(os.fstat(self._fd))
        except OSError as error:
            new_names = []
            if error.errno == ENOTEMPTY:
                new_names = sorted(entry.name for entry in entries_in(self._fd))
            for name in new_names:
                self._leave(name)
            if not new_names:
                self._leave(".", error)
        return replace(self._remaining(), files=self._files, disk_bytes=self._disk_bytes)

    def _delete_files(
        self, descent: Descent, above: int, tokens: frozenset[int]
    ) -> list[tuple[str, int]]:
        """Delete the files in the directory of `descent`; return its planned directories."""
        directories = []
        try:
            children = entries_in(descent.fd)
        except OSError as error:
            self._leave(f"{descent.path}/", error)
            return []
        for child in children:
            name = child.name
            path = descent.below(name)
            try:
                status = child.stat(follow_symlinks=False)
                number = inventory.token(above, name, status)
                if number not in tokens:
                    self._leave(path)
                elif S_ISDIR(status.st_mode):
                    directories.append((name, number))
                else:
                    os.unlink(name, dir_fd=descent.fd)
                    if not S_ISLNK(status.st_mode):
                        self._files += 1
                    if status.st_nlink == 1:  # the blocks of a file with other names stay
                        self._count_blocks(status)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._leave(path, error)
        return directories

    def _count_blocks(self, status: os.stat_result) -> None:
        self._disk_bytes += status.st_blocks * BLOCK_BYTES

    def _remove(self, path: str, name: str, above: int) -> None:
        """Remove the directory `name`, if nothing in it was left on purpose or by failure."""
        try:
            if path in self._lasting:
                self._lasting.add(path.rpartition("/")[0])
            else:
                status = os.lstat(name, dir_fd=above)
                os.rmdir(name, dir_fd=above)
                self._count_blocks(status)
        except OSError as error:
            if error.errno == ENOTEMPTY:
                self._leave(path)
            else:
                self._leave(path, error)

    def _leave(self, path: str, error: OSError | None = None) -> None:
        """Note that the entry at `path` is still there, and so are the directories above it."""
        reason = ""
        if error:
            reason = error.strerror or str(error)
        self._left.append((path, reason))
        self._lasting.add(path.rpartition("/")[0])

    def _remaining(self) -> Result:
        """Return the result of deleting; entries of others go back to their place."""
        unplanned = [shown(path) for path, reason in self._left if not reason]
        if len(unplanned) > _SHOWN:
            unplanned[_SHOWN:] = ["…"]
        if unplanned:
            return self._put_back(f"appeared meanwhile and was kept: {', '.join(unplanned)}")
        if self._left:
            path, reason = self._left[0]
            count = f"{len(self._left):,} of its entries could not be deleted"
            return self._failure(f"{count}: {shown(path)}: {reason}", self._trash_path)
        self._drop_record()
        return Result(self._candidate.path, True)

    def _put_back(self, reason: str) -> Result:
        """Give it its name again, unless something else has it now."""
        if self._is_leftover:
            return self._failure(reason, self._trash_path)
        try:
            with suppress(FileNotFoundError):
                os.lstat(self._name, dir_fd=self._above)
                raise FileExistsError(EEXIST, "its name was taken meanwhile")
            self._rename(self._trash, self._name)
        except OSError as error:
            return self._failure(
                f"{reason}; it could not be put back: {error.strerror}", self._trash_path
            )
        self._drop_record()
        return self._failure(reason, self._candidate.path)

    def _failure(self, reason: str, *left: str) -> Result:
        return Result(self._candidate.path, False, message=reason, left=left)

    def _rename(self, old: str, new: str) -> None:
        os.rename(old, new, src_dir_fd=self._above, dst_dir_fd=self._above)

    def _write_record(self, contents: Inventory, locks: Locks) -> None:
        """Note what is in it for the next run, if the disk has room for that."""
        name = self._trash + RECORD
        record = Record(self._name, self._candidate.kind.name, contents.place, contents.tokens)
        with suppress(OSError):
            file = os.open(name, _NEW_FILE, 0o600, dir_fd=self._above)
            try:
                # Held until the end, so that another run does not take it for a leftover.
                locks.take(self._above, [name])
                with open(file, "wb") as opened:
                    opened.write(record.encoded())
            except OSError:
                self._drop_record()

    def _drop_record(self) -> None:
        with suppress(OSError):
            os.unlink(self._trash + RECORD, dir_fd=self._above)


def _difference(
    before: Inventory, now: Inventory, *, renamed: bool = False
) -> CleanObjection | None:
    """Return how a directory differs from before, if it does; a rename sets its `ctime`."""
    if before.place != now.place:
        return _ANOTHER
    written_ns, changed_ns, newest_ns = before.times
    if renamed:
        changed_ns = now.times[1]
    has_same_times = now.times == (written_ns, changed_ns, newest_ns)
    if has_same_times and before.tokens == now.tokens:
        return None
    return _CHANGED
