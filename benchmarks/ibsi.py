"""Measure the radiomic features against IBSI 1 and PyRadiomics' baselines: python benchmarks/ibsi.py [--shared FOLDER].

Writes docs/features_ibsi.csv and the tables of docs/features.md that stand between its marks.
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from radiogenomics._files import write_text
from tests.helpers import feature_references as references

ROOT = Path(__file__).resolve().parents[1]
FIRST = references.AGGREGATIONS[0].name


def feature_lines(table: pd.DataFrame) -> list[str]:
    """The 107 features, one line each."""
    lines = ["| PyRadiomics | IBSI 1 | PyRadiomics' value | verdict |", "|---|---|---|---|"]
    rows = table[table["feature"].ne("") & table["aggregation"].isin(["", FIRST])]
    for row in rows.sort_values("feature", kind="stable").to_dict("records"):
        words = ": ".join(part for part in (row["verdict"], row["reason"]) if part)
        name = row["feature"].removeprefix("original_")
        tag = f"`{row['ibsi']}`" if row["ibsi"] else ""
        lines.append(f"| {name} | {tag} | {row['value']:.6g} | {words} |")
    return lines


def aggregation_lines(table: pd.DataFrame) -> list[str]:
    """How many values equal IBSI's at each aggregation that PyRadiomics can be set to."""
    lines = ["| IBSI's aggregation | PyRadiomics' settings | values | equal |", "|---|---|---|---|"]
    for each in references.AGGREGATIONS:
        rows = table[table["aggregation"] == each.name]
        settings = ", ".join(f"`{key}: {str(value).lower()}`" for key, value in each.settings.items()) or "as in the package"
        lines.append(f"| {each.name} | {settings} | {len(rows)} | {(rows['verdict'] == 'equal').sum()} |")
    return lines


def absent_lines(table: pd.DataFrame) -> list[str]:
    """IBSI's values for which PyRadiomics has no feature, by reason."""
    lines = ["| why | values | IBSI's features |", "|---|---|---|"]
    for reason, rows in table[table["feature"].eq("")].groupby("reason", sort=True):
        stems = sorted({re.sub("_(2D|2_5D|3D)(_avg|_comb)?$", "", tag) for tag in rows["ibsi"]})
        if len(stems) > 21:  # the texture families as a whole
            stems = sorted({stem.split("_")[0] + "_*" for stem in stems})
        shown = ", ".join(f"`{stem}`" for stem in stems)
        lines.append(f"| {reason} | {len(rows)} | {shown} |")
    return lines


def baseline_lines(folder: Path, images: Path, scratch: Path) -> list[str]:
    """The worst relative difference from the published baselines, per class and image."""
    lines = [f"| class | features | settings | {' | '.join(references.IMAGES)} |", "|---" * (3 + len(references.IMAGES)) + "|"]
    found = references.measured_baselines(folder, images, scratch)
    for kind in references.CLASSES:
        columns = references.baselines(folder, kind)
        worst = dict.fromkeys(references.IMAGES, 0.0)
        for column in columns:
            difference = found[kind, column.column]["difference"]
            if difference.isna().any():
                raise ValueError(f"{column.column} lacks {difference.index[difference.isna()].tolist()} of {kind}")
            worst[column.image] = max(worst[column.image], difference.max())
        settings = len(columns) // len(references.IMAGES)
        cells = " | ".join(f"{value:.1e}" if value else "0" for value in worst.values())
        lines.append(f"| {kind} | {len(columns[0].features)} | {settings} | {cells} |")
    return lines


def fill(text: str, name: str, lines: list[str]) -> str:
    """Put lines between the marks of a name."""
    begin, end = f"<!-- {name}: benchmarks/ibsi.py -->", f"<!-- /{name} -->"
    head, _, rest = text.partition(begin)
    _, mark, tail = rest.partition(end)
    if not mark:
        raise ValueError(f"docs/features.md has no place for {name!r}: add {begin} and {end}")
    return head + begin + "\n" + "\n".join(lines) + "\n" + end + tail


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="holds reference/ and real/")
    shared = parser.parse_args().shared
    page = ROOT / "docs" / "features.md"
    with tempfile.TemporaryDirectory() as scratch:
        values, voxels = references.ibsi_values(shared / "reference"), references.phantom_voxels(shared / "reference")
        table = references.ibsi_table(values, references.measured_phantom(shared / "reference", Path(scratch)), voxels)
        lines = baseline_lines(shared / "reference", shared / "real" / "images", Path(scratch))
    order = ["feature", "ibsi", "aggregation", "value", "verdict", "reason"]
    table[order].to_csv(ROOT / "docs" / "features_ibsi.csv", index=False, float_format="%.10g")
    text = page.read_text()
    for name, content in {
        "ibsi": feature_lines(table),
        "aggregations": aggregation_lines(table),
        "absent": absent_lines(table),
        "baselines": lines,
    }.items():
        text = fill(text, name, content)
    write_text(page, text)


if __name__ == "__main__":
    main()
