"""s5cmd as a process: objects of a public bucket to files, and what the bucket says of them."""

import ctypes
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

_LOOK_S = 0.25
_COUNT_S = 0.7  # to look at every file that is coming takes longer than to hear of those that came
NAME = re.compile(r"[\w.-]*\w")
_REASON = 200  # characters of a reason that are told; s5cmd adds the answer's bytes
_PDEATHSIG = 1


@dataclass(frozen=True)
class Remote:
    """What the bucket says of one object: its size in bytes and its ETag, the MD5 of what was stored in one part."""

    size: int
    etag: str


@dataclass(frozen=True)
class Transfer:
    """How files are copied: s5cmd if it is there, the server, the folder, how many at once, how long nothing may be received."""

    tool: Path | None
    endpoint: str
    folder: Path
    n_workers: int
    timeout_s: float


def copy(
    transfer: Transfer,
    names: dict[str, str],
    remote: dict[str, dict[str, Remote]],
    tell: Callable[[int], None],
    arrived: Callable[[str], object],
) -> str:
    """Copy files below addresses into subfolders of the transfer's -> why it failed, or nothing.

    Files that are there with the right size are not copied again. `arrived` is called with an address as soon as all files below
    it are there, while others are still copied; it may take the folder away.
    """
    arrivals, commands = Arrivals(transfer.folder, names, remote, arrived), []
    for address, name in names.items():
        absent = absent_files(transfer.folder / name, remote[address])
        commands += _commands(address, name, absent, whole=len(absent) == len(remote[address]))
        arrivals.expect(address, absent)
    return _run(transfer, commands, arrivals.hear, arrivals.received, tell) if commands else ""


def absent_files(folder: Path, files: dict[str, Remote]) -> list[str]:
    """Make a folder, and find which files it lacks, or has with another size."""
    folder.mkdir(exist_ok=True)
    return [file for file, one in files.items() if _size(folder / file) != one.size]


def _commands(address: str, name: str, absent: list[str], *, whole: bool) -> list[str]:
    """Ask for files; of a whole folder s5cmd asks for the list, of single files it asks for each one's head first."""
    if whole:
        return [f"cp '{address}*' '{name}/'"]
    return [f"cp '{address}{file}' '{name}/{file}'" for file in absent]


class Arrivals:
    """The files that are still to come, by address."""

    def __init__(
        self, folder: Path, names: dict[str, str], remote: dict[str, dict[str, Remote]], arrived: Callable[[str], object]
    ) -> None:
        self._folder, self._names, self._remote, self._arrived = folder, names, remote, arrived
        self._coming: dict[str, set[str]] = {}

    def expect(self, address: str, absent: Iterable[str]) -> None:
        """Wait for the files below an address that are absent; where there are none, it has arrived."""
        self._coming[address] = set(absent)
        self._close(address)

    def hear(self, line: dict[str, Any]) -> None:
        """Take down that a file was copied."""
        address, _, file = str(line.get("source", "")).rpartition("/")
        if line.get("success") and f"{address}/" in self._coming:
            self._coming[f"{address}/"].discard(file)
            self._close(f"{address}/")

    def received(self) -> int:
        """Count the bytes that are there."""
        there = sum(one.size for address in self._names.keys() - self._coming.keys() for one in self._remote[address].values())
        return there + sum(_bytes_in(self._folder / self._names[address]) for address in self._coming)

    def _close(self, address: str) -> None:
        if not self._coming[address]:
            del self._coming[address]
            self._arrived(address)


def listing(transfer: Transfer, addresses: Iterable[str]) -> tuple[dict[str, dict[str, Remote]], str]:
    """Ask what lies below addresses -> by address, every file's name, size and ETag; and why it failed, or nothing."""
    remote_files: dict[str, dict[str, Remote]] = {address: {} for address in addresses}
    lines: list[dict[str, Any]] = []
    commands = [f"ls --etag '{address}*'" for address in remote_files]
    reason = _run(transfer, commands, lines.append, lambda: 0, lambda received: None)
    for line in lines:
        if "key" in line and "size" in line:
            address, _, name = line["key"].rpartition("/")
            if f"{address}/" not in remote_files or not NAME.fullmatch(name):
                return {}, f"a file is called {line['key'][:160]!r}"
            remote_files[f"{address}/"][name] = Remote(int(line["size"]), str(line.get("etag", "")))
    return remote_files, reason


