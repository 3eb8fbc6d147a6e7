"""Columns that say where or when a patient was recorded, and not what was measured: row numbers, identifiers, site codes."""

import re
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency

from radiogenomics._tables import check_patients

LEAK_COLUMNS = ["column", "kind", "detail"]
_NAMED = re.compile(
    r"(^|[^a-z])(site|cent(er|re)(?!.of)|hospital|institut(e|ion)|clinic|scanner|station|manufacturer|vendor|batch|accession)"
    r"s?([^a-z]|$)|(^|[^a-z])(dates?|years?|time.?stamp|enrol?ment|mrn|operator|reader|observer|protocol|fold|split|study.?id)([^a-z]|$)"
    r"|(?-i:[a-z](Date|Time|Year|UID|Number|ID))$|^(study|series|acquisition|content).?(date|time|number|uid|id)|.uid$"
    r"|(field.?strength|software.?version|ac?quisition.?(date|year)|coil.?(name|type|id)|(receive|transmit|breast|rf).?coil)|^(row|index|order|number|no|nr|id)$|(row|serial|case).?(number|no|nr|index|id)$",
    re.IGNORECASE,
)
_MEASURED = re.compile(
    r"^(original|wavelet|log-sigma|square|logarithm|exponential|gradient|lbp|shuffled|kinetics)[_-]", re.IGNORECASE
)
_FEWEST = 8  # rows: fewer stand in ascending order by chance (8: once in 20,160)
_MOST_LEVELS, _MEASURED_SHARE = 12, 0.8
_DENSE = 1.2
_TELLS = 0.01


def find_leaks(features: pd.DataFrame, outcome: "pd.Series[Any] | None" = None) -> pd.DataFrame:
    """Find feature columns that look like a row number, an identifier or a site code -> what is odd about each.

    Such a column can tell the outcome of these patients, since cases and controls were often collected at different places and
    times, and of no others. Nothing is dropped: whoever knows the table decides.

    Parameters
    ----------
    features : DataFrame, shape (n_patients, n_features)
        Features in the order of their file, one row per patient.
    outcome : Series, optional
        Classes of at least some of these patients.

    Returns
    -------
    DataFrame
        ``column, kind, detail``, at most one row per column. ``kind`` is "row number" (whole numbers that count the patients, or
        values that rise or fall with every row), "identifier" (values that rise or fall with the number in the identifiers),
        "site code" (levels that are those of a part of the identifiers) or "suspicious name" (the name says site, centre,
        scanner, batch or row); with `outcome` also "the outcome in disguise" (values that part its two classes without an
        error) and "code that tells the outcome" (whole numbers of 3 to 12 levels, of 2 where most columns hold fractions, with a
        chi-square p below 0.01). Empty where nothing is odd.

    Raises
    ------
    ValueError
        If the table has a patient or a column twice.
    """
    check_patients(features, "features")
    rows, numbers, fewest = [], _numbers(features.index), _fewest_levels(features)
    for name in features.columns:
        values = features[name].cat.codes if isinstance(features[name].dtype, pd.CategoricalDtype) else features[name]
        kind, detail = _suspicion(str(name), values, outcome, numbers, fewest)
        if kind:
            rows.append({"column": name, "kind": kind, "detail": detail})
    return pd.DataFrame(rows, columns=LEAK_COLUMNS)


def _suspicion(
    name: str, values: "pd.Series[Any]", outcome: "pd.Series[Any] | None", numbers: "pd.Series[float]", fewest: int
) -> tuple[str, str]:
    """Say what is odd about one column, the surest sign first; two empty words where nothing is."""
    if not pd.api.types.is_numeric_dtype(values):
        return ("suspicious name", "its name says where or when patients were recorded") if _NAMED.search(name) else ("", "")
    for kind, detail in (_numbering(values, numbers), _part_of_identifiers(values)):
        if kind:
            return kind, detail
    if _NAMED.search(name) and not _MEASURED.search(name):
        return "suspicious name", "its name says where or when patients were recorded"
    kind, detail = _separating(values, outcome)
    return (kind, detail) if kind else _telling(values, outcome, fewest)


def _numbers(patients: pd.Index) -> "pd.Series[float]":
    """Give the last number in each identifier; missing where there is none."""
    digits = [re.findall(r"\d+", str(patient)) for patient in patients]
    return pd.Series([float(found[-1]) if found else np.nan for found in digits], index=patients)


