"""What the cache remembers of every series that was fetched: from where, when, under which licence, with which hashes."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def write_record(cache_dir: Path, archive: str, uid: str, facts: dict[str, Any]) -> None:
    """Keep what is known of a series, with the time of this moment; it must not hold a secret."""
    record = {"archive": archive, "fetched": datetime.now(UTC).isoformat(timespec="seconds"), **facts}
    place = _place(cache_dir, archive, uid)
    place.parent.mkdir(parents=True, exist_ok=True)
    # Not brought to the disk at once, which takes longer than a series: a record that a power cut damages is read as none.
    temporary = place.with_name(f".{place.name}")
    temporary.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(place)


def read_record(cache_dir: Path, archive: str, uid: str) -> dict[str, Any]:
    """Read what is known of a series; empty where an earlier version of this package fetched it, or the record is damaged."""
    try:
        found = json.loads(_place(cache_dir, archive, uid).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _place(cache_dir: Path, archive: str, uid: str) -> Path:
    return cache_dir / "records" / archive / f"{uid}.json"
