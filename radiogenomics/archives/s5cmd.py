"""s5cmd as a process: objects of a public bucket to files, and what the bucket says of them."""

import ctypes
import hashlib
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOOK_S = 0.25
_NAME = re.compile(r"[\w.-]*\w")
_REASON = 200  # characters of a reason that are told; s5cmd adds the answer's bytes
_PDEATHSIG = 1


@dataclass(frozen=True)
class Remote:
    """What the bucket says of one object: its size in bytes and its ETag, the MD5 of what was stored in one part."""

    size: int
    etag: str


@dataclass(frozen=True)
class Transfer:
    """How s5cmd is run: the program, the server, the folder, how many files at once, how long it may receive nothing."""

    tool: Path
    endpoint: str
    folder: Path
    n_workers: int
    timeout_s: float


def copy(transfer: Transfer, names: dict[str, str], remote: dict[str, dict[str, Remote]], tell: Callable[[int], None]) -> str:
    """Copy files below addresses into subfolders of the transfer's -> why it failed, or nothing.

    Files that are there with the right size are not copied again.
    """
    commands = []
    for address, name in names.items():
        (transfer.folder / name).mkdir(exist_ok=True)
        absent = [file for file, one in remote[address].items() if _size(transfer.folder / name / file) != one.size]
        commands += [f"cp '{address}{file}' '{name}/{file}'" for file in absent]
    folders = [transfer.folder / name for name in names.values()]
    return _run(transfer, commands, lambda: _bytes_in(folders), tell)[1] if commands else ""


def listing(transfer: Transfer, addresses: Iterable[str]) -> tuple[dict[str, dict[str, Remote]], str]:
    """Ask what lies below addresses -> by address, every file's name, size and ETag; and why it failed, or nothing."""
    lines, reason = _run(transfer, [f"ls --etag '{address}*'" for address in addresses], lambda: 0, lambda received: None)
    remote_files: dict[str, dict[str, Remote]] = {}
    for line in lines:
        if "key" in line and "size" in line:
            address, _, name = line["key"].rpartition("/")
            if not _NAME.fullmatch(name):
                return {}, f"a file is called {name[:80]!r}"
            remote_files.setdefault(f"{address}/", {})[name] = Remote(int(line["size"]), str(line.get("etag", "")))
    return remote_files, reason


def first_wrong(folder: Path, files: dict[str, Remote]) -> str:
    """Compare a folder with what the bucket says -> what is wrong with the first file that differs, or nothing; it is removed."""
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()  # left over from a copy that was stopped
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
    return ""


def _run(
    transfer: Transfer, commands: list[str], received: Callable[[], int], tell: Callable[[int], None]
) -> tuple[list[dict[str, Any]], str]:
    """Run commands in one process -> what it printed, and why it failed, or nothing."""
    how = ["--no-sign-request", "--json", "--numworkers", str(transfer.n_workers), "--retry-count", "3"]
    with tempfile.TemporaryFile() as answers, tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as asked:
        asked.write("\n".join(commands).encode())
        asked.seek(0)
        process = subprocess.Popen(  # noqa: S603 - our own tool; addresses and names are checked
            [transfer.tool, *how, "--endpoint-url", transfer.endpoint, "run"],
            cwd=transfer.folder,
            stdin=asked,
            stdout=answers,
            stderr=errors,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        try:
            stalled = _watch(process, transfer.timeout_s, received, answers, tell)
        finally:
            process.kill()
            process.wait()
        lines, wrong = _read(answers), _read(errors)
    # What names no operation is a warning, such as of an unknown region.
    failed = [str(line["error"])[:_REASON] for line in wrong if "operation" in line]
    reason = stalled or next(iter(failed), "")
    return lines, reason or ("" if process.returncode == 0 else f"s5cmd ended with {process.returncode}")


def _watch(
    process: "subprocess.Popen[bytes]", timeout_s: float, received: Callable[[], int], answers: Any, tell: Callable[[int], None]
) -> str:
    """Wait for the end of a process, or for a time without a byte -> why it is to be ended, or nothing."""
    before, since = -1, time.monotonic()
    while True:
        try:
            process.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            now = received() + answers.seek(0, 2)
            if now != before:
                before, since = now, time.monotonic()
                tell(received())
            elif time.monotonic() - since > timeout_s:
                return f"nothing was received for {timeout_s:g} s"
        else:
            tell(received())
            return ""


def _end_with_parent() -> None:
    """Let the kernel end this process when its parent is killed."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)


def _read(file: Any) -> list[dict[str, Any]]:
    file.seek(0)
    return [json.loads(line) for line in file.read().decode(errors="replace").splitlines() if line.startswith("{")]


def _bytes_in(folders: Iterable[Path]) -> int:
    return sum(max(_size(path), 0) for folder in folders for path in folder.iterdir())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # not there yet, or given its own name meanwhile
        return -1


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