def _numbering(values: "pd.Series[Any]", numbers: "pd.Series[float]") -> tuple[str, str]:
    """Recognise a number of the rows, or of the identifiers."""
    known = values.dropna().astype(float)
    if len(known) < _FEWEST:
        return "", ""
    if _ordered(known.to_numpy()):
        return "row number", f"its {len(known)} values rise or fall with every row"
    numbered = numbers.reindex(known.index)
    if numbered.notna().all() and numbered.is_unique and _ordered(known.to_numpy()[np.argsort(numbered.to_numpy())]):
        return "identifier", "its values rise or fall with the number in the identifiers"
    whole = bool((known == known.round()).all()) and known.nunique() == len(known)
    if whole and known.max() - known.min() + 1 <= _DENSE * len(known):
        return "row number", f"whole numbers from {known.min():g} to {known.max():g} that count the {len(known)} patients"
    return "", ""


def _ordered(values: "np.ndarray[Any, Any]") -> bool:
    steps = np.diff(values)
    return bool((steps > 0).all() or (steps < 0).all())


def _part_of_identifiers(values: "pd.Series[Any]") -> tuple[str, str]:
    """Recognise levels that are those of one part of the identifiers, such as TCGA's two letters of the site."""
    known = values.dropna()
    if not 2 <= known.nunique() <= len(known) / 2:
        return "", ""
    split = [re.findall(r"[A-Za-z]+|\d+", str(patient)) for patient in known.index]
    for place in range(min(len(parts) for parts in split)):
        segment = pd.Series([parts[place] for parts in split], index=known.index)
        if segment.groupby(known).nunique().eq(1).all() and known.groupby(segment).nunique().eq(1).all():
            return "site code", f"its {known.nunique()} levels are those of a part of the identifiers ({_levels(segment)})"
    return "", ""


def _levels(part: "pd.Series[Any]") -> str:
    """Name the first levels of a part of the identifiers."""
    return ", ".join(sorted(part.unique())[:3]) + (", ..." if part.nunique() > 3 else "")


def _separating(values: "pd.Series[Any]", outcome: "pd.Series[Any] | None") -> tuple[str, str]:
    """Recognise a measurement that parts two classes without a single error, as nothing but the outcome itself does."""
    if outcome is None:
        return "", ""
    labels, numbers = outcome.reindex(values.index), values.to_numpy(float, na_value=np.nan)
    both = labels.notna().to_numpy() & ~np.isnan(numbers)
    codes, levels = pd.factorize(labels[both])
    classes = [numbers[both][codes == code] for code in range(len(levels))]
    if len(classes) != 2 or min(map(len, classes)) < _FEWEST:
        return "", ""
    one, two = classes
    if one.max() < two.min() or two.max() < one.min():
        return (
            "the outcome in disguise",
            f"its values separate the {both.sum()} patients into the classes of the outcome without an error",
        )
    return "", ""


def _fewest_levels(features: pd.DataFrame) -> int:
    """Say how few levels make a code: two among measurements, three where other columns are clinical words turned to numbers."""
    numbers = features.select_dtypes("number").to_numpy(dtype=float, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        fractions = (np.nan_to_num(numbers, posinf=0.0, neginf=0.0) % 1 != 0).any(axis=0)
    return 2 if fractions.size and fractions.mean() >= _MEASURED_SHARE else 3


def _telling(values: "pd.Series[Any]", outcome: "pd.Series[Any] | None", fewest: int) -> tuple[str, str]:
    """Recognise a code that tells the outcome: a few whole numbers."""
    known = values.dropna()
    if outcome is None or not fewest <= known.nunique() <= _MOST_LEVELS or not (known == known.round()).all():
        return "", ""
    both = known.index.intersection(outcome.dropna().index)
    table = pd.crosstab(known.loc[both], outcome.loc[both])
    if min(table.shape) < 2:
        return "", ""
    p = float(chi2_contingency(table)[1])
    if p >= _TELLS:
        return "", ""
    return (
        "code that tells the outcome",
        f"{known.nunique()} whole numbers (chi-square p {p:.2g}): a grade, or a code of site or time?",
    )
