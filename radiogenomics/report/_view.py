"""Any table -> headings and cells as text, ready to be escaped and set."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radiogenomics.figures import estimate, formatting

HEADINGS = {
    "auc": "AUC",
    "auc_first": "AUC of the first",
    "auc_second": "AUC of the second",
    "n": "Patients",
    "ppv": "PPV",
    "npv": "NPV",
    "p_permutation": "p (permuted)",
    "p_max_t": "p (max-T)",
    "p_mann_whitney": "p (Mann-Whitney)",
    "p_outcome": "p (outcome permuted)",
    "p_holm": "p (Holm)",
    "p_proportional": "p (proportional)",
    "hl_chi2": "HL χ²",
    "hl_df": "HL df",
    "hl_p": "HL p",
    "rho": "Spearman ρ",
    "kme": "kME",
    "se": "SE",
    "icc": "ICC",
    "q": "q",
    "p": "p",
    "odds_ratio": "Odds ratio",
    "effect": "Effect (r)",
    "nri": "NRI",
    "nri_p": "NRI p",
    "idi": "IDI",
    "idi_p": "IDI p",
    "mb": "MB",
    "peak_mb": "Peak MB",
    "sha256": "SHA-256",
    "url": "URL",
    "n_repeats": "Draws",
    "mean": "Expected",
}
_MANY = 40  # so many pairs are set as one paragraph
_PROBABILITIES = {"p", "q"}
_SHARES = {
    "threshold",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "accuracy",
    "share",
    "kme",
    "significance",
    "among_strongest",
    "chosen",
}
_MEASURES = ("odds_ratio", "hazard_ratio", "difference", "value", "mean", "icc", "observed", "coefficient")


@dataclass(frozen=True)
class ReportData:
    """A table as it is shown.

    Attributes
    ----------
    caption : str
        What it holds, and what was left out.
    headings : list of str
        One a column.
    numeric : list of bool
        Which columns are set flush right.
    rows : list of list of str
        The cells.
    anchor : str
        Its link; empty without one.
    """

    caption: str
    headings: list[str]
    numeric: list[bool]
    rows: list[list[str]]
    anchor: str = ""


def view(
    table: pd.DataFrame, caption: str, *, columns: Sequence[str] | None = None, most: int = 25, where: str = ""
) -> ReportData:
    """Set a table: estimates with their intervals in one column, p and q as journals write them, the first rows of long ones.

    Parameters
    ----------
    table : DataFrame
        Any table; its index is a column when it has a name.
    caption : str
        What the table holds.
    columns : sequence of str, optional
        The columns to show, those that are missing left out; all without it.
    most : int
        So many rows are shown.
    where : str
        File that has all rows, without its ending (``.csv``, or ``.csv.gz`` of a large table); named when rows are left out.

    Returns
    -------
    View
        Texts, not escaped.
    """
    flat = table.reset_index() if table.index.name is not None else table
    shown = [name for name in (flat.columns if columns is None else columns) if name in flat.columns]
    flat = _named_bounds(flat)
    shown = [f"{_measured(shown)}_{name}" if name in ("low", "high") and _measured(shown) else name for name in shown]
    bounds = {f"{name}_{end}" for name in shown for end in ("low", "high")}
    shown = [name for name in shown if name not in bounds]
    first_rows = flat.head(most)
    texts = [_column(first_rows, name) for name in shown]
    numeric = [pd.api.types.is_numeric_dtype(flat[name]) and not pd.api.types.is_bool_dtype(flat[name]) for name in shown]
    if len(flat) > most:
        caption += f" The first {most} of {len(flat):,} rows" + (f"; all are in {where}." if where else ".")
    headings = [_heading(name, flat) for name in shown]
    return ReportData(caption, headings, numeric, [list(row) for row in zip(*texts, strict=True)])


def _measured(columns: Sequence[Hashable]) -> str:
    """Name the column that plain ``low`` and ``high`` belong to; empty when there is none."""
    return next((name for name in _MEASURES if name in columns and {"low", "high"} <= set(columns)), "")


def _named_bounds(table: pd.DataFrame) -> pd.DataFrame:
    measured = _measured(list(table.columns))
    return table.rename(columns={end: f"{measured}_{end}" for end in ("low", "high")}) if measured else table


def _heading(name: Hashable, table: pd.DataFrame) -> str:
    text = HEADINGS.get(str(name), str(name).replace("_", " "))
    text = text[:1].upper() + text[1:] if text not in _PROBABILITIES and not text.startswith("p (") and text != "kME" else text
    return f"{text} ({'central 95 %' if name == 'mean' else '95 % CI'})" if f"{name}_low" in table.columns else text


def _column(table: pd.DataFrame, name: Hashable) -> list[str]:
    values = table[name].tolist()
    if name == "estimate":
        of = table["signature"] if "signature" in table else [""] * len(values)
        return [estimate(*map(str, pair)).label for pair in zip(values, of, strict=True)]
    if name == "family":
        return [str(value).replace(" x ", " × ") for value in values]
    if str(name) in _PROBABILITIES or str(name).startswith("p_") or str(name).endswith("_p"):
        return [value if isinstance(value, str) else formatting.p_text(value) for value in values]
    if f"{name}_low" in table.columns and f"{name}_high" in table.columns:
        bounds = zip(values, table[f"{name}_low"], table[f"{name}_high"], strict=True)
        write = _WRITTEN.get(str(name), formatting.interval)
        return [write(*triple) for triple in bounds]
    if name in _SHARES:
        return [value if isinstance(value, str) else formatting.amount(value) for value in values]
    return [cell(value) for value in values]


def _counted(mean: float, low: float, high: float) -> str:
    """Write the mean of counts and its bounds, which are counts themselves."""
    return f"{mean:.3g} ({low:.3g}–{high:.3g})" if pd.notna(low) and pd.notna(high) else f"{mean:.3g}"


def _ratio(value: float, low: float, high: float) -> str:
    """Write a ratio and its bounds with two decimals; very large and very small ones with three digits."""
    known = [number for number in (value, low, high) if pd.notna(number)]
    if all(0.005 <= number < 1e4 for number in known):
        return formatting.interval(value, low, high)
    texts = ["–" if pd.isna(number) else "∞" if np.isinf(number) else f"{number:.3g}" for number in (value, low, high)]
    return f"{texts[0]} ({texts[1]}–{texts[2]})"


_WRITTEN: dict[str, Callable[[float, float, float], str]] = {
    "auc": formatting.auc_interval,
    "mean": _counted,
    "odds_ratio": _ratio,
    "hazard_ratio": _ratio,
}
"""How an estimate with its bounds is written, where it is neither a share nor a correlation."""


def cell(value: Any) -> str:
    """Write one value: counts with thousands' separators, measurements with three digits, a missing one as a dash."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, float | np.floating):
        return _number(float(value))
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(cell(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {cell(item)}" for key, item in value.items()) or "none"
    return str(value)


def _number(value: float) -> str:
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value.is_integer() and abs(value) < 1e6:
        return f"{value:,.0f}".replace("-", "−")
    text = f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
    return text.replace("-", "−")


def facts_view(facts: Any, caption: str) -> ReportData:
    """Set a table, mapping or list: records as a table, a few pairs as name and value, many pairs as one paragraph."""
    if isinstance(facts, pd.DataFrame):
        return view(facts, caption, most=200)
    if isinstance(facts, dict) and facts and all(isinstance(value, dict) for value in facts.values()):
        facts = [{"name": key, **value} for key, value in facts.items()]
    if isinstance(facts, list | tuple) and facts and all(isinstance(value, dict) for value in facts):
        return view(pd.DataFrame(list(facts)), caption, most=200)
    pairs = facts.items() if isinstance(facts, dict) else enumerate(facts, 1)
    if len(facts) > _MANY:
        return ReportData(caption, [], [], [[", ".join(f"{key} {cell(value)}" for key, value in pairs)]])
    # A seed or a year is a name, not a count: no thousands' separators here.
    rows = [[str(key), str(value) if type(value) is int else cell(value)] for key, value in pairs]
    return ReportData(caption, ["Name", "Value"], [False, False], rows)
