"""Counts, TPM, FPKM or z-scores -> a log matrix of patients x genes, with what was dropped and why."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, decision_table, log_decisions
from radiogenomics._tables import check_choice, check_numeric, check_patients, summarise
from radiogenomics.expression.imputation import Imputation, impute, imputed

if TYPE_CHECKING:
    import anndata as ad

Floats = NDArray[np.float64]
Unit = Literal["counts", "tpm", "fpkm", "log2", "zscore"]
_FEWEST_VALUES = 4
_LARGEST_LOG, _NEARLY_ALL, _ENOUGH = 30.0, 0.999, 500  # two to the power of 30 is a thousand million: no expression lies above

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """An expression matrix ready for modules and pathways.

    Attributes
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        On a log2 scale, or z-scores as given.
        Complete: missing values are imputed.
    dropped : DataFrame
        Index 'gene'; column ``reason``: constant, low mean, or missing values.
    clipped : int
        How many values the clipping changed.
    measured : DataFrame, shape (n_patients, n_genes)
        The same before imputation, NaN where missing, for methods that mind missing values themselves, as modules do.
    decisions : DataFrame
        Columns ``what, where, count, why``: genes dropped, values imputed and clipped.
    """

    expression: pd.DataFrame
    dropped: pd.DataFrame
    clipped: int
    measured: pd.DataFrame
    decisions: pd.DataFrame


def prepare(
    expression: pd.DataFrame,
    *,
    unit: Unit,
    clip: float | None = None,
    min_mean: float | None = None,
    linked: pd.Index | None = None,
    imputation: Imputation = "knn",
) -> Prepared:
    """Bring an expression matrix to the scale that modules and pathways work on.

    Counts become log2 counts per million with TMM factors (prior count 2, as edgeR's ``cpm(log=TRUE)``), TPM and FPKM become
    log2(x + 1), log2 and z-scores stay.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        Index 'patient'.
    unit : {'counts', 'tpm', 'fpkm', 'log2', 'zscore'}
        What the numbers are.
    clip : float, optional
        Values beyond +-clip are set to it; for z-scores only (cBioPortal's reach 36,893).
    min_mean : float, optional
        Genes whose mean on the log scale is below are dropped; refused for z-scores, whose mean says nothing.
    linked : Index, optional
        The patients that will be linked to images; genes constant among them are dropped.
    imputation : {'knn', 'median'}
        What stands in for a missing value: the mean of the 10 nearest genes that the patient has (Euclidean distance over
        the patients both genes have, weighted up for the others), or the gene's median.

    Returns
    -------
    Prepared
        The matrix, the dropped genes with the reason, the number of clipped values, and what was decided. A gene with more
        than half of its values missing, or fewer than four, is dropped, as R WGCNA's ``goodSamplesGenes`` does; the rest stay.

    Raises
    ------
    ValueError
        If a choice does not fit the unit, counts are negative or the matrix holds infinite values.

    References
    ----------
    .. [1] Robinson MD, Oshlack A (2010). A scaling normalization method for differential expression analysis of RNA-seq
       data. Genome Biology 11:R25. doi:10.1186/gb-2010-11-3-r25
    .. [2] Troyanskaya O et al. (2001). Missing value estimation methods for DNA microarrays. Bioinformatics 17:520-525.
       doi:10.1093/bioinformatics/17.6.520
    """
    check_choice(unit, "unit", get_args(Unit))
    check_choice(imputation, "imputation", get_args(Imputation))
    check_numeric(check_patients(expression, "expression"), "expression", missing=True)
    check_unit(expression, unit=unit, clip=clip, min_mean=min_mean)
    matrix = _to_log(expression, unit)
    clipped = int((matrix.abs() > clip).to_numpy().sum()) if clip is not None else 0
    matrix = matrix.clip(-clip, clip) if clip is not None else matrix
    dropped = _reasons(matrix, min_mean, linked)
    measured = matrix.drop(columns=dropped.index)
    if measured.columns.empty:
        raise InputError(
            f"no gene is left of {matrix.shape[1]}: {dropped['reason'].value_counts().to_dict()}; "
            "relax min_mean or check the unit."
        )
    decisions = [*doubt_unit(expression, unit=unit), *_said(matrix, dropped, clipped, clip), *imputed(measured, imputation)]
    log_decisions(decisions, logger)
    return Prepared(impute(measured, method=imputation), dropped, clipped, measured, decision_table(decisions))


def _said(matrix: pd.DataFrame, dropped: pd.DataFrame, clipped: int, clip: float | None) -> list[Decision]:
    """Tell which genes are dropped and how many values are clipped."""
    said = [
        Decision("genes dropped", "expression", len(genes), f"{reason}: {summarise(genes.index, 3)}")
        for reason, genes in dropped.groupby("reason")
    ]
    if clipped:
        said.append(Decision("values clipped", "expression", clipped, f"beyond {clip:g} or -{clip:g}, of {matrix.size} values"))
    return said


def tmm_factors(counts: pd.DataFrame) -> pd.Series:
    """Trimmed mean of M-values: normalisation factors of library sizes, as edgeR's ``calcNormFactors``.

    Parameters
    ----------
    counts : DataFrame, shape (n_patients, n_genes)
        Raw counts.

    Returns
    -------
    Series, shape (n_patients,)
        Factors whose geometric mean is 1.

    Raises
    ------
    ValueError
        If a patient has no counts at all.

    References
    ----------
    .. [1] Robinson MD, Oshlack A (2010). Genome Biology 11:R25. doi:10.1186/gb-2010-11-3-r25
    """
    values = counts.to_numpy(float)
    values = values[:, values.sum(axis=0) > 0]
    sizes = values.sum(axis=1)
    empty = counts.index[sizes == 0]
    if len(empty):
        raise InputError(
            f"Patient(s) {summarise(empty)} have no counts at all ({len(empty)} of {len(counts)}); leave them out, or read "
            "their file again: a library without reads has no size to divide by."
        )
    # The reference is the sample whose upper quartile is nearest to the mean upper quartile.
    quartiles = np.quantile(values, 0.75, axis=1) / sizes
    reference = int(np.argmin(np.abs(quartiles - quartiles.mean())))
    raw = np.array([_tmm(row, values[reference], size, sizes[reference]) for row, size in zip(values, sizes, strict=True)])
    return pd.Series(raw / np.exp(np.log(raw).mean()), index=counts.index, name="tmm")


def log_cpm(counts: pd.DataFrame, *, prior: float = 2.0) -> pd.DataFrame:
    """Log2 counts per million on TMM library sizes, as edgeR's ``cpm(log = TRUE)``.

    Parameters
    ----------
    counts : DataFrame, shape (n_patients, n_genes)
        Raw counts.
    prior : float
        Count added to each, scaled by library size.

    Returns
    -------
    DataFrame, shape (n_patients, n_genes)
        log2 CPM.
    """
    sizes = (counts.sum(axis=1) * tmm_factors(counts)).to_numpy()[:, None]
    scaled = prior * sizes / sizes.mean()
    values = np.log2((counts.to_numpy(float) + scaled) / (sizes + 2 * scaled) * 1e6)
    return pd.DataFrame(values, index=counts.index, columns=counts.columns)


def to_anndata(expression: pd.DataFrame | Prepared, patients: pd.DataFrame | None = None) -> "ad.AnnData":
    """Wrap a matrix and its patients for scanpy -> AnnData, patients x genes.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes), or Prepared
        One row per patient; or what `prepare` returned. AnnData names the patients in words, levels of an index joined by "_".
    patients : DataFrame, optional
        Columns to carry in ``obs``.

    Returns
    -------
    AnnData
        ``X`` the matrix, ``obs`` the patients, ``var`` the genes. Of what `prepare` returned, the layer ``measured`` holds the
        values before imputation, NaN where missing, and ``uns`` the decisions and the genes that were left out.
    """
    import anndata as ad

    if isinstance(expression, Prepared):
        made = to_anndata(expression.expression, patients)
        made.layers["measured"] = expression.measured.to_numpy(float)
        made.uns |= {"decisions": expression.decisions, "dropped": expression.dropped}
        return made
    obs = pd.DataFrame(index=expression.index) if patients is None else patients.reindex(expression.index)
    patients_named = expression.index.map(lambda name: "_".join(map(str, name)) if isinstance(name, tuple) else str(name))
    obs = obs.set_axis(patients_named)
    return ad.AnnData(X=expression.to_numpy(float), obs=obs, var=pd.DataFrame(index=expression.columns.astype(str)))


def check_unit(expression: pd.DataFrame, *, unit: Unit, clip: float | None = None, min_mean: float | None = None) -> None:
    """Check that numbers and choices fit the unit they are said to be in.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        As it stands in the file.
    unit, clip, min_mean
        As in `prepare`.

    Raises
    ------
    ValueError
        If a filter does not fit the unit, counts, TPM or FPKM are negative, or z-scores are far out and not clipped.
    """
    if unit == "zscore" and min_mean is not None:
        raise InputError(f"min_mean = {min_mean} does not fit unit 'zscore', whose genes all have mean near 0; leave it out.")
    if unit != "zscore" and clip is not None:
        raise InputError(f"clip = {clip} is for unit 'zscore' only, the unit is {unit!r}; leave it out.")
    if unit in ("counts", "tpm", "fpkm") and (expression.to_numpy() < 0).any():
        raise InputError(
            f"unit {unit!r} cannot be negative, the smallest value is {expression.min().min():g}; is the unit 'log2' or 'zscore'?"
        )
    if unit == "counts" and expression.isna().to_numpy().any():
        row, column = np.argwhere(expression.isna().to_numpy())[0]
        raise InputError(
            f"{int(expression.isna().to_numpy().sum())} counts are missing, the first of patient {expression.index[row]!r} and "
            f"gene {expression.columns[column]!r}, so that library sizes are "
            "not known; write 0 where no read was found, or leave the genes out."
        )
    if unit == "zscore" and clip is None and expression.abs().max().max() > 100:
        raise InputError(
            f"z-scores reach {expression.abs().max().max():,.0f}; give clip = 4 so that single patients do not rule every gene."
        )


def doubt_unit(expression: pd.DataFrame, *, unit: Unit) -> list[Decision]:
    """Tell where the range of an expression matrix speaks against its unit: logarithms taken twice, or never.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        As it stands in the file.
    unit : {'counts', 'tpm', 'fpkm', 'log2', 'zscore'}
        What the numbers are said to be.

    Returns
    -------
    list of Decision
        One, or none where the range fits or the matrix is too small to say.
    """
    values = expression.to_numpy(float)
    known = values[np.isfinite(values)]
    if known.size < _ENOUGH or known.min() < 0:
        return []
    high = float(np.quantile(known, _NEARLY_ALL))
    if unit == "log2" and high > _LARGEST_LOG:
        why = f"unit is 'log2', but values reach {known.max():,.6g}, which no log2 scale does: is it 'tpm', 'fpkm' or 'counts'?"
    elif unit in ("counts", "tpm", "fpkm") and high <= _LARGEST_LOG and (known != np.round(known)).any():
        why = f"unit is {unit!r}, but values lie below {known.max():.6g}, as logarithms do, and are logged again: is it 'log2'?"
    else:
        return []
    return [Decision("unit doubted", "expression", int(known.size), why)]


def _to_log(expression: pd.DataFrame, unit: Unit) -> pd.DataFrame:
    if unit == "counts":
        return log_cpm(expression)
    return expression.add(1).apply(np.log2) if unit in ("tpm", "fpkm") else expression


def _reasons(matrix: pd.DataFrame, min_mean: float | None, linked: pd.Index | None) -> pd.DataFrame:
    among = matrix if linked is None else matrix.loc[matrix.index.intersection(linked)]
    reason = pd.Series("", index=matrix.columns)
    if min_mean is not None:
        reason[matrix.mean() < min_mean] = f"mean below {min_mean:g}"
    reason[_constant(among)] = "constant among the patients with images"
    reason[_constant(matrix)] = "constant"
    reason[_sparse(matrix)] = "more than half of its values are missing"
    return reason[reason != ""].rename("reason").rename_axis("gene").to_frame()


def _sparse(matrix: pd.DataFrame) -> pd.Series:
    """Tell genes with more than half of their values missing, or fewer than four, as R WGCNA's ``goodGenes`` has it."""
    known = matrix.notna().sum()
    return (known < len(matrix) / 2) | (known < min(_FEWEST_VALUES, len(matrix)))


def _constant(matrix: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell columns without variation, but for rounding."""
    values = matrix.to_numpy(float)
    with np.errstate(invalid="ignore"):
        spread = np.nanmax(values, axis=0, initial=-np.inf) - np.nanmin(values, axis=0, initial=np.inf)
        size = np.maximum(1.0, np.abs(np.nanmax(values, axis=0, initial=-np.inf)))
    return np.asarray(spread <= 1e-9 * size)


def _tmm(sample: Floats, reference: Floats, size: float, reference_size: float) -> float:
    """Weighted mean of log ratios, 30 % trimmed on each side by ratio and 5 % by mean intensity (Robinson & Oshlack 2010)."""
    both = (sample > 0) & (reference > 0)
    p, q = sample[both] / size, reference[both] / reference_size
    ratio, intensity = np.log2(p / q), (np.log2(p) + np.log2(q)) / 2  # as edgeR: rounding decides between ties
    if ratio.size == 0 or np.abs(ratio).max() < 1e-6:
        return 1.0
    variance = (1 - p) / sample[both] + (1 - q) / reference[both]
    kept = _inner(ratio, 0.3) & _inner(intensity, 0.05)
    return float(2 ** (np.sum(ratio[kept] / variance[kept]) / np.sum(1 / variance[kept])))


def _inner(values: Floats, trim: float) -> NDArray[np.bool_]:
    from scipy.stats import rankdata

    low = np.floor(values.size * trim) + 1
    ranks = rankdata(values)
    return np.asarray((ranks >= low) & (ranks <= values.size + 1 - low))
