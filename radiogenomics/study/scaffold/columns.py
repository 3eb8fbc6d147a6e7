"""The columns of one's own tables -> which is lesion volume, and which clinical ones describe, adjust and predict."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radiogenomics import linking

_UNIT = r"[\s_.-]*[(\[]?(mm|cm|cc|ml)?[\^]?[3³]?[)\]]?"
_VOLUMES = (
    rf"(tumou?r|lesion|mass|roi|gtv|total|functional tumou?r|whole tumou?r)?[\s_.-]*vol(ume)?{_UNIT}",
    rf"ftv{_UNIT}",
    r"(.*[\s_.-])?original[_.]shape[_.]meshvolume",
    r"(.*[\s_.-])?original[_.]shape[_.]voxelvolume",
    r"(.*[\s_.-])?original[_.]shape[_.]volume",
    r"(.*[\s_.-])?(shape|morph|morphological|morphology)[\s_.-]*(volume|vol|meshvolume|voxelvolume)([\s_.-].*)?",
    r"(.*[^a-z])?(lesion|tumou?r|mass|nodule)[\s_.-]*vol(ume)?([^a-z].*)?",
    r"volume[\s_.(-].*",
)
"""How columns of lesion volume are named, the surest first."""

_NO_VOLUME = re.compile(
    r"(?i)surface|ratio|change|percent|wavelet|\blog|logarithm|square|gradient|exponential|enhancing|density|shuffled"
)
_BASELINE = re.compile(
    r"(?i)^age|[\s_.-]age([\s_.-]|$)|sex|gender|menopaus|race|ethnic|smok|pack.?years|bmi|weight|grade|stage|histolog|subtype"
    r"|pam50|(^|[\s_.-])(er|pr|her2|hr|ki.?67|egfr|kras|alk)([\s_.-]|$)|receptor|size|site|scanner|manufacturer|field.?strength"
)
_LATER = re.compile(
    r"(?i)surviv|death|dead|deceased|follow.?up|recur|relapse|progress|alive|vital|last.contact|days?.to|time.to|adjuvant|therap"
    r"|treat|chemo|radiation|(^|[\s_.-])(os|pfs|dfs|dfi|dss|rfs|pcr)([\s_.-]|$)|response|event|quit"
)
_NO_BASELINE = re.compile(r"(?i)date|uuid|barcode|(^|[\s_.-])(id|ids|code)$|comment|notes?$")
_SIZE = "lesion volume"
_MOST_COLUMNS = 12
_MOST_LEVELS = 8
_FEWEST_IN_LEVEL = 5
_KNOWN = 0.8
_EVENTS_A_TERM = 10
_MOST_FUSED_LEVELS = 4


@dataclass(frozen=True)
class Baseline:
    """What the clinical columns are good for.

    Attributes
    ----------
    columns : list of str
        Those that describe patients: known of most, varying, known before the outcome.
    left_out : dict of str to str
        The others, and why.
    covariates : list of str
        Those that links are adjusted for.
    fusion : list of str
        Those that a fusion may use: complete, and as many as the outcome's smaller class pays for.
    """

    columns: list[str]
    left_out: dict[str, str]
    covariates: list[str]
    fusion: list[str]


def volume_column(table: pd.DataFrame) -> tuple[str | None, list[str]]:
    """Find the column of lesion volume by its name -> the column or None, and what else was considered and why not."""
    said = []
    for pattern in _VOLUMES:
        for name in table.columns:
            if _NO_VOLUME.search(str(name)) or not re.fullmatch(pattern, str(name).strip(), re.IGNORECASE):
                continue
            values = table[name]
            if reason := _no_volume(values):
                said.append(f"{name!r} {reason}")
            else:
                negative = ["it has negative values, so that it seems standardised: right for ranks and models, no mm3"]
                return str(name), [*said, *(negative if (values < 0).any() else [])]
    return None, list(dict.fromkeys(said))


def _no_volume(values: pd.Series) -> str:
    if not pd.api.types.is_numeric_dtype(values):
        return "holds words"
    if values.isna().any():
        return f"is missing for {int(values.isna().sum())} patients"
    return "" if values.nunique() > 1 else "is the same in every patient"


def baseline(
    clinical: pd.DataFrame, outcome: pd.Series, *, outcome_column: str, sized: bool = False, taken: Sequence[str] = ()
) -> Baseline:
    """Choose clinical columns for a study of an outcome.

    Parameters
    ----------
    clinical : DataFrame
        Every column, one row per patient.
    outcome : Series
        1 or 0 of the patients who will be in.
    outcome_column : str
        The column that the outcome was taken from.
    sized : bool
        Whether links are adjusted for lesion volume too.
    taken : sequence of str
        Names that the study uses itself.

    Returns
    -------
    Baseline
        The choice, with a reason for every column that is not in it.
    """
    table = clinical.reindex(outcome.index)
    reasons = {str(name): _unfit(table[name], outcome) for name in table.columns if name != outcome_column}
    reasons |= {name: "the study uses this name itself" for name in reasons if name in taken}
    fit = [name for name, reason in reasons.items() if not reason]
    known = [name for name in fit if _BASELINE.search(name)]
    ordered = fit if len(fit) <= _MOST_COLUMNS else known[:_MOST_COLUMNS] or fit[:_MOST_COLUMNS]
    reasons |= {name: "the table has many columns; add it if it matters" for name in fit if name not in ordered}
    columns = [name for name in fit if not reasons[name]]
    beside = pd.DataFrame({_SIZE: 0.0} if sized else {}, index=table.index)
    affordable = linking.affordable_covariates(pd.concat([beside, linking.find_confounders(table[columns])], axis=1))
    covariates = affordable.columns.drop(_SIZE, errors="ignore")
    fused = _fused(table[[name for name in columns if name in known]], outcome)
    return Baseline(columns, {name: reason for name, reason in reasons.items() if reason}, list(covariates), fused)


def _unfit(values: pd.Series, outcome: pd.Series) -> str:
    """Say why a column does not describe patients before the outcome; nothing where it does."""
    name = str(values.name)
    if _LATER.search(name):
        return "known only later, judging by its name: follow-up or treatment"
    if _NO_BASELINE.search(name):
        return "by its name a date or an identifier"
    if values.notna().mean() < _KNOWN:
        return "missing for more than one in five patients"
    if values.nunique() < 2:
        return "the same in every patient"
    if np.isinf(pd.to_numeric(values, errors="coerce")).any():
        return "holds infinite values"
    if not pd.api.types.is_numeric_dtype(values) and values.nunique() > _MOST_LEVELS:
        return f"words with more than {_MOST_LEVELS} levels"
    return "it tells the outcome" if _tells(values, outcome) else ""


def _tells(values: pd.Series, outcome: pd.Series) -> bool:
    """Tell whether every level of a column has one outcome only."""
    groups = outcome.groupby(values)
    return bool(values.nunique() <= _MOST_LEVELS and (groups.nunique() <= 1).all())


def _fused(table: pd.DataFrame, outcome: pd.Series) -> list[str]:
    """Choose columns for a fusion: complete, no rare level, no combination of others, one term for ten of the smaller class."""
    left = int(outcome.value_counts().min()) // _EVENTS_A_TERM - 1 if outcome.nunique() == 2 else 0
    columns: list[str] = []
    design = np.ones((len(table), 1))
    for name in table.columns:
        terms = _terms(table[name])
        if terms is None or terms.shape[1] > left:
            continue
        wider = np.hstack([design, terms])
        if np.linalg.matrix_rank(wider) == wider.shape[1]:
            columns, design, left = [*columns, str(name)], wider, left - terms.shape[1]
    return columns


def _terms(values: pd.Series) -> np.ndarray | None:
    """Give the columns of a model, standardised; None where the column cannot be in one."""
    if values.isna().any():
        return None
    if pd.api.types.is_numeric_dtype(values):
        return ((values - values.mean()) / values.std()).to_numpy(dtype=float)[:, None] if values.nunique() > 2 else None
    levels = values.value_counts()
    if len(levels) > _MOST_FUSED_LEVELS or levels.min() < _FEWEST_IN_LEVEL:
        return None
    return pd.get_dummies(values).iloc[:, 1:].to_numpy(dtype=float)