def first_wrong(folder: Path, files: dict[str, Remote]) -> str:
    """Compare a folder with what the bucket says -> what is wrong with the first file that differs, or nothing; it is removed."""
    for name, remote in files.items():
        path = folder / name
        if not path.exists():
            return f"{name} is missing"
        if path.stat().st_size != remote.size:
            wrong = f"{name} has {path.stat().st_size} bytes instead of {remote.size}"
        elif "-" not in remote.etag and _md5(path) != remote.etag:
            wrong = f"the MD5 of {name} is not the bucket's"
        else:
            continue
        path.unlink()
        return wrong
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()  # left over from a copy that was stopped
    return ""


def _run(
    transfer: Transfer,
    commands: list[str],
    hear: Callable[[dict[str, Any]], object],
    received: Callable[[], int],
    tell: Callable[[int], None],
) -> str:
    """Run commands in one process, and hear each of its answers as it comes -> why it failed, or nothing."""
    how = ["--no-sign-request", "--json", "--numworkers", str(transfer.n_workers), "--retry-count", "3"]
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as asked:
        asked.write("\n".join(commands).encode())
        asked.seek(0)
        process = subprocess.Popen(  # noqa: S603 - our own tool; addresses and names are checked
            [str(transfer.tool), *how, "--endpoint-url", transfer.endpoint, "run"],
            cwd=transfer.folder,
            stdin=asked,
            stdout=printed,
            stderr=errors,
            preexec_fn=partial(_end_with_parent, os.getpid()) if sys.platform == "linux" else None,
        )
        try:
            stalled = _watch(process, transfer.timeout_s, _Answers(printed, hear), received, tell)
        finally:
            process.kill()
            process.wait()
        wrong: list[dict[str, Any]] = []
        _Answers(errors, wrong.append).read()
    # What names no operation is a warning, such as of an unknown region.
    failed = [str(line["error"])[:_REASON] for line in wrong if "operation" in line]
    return stalled or next(iter(failed), "") or ("" if process.returncode == 0 else f"s5cmd ended with {process.returncode}")


class _Answers:
    """What a process prints into a file, line by line as it comes; the process's own place in the file is left alone."""

    def __init__(self, file: Any, hear: Callable[[dict[str, Any]], object]) -> None:
        self._handle, self._hear, self._heard = file.fileno(), hear, 0

    def read(self) -> int:
        """Hear the whole lines that are new -> how many bytes were heard in all."""
        new = os.pread(self._handle, os.fstat(self._handle).st_size - self._heard, self._heard)
        whole = new[: new.rfind(b"\n") + 1]
        self._heard += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if line.startswith("{"):
                self._hear(json.loads(line))
        return self._heard


def _watch(
    process: "subprocess.Popen[bytes]",
    timeout_s: float,
    answers: _Answers,
    received: Callable[[], int],
    tell: Callable[[int], None],
) -> str:
    """Wait for the end of a process, or for a time without a byte -> why it is to be ended, or nothing."""
    before, since, counted = -1, time.monotonic(), 0.0
    while True:
        try:
            process.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            heard, now = answers.read(), time.monotonic()
            if now - counted < _COUNT_S:
                continue
            bytes_there, counted = received(), now
            if heard + bytes_there != before:
                before, since = heard + bytes_there, now
                tell(bytes_there)
            elif now - since > timeout_s:
                return f"nothing was received for {timeout_s:g} s"
        else:
            answers.read()
            tell(received())
            return ""


def _end_with_parent(parent: int) -> None:
    """Let the kernel end this process when its parent is killed, or end it if that has just happened."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _bytes_in(folder: Path) -> int:
    with os.scandir(folder) as files:
        return sum(max(_size(file), 0) for file in files)


def _size(path: Path | os.DirEntry[str]) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # not there yet, or given its own name meanwhile
        return -1


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
