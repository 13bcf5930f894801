"""Which files are opened below a folder, as the kernel sees it: no library that reads natively, and no child process, gets past it."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

OPENED, OVERFLOW, ONLY_FOLDERS, A_FOLDER = 0x20, 0x4000, 0x01000000, 0x40000000
NONBLOCKING = os.O_NONBLOCK
HEAD = struct.Struct("iIII")


class Opened:
    """Watches a folder with inotify(7); `since` tells what was opened since it was last asked."""

    def __init__(self, root: Path) -> None:
        self._root, self._libc = root, ctypes.CDLL(None, use_errno=True)
        self._stream = self._libc.inotify_init1(NONBLOCKING)
        assert self._stream >= 0, os.strerror(ctypes.get_errno())
        self._folders: dict[int, Path] = {}
        self._look()

    def _look(self) -> None:
        """Watch every folder that is there by now; one that is watched already keeps its number."""
        for folder in (self._root, *(path for path in self._root.rglob("*") if path.is_dir() and not path.is_symlink())):
            number = self._libc.inotify_add_watch(self._stream, os.fsencode(folder), OPENED | ONLY_FOLDERS)
            assert number >= 0, os.strerror(ctypes.get_errno())
            self._folders[number] = folder

    def since(self) -> set[str]:
        """Paths of files that were opened, relative to the folder."""
        found = set()
        while True:
            try:
                events = os.read(self._stream, 1 << 20)
            except BlockingIOError:
                break
            at = 0
            while at < len(events):
                number, mask, _, length = HEAD.unpack_from(events, at)
                name = os.fsdecode(events[at + HEAD.size : at + HEAD.size + length].rstrip(b"\0"))
                at += HEAD.size + length
                assert not mask & OVERFLOW, "more was opened than the kernel kept"
                if name and not mask & A_FOLDER:
                    found.add((self._folders[number] / name).relative_to(self._root).as_posix())
        self._look()
        # Walking the folders opened those, and nothing else.
        return found

    def close(self) -> None:
        os.close(self._stream)
