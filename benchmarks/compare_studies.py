"""Compare the CSVs of two runs of one study: the same numbers to the bit, or a line for every table that differs.

    python benchmarks/compare_studies.py OLD NEW

Run a study before and after a change that must move no number. Columns that were renamed or added since are named below.
"""

import sys
from pathlib import Path

import pandas as pd

RENAMED = {"adjusted_for": "adjustment"}
"""Old name of a column -> its name now."""

ADDED = {"imaging", "molecular", "adjustment", "p_spearman"}
"""Columns that the old tables have not."""

WORDS = {"adjustment": {"none, in the same patients": "", "none, high against low scores": ""}}
"""What stands now where the old column was empty."""


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def difference(old: Path, new: Path) -> str:
    """Say how two tables differ; nothing where they hold the same."""
    if old.read_bytes() == new.read_bytes():
        return ""
    before, after = read(old), read(new)
    for column, words in WORDS.items():
        if column in after:
            after[column] = after[column].replace(words)
    after = after.rename(columns={now: once for once, now in RENAMED.items() if once in before})
    strange = (set(after) - set(before) - ADDED) | (set(before) - set(after))
    if strange or len(before) != len(after):
        return f"columns {', '.join(sorted(strange)) or 'the same'}, {len(before)} and {len(after)} rows"
    unequal = {column: int((before[column] != after[column]).sum()) for column in before}
    return ", ".join(f"{count} values of {column}" for column, count in unequal.items() if count)


def main(old: Path, new: Path) -> int:
    """Print every difference -> how many tables differ."""
    found = 0
    names = [
        {path.relative_to(root) for part in ("tables", "figures") for path in (root / part).glob("*.csv*")} for root in (old, new)
    ]
    for name in sorted(names[0] | names[1]):
        text = (
            difference(old / name, new / name) if name in names[0] & names[1] else f"only in {old if name in names[0] else new}"
        )
        if text:
            found += 1
            print(f"{name}: {text}")
    print(f"{len(names[0] & names[1])} tables compared, {found} differ")
    return found


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])) > 0)
