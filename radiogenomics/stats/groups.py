"""Do groups differ: two-sample tests with effect sizes, tests of contingency tables, and Table 1 of a paper."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, chndtrinc, gammaln, ndtri, stdtr

from radiogenomics._errors import InputError
from radiogenomics._tables import summarise
from radiogenomics.stats._checks import Floats, Ints, confidence_of, numbers, place, same_patients
from radiogenomics.stats.roc import auc

_TABLES = 5_000_000  # contingency tables that an exact test may enumerate
_TABLE_ONE = {"Missing": "missing", "Overall": "overall", "P-Value": "p", "Test": "test"}
_EXACT = 50  # R's wilcox.test is exact below this size of both samples


@dataclass(frozen=True)
class GroupTest:
    """A test of two samples or of a contingency table, with its effect size.

    Attributes
    ----------
    test : str
        What was done, as a table's footnote would name it.
    statistic, df, p : float
        The test; NaN where there is no statistic or no degrees of freedom.
    effect_name : str
        Which effect size follows.
    effect, effect_low, effect_high : float
        Effect size and its interval.
    n : int
        Subjects.
    """

    test: str
    statistic: float
    df: float
    p: float
    effect_name: str
    effect: float
    effect_low: float
    effect_high: float
    n: int


def mann_whitney(first: npt.ArrayLike, second: npt.ArrayLike, *, confidence: float = 0.95) -> GroupTest:
    """Two samples -> Mann-Whitney test and rank-biserial correlation.

    Exact when both samples are smaller than 50 and no value is tied, else normal with continuity correction, as R's
    ``wilcox.test(first, second)``, whose W is the statistic.

    Parameters
    ----------
    first, second : array or Series, shape (n_first,) and (n_second,)
        The samples.
    confidence : float
        Confidence level of the effect's interval.

    Returns
    -------
    GroupTest
        The rank-biserial correlation is twice the area under the ROC curve less one, positive where the first sample is
        larger, with DeLong's interval.

    Raises
    ------
    ValueError
        If a value is missing or a sample is empty.

    References
    ----------
    Mann HB, Whitney DR (1947). Annals of Mathematical Statistics 18:50. doi:10.1214/aoms/1177730491
    """
    from scipy.stats import mannwhitneyu

    one, two = numbers(first, "first"), numbers(second, "second")
    both = np.concatenate([one, two])
    exact = max(one.size, two.size) < _EXACT and np.unique(both).size == both.size
    if np.ptp(both) == 0:
        raise InputError(f"`first` and `second` hold {both[0]:g} only; a comparison needs values that differ.")
    result = mannwhitneyu(one, two, method="exact" if exact else "asymptotic")
    area = auc(np.repeat([1, 0], [one.size, two.size]), both, confidence=confidence)
    effect, low, high = (2 * value - 1 for value in (area.auc, area.low, area.high))
    name = "Mann-Whitney" + (", exact" if exact else "")
    return GroupTest(
        name, float(result.statistic), np.nan, float(result.pvalue), "rank-biserial correlation", effect, low, high, both.size
    )


def t_test(first: npt.ArrayLike, second: npt.ArrayLike, *, equal_variance: bool = False, confidence: float = 0.95) -> GroupTest:
    """Two samples -> Welch's or Student's t test and Hedges' g.

    Parameters
    ----------
    first, second : array or Series, shape (n_first,) and (n_second,)
        The samples.
    equal_variance : bool
        Whether to assume one variance (Student) or not (Welch), as ``var.equal`` of R's ``t.test``.
    confidence : float
        Confidence level of the effect's interval.

    Returns
    -------
    GroupTest
        Hedges' g is the difference of means over the pooled standard deviation, corrected for small samples, positive
        where the first sample is larger; its interval is the large-sample one of Hedges & Olkin (1985).

    Raises
    ------
    ValueError
        If a value is missing, a sample has fewer than two values, or neither sample varies.

    References
    ----------
    Welch BL (1947). Biometrika 34:28. doi:10.1093/biomet/34.1-2.28
    Hedges LV (1981). Journal of Educational Statistics 6:107. doi:10.3102/10769986006002107
    """
    one, two = _two_values(first, "first"), _two_values(second, "second")
    sizes, variances = np.array([one.size, two.size]), np.array([one.var(ddof=1), two.var(ddof=1)])
    difference, total = float(one.mean() - two.mean()), int(sizes.sum())
    pooled = float((sizes - 1) @ variances / (total - 2))
    if pooled == 0:
        raise InputError(f"`first` is {one[0]:g} and `second` {two[0]:g} throughout; a t test needs values that vary.")
    parts = (pooled if equal_variance else variances) / sizes
    df = total - 2.0 if equal_variance else float(parts.sum() ** 2 / (parts**2 / (sizes - 1)).sum())
    t = difference / float(np.sqrt(parts.sum()))
    # Hedges' exact correction by the gamma function.
    half = (total - 2) / 2
    g = difference / pooled**0.5 * float(np.exp(gammaln(half) - gammaln(half - 0.5))) / half**0.5
    se = float(np.sqrt(total / sizes.prod() + g**2 / (2 * total)))
    return _t_result("Student's t" if equal_variance else "Welch's t", t, df, "Hedges' g", g, se, confidence, total)


def paired_t_test(first: npt.ArrayLike, second: npt.ArrayLike, *, confidence: float = 0.95) -> GroupTest:
    """Two measurements of the same subjects -> paired t test and the standardised mean difference.

    Parameters
    ----------
    first, second : array or Series, shape (n,)
        The measurements, subject by subject.
    confidence : float
        Confidence level of the effect's interval.

    Returns
    -------
    GroupTest
        Cohen's d_z is the mean difference over the standard deviation of the differences, positive where the first is
        larger, with its large-sample interval.

    Raises
    ------
    ValueError
        If a value is missing, lengths or labels differ, there are fewer than two pairs, or all differences are equal.

    References
    ----------
    Student (1908). Biometrika 6:1. doi:10.2307/2331554
    """
    one, two = _two_values(first, "first"), _two_values(second, "second")
    same_patients(second, first, "second", "first")
    difference = one - two
    n, sd = difference.size, float(difference.std(ddof=1))
    if sd == 0:
        raise InputError(f"`first` less `second` is {difference[0]:g} throughout; a paired t test needs differences that vary.")
    d = float(difference.mean()) / sd
    se = (1 / n + d**2 / (2 * n)) ** 0.5
    return _t_result("paired t", d * n**0.5, n - 1.0, "Cohen's d_z", d, se, confidence, n)


def chi_square(first: npt.ArrayLike, second: npt.ArrayLike, *, continuity: bool = True, confidence: float = 0.95) -> GroupTest:
    """Two categorical columns -> Pearson's chi-square test and Cramer's V.

    Parameters
    ----------
    first, second : array or Series, shape (n,)
        Categories of each subject.
    continuity : bool
        Yates' correction of a 2 x 2 table, as ``correct`` of R's ``chisq.test``; larger tables have none.
    confidence : float
        Confidence level of the effect's interval.

    Returns
    -------
    GroupTest
        Cramer's V of the uncorrected statistic, its interval from the noncentral chi-square (Smithson 2003).

    Raises
    ------
    ValueError
        If a category is missing, lengths or labels differ, or a column has one category only.

    References
    ----------
    Cramer H (1946). Mathematical Methods of Statistics. Princeton University Press.
    Smithson M (2003). Confidence Intervals. Sage. doi:10.4135/9781412983761
    """
    table = _crosstab(first, second)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    gap = np.abs(table - expected)
    corrected = continuity and table.shape == (2, 2)
    statistic = float(((gap - (np.minimum(0.5, gap) if corrected else 0)) ** 2 / expected).sum())
    df = (table.shape[0] - 1) * (table.shape[1] - 1)
    name = "chi-square" + (" with continuity correction" if corrected else "")
    return GroupTest(name, statistic, df, float(chdtrc(df, statistic)), *_cramer(table, confidence), int(table.sum()))


def fisher_exact(first: npt.ArrayLike, second: npt.ArrayLike, *, confidence: float = 0.95) -> GroupTest:
    """Two categorical columns, one of them with two categories -> Fisher's exact test.

    The p value adds the probabilities of all tables with the same margins that are no more probable than the observed one,
    as R's ``fisher.test``.

    Parameters
    ----------
    first, second : array or Series, shape (n,)
        Categories of each subject.
    confidence : float
        Confidence level of the effect's interval.

    Returns
    -------
    GroupTest
        For a 2 x 2 table the conditional maximum likelihood odds ratio with its exact interval, for larger ones Cramer's V.

    Raises
    ------
    ValueError
        If a category is missing, lengths or labels differ, a column has one category only, both have more than two, or the
        tables to enumerate are too many.

    References
    ----------
    Fisher RA (1935). Journal of the Royal Statistical Society 98:39. doi:10.2307/2342435
    Freeman GH, Halton JH (1951). Biometrika 38:141. doi:10.1093/biomet/38.1-2.141
    """
    table = _crosstab(first, second)
    p = _exact_p(table if table.shape[1] == 2 else table.T)
    effect = _odds_ratio(table, confidence) if table.shape == (2, 2) else _cramer(table, confidence)
    return GroupTest("Fisher's exact", np.nan, np.nan, p, *effect, int(table.sum()))


def table_one(
    table: pd.DataFrame, *, by: Hashable | None, categorical: Sequence[Hashable], nonnormal: Sequence[Hashable] = ()
) -> pd.DataFrame:
    """Patient table -> Table 1 of a paper: every variable overall and by group, with a test.

    Numbers are mean (SD), or median [quartiles] for `nonnormal`; categories are n (%). Tests are those of the ``tableone``
    package (Welch's t or analysis of variance, Kruskal-Wallis, chi-square, Fisher where cells are small), named in the table.

    Parameters
    ----------
    table : DataFrame, shape (n_patients, n_variables)
        The variables, and the column `by`; missing values are counted, and take no part in shares and tests.
    by : str or None
        Column with the groups; None describes all patients only.
    categorical : sequence of str
        Variables that are categories.
    nonnormal : sequence of str
        Numeric variables to be described by their median.

    Returns
    -------
    DataFrame
        ``variable, level, missing, overall``, one column per group under its name, ``p`` and ``test``, all as text ready to
        print; the first row counts the patients.

    Raises
    ------
    ValueError
        If a named column is missing, `by` has one group or missing values.

    References
    ----------
    Pollard TJ, et al. (2018). JAMIA Open 1:26. doi:10.1093/jamiaopen/ooy012
    """
    from tableone import TableOne

    absent = [name for name in ([by] if by is not None else []) + [*categorical, *nonnormal] if name not in table.columns]
    if absent:
        raise InputError(f"`table` lacks the column(s) {summarise(absent)}; its columns are {summarise(table.columns)}.")
    if by is not None and (table[by].isna().any() or table[by].nunique() < 2):
        counted = f"{table[by].nunique()} group(s) and {int(table[by].isna().sum())} missing value(s)"
        raise InputError(f"Column {by!r} has {counted}; groups need two names or more, and every patient one.")
    columns = [name for name in table.columns if name != by]
    compared = by is not None
    result = TableOne(
        table.reset_index(drop=True), columns=columns, categorical=list(categorical), nonnormal=list(nonnormal), groupby=by,
        pval=compared, htest_name=compared, order=None, display_all=True, include_null=False,
    )  # fmt: skip
    flat = result.tableone.droplevel(0, axis=1) if compared else result.tableone
    flat = flat.rename_axis(["variable", "level"]).reset_index().rename_axis(columns=None)
    named: pd.DataFrame = flat.astype(str).rename(columns=_TABLE_ONE)
    return named


def _t_result(test: str, t: float, df: float, name: str, effect: float, se: float, confidence: float, n: int) -> GroupTest:
    half = float(ndtri((1 + confidence_of(confidence)) / 2)) * se
    return GroupTest(test, t, df, float(2 * stdtr(df, -abs(t))), name, effect, effect - half, effect + half, n)


def _two_values(values: npt.ArrayLike, name: str) -> Floats:
    array = numbers(values, name)
    if array.size < 2:
        raise InputError(f"`{name}` has one value; a t test needs at least two in each sample.")
    return array


def _crosstab(first: npt.ArrayLike, second: npt.ArrayLike) -> Ints:
    same_patients(second, first, "second", "first")
    rows, columns = (_categories(values, name) for name, values in (("first", first), ("second", second)))
    counts = np.bincount(rows * (columns.max() + 1) + columns, minlength=(rows.max() + 1) * (columns.max() + 1))
    return counts.reshape(rows.max() + 1, columns.max() + 1)


def _categories(values: npt.ArrayLike, name: str) -> Ints:
    """Give each category of a column its number from 0, in sorted order."""
    codes, known = pd.factorize(np.asarray(values), sort=True)
    if (codes < 0).any():
        raise InputError(f"`{name}` is missing at {place(values, int(np.argmin(codes)))}; drop such subjects first.")
    if len(known) < 2:
        raise InputError(f"`{name}` is {known.tolist()[0]!r} for every subject; a test needs at least two categories.")
    return codes.astype(np.int64)


def _cramer(table: Ints, confidence: float) -> tuple[str, float, float, float]:
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    chi2, n = float(((table - expected) ** 2 / expected).sum()), int(table.sum())
    df, most = (table.shape[0] - 1) * (table.shape[1] - 1), n * (min(table.shape) - 1)
    tail = (1 - confidence_of(confidence)) / 2
    limits = []
    for share in (1 - tail, tail):
        # No noncentrality is small enough when the statistic lies below the central quantile itself.
        noncentrality = float(chndtrinc(chi2, df, share)) if chi2 > 0 and 1 - chdtrc(df, chi2) > share else 0.0
        limits.append(min(((noncentrality + df) / most) ** 0.5, 1.0) if noncentrality > 0 else 0.0)
    return "Cramer's V", (chi2 / most) ** 0.5, limits[0], limits[1]


def _odds_ratio(table: Ints, confidence: float) -> tuple[str, float, float, float]:
    from scipy.stats.contingency import odds_ratio

    result = odds_ratio(table)
    interval = result.confidence_interval(confidence_of(confidence))
    return "odds ratio", float(result.statistic), float(interval.low), float(interval.high)


def _exact_p(table: Ints) -> float:
    """Enumerate all tables of two columns with the margins of this one."""
    if table.shape[1] != 2:
        raise InputError(f"The table has {table.shape[0]} x {table.shape[1]} cells, more than two each way; use chi_square.")
    rows, column = table.sum(axis=1), int(table[:, 0].sum())
    # Rows still to come can take at most their own total, so partial sums outside these limits lead nowhere.
    left = column - np.array(list(accumulate(rows[::-1])))[::-1]
    sums, weights = np.zeros(1, dtype=np.int64), np.zeros(1)
    for row, total in enumerate(rows):
        least = left[row + 1] if row + 1 < rows.size else column
        cell = np.arange(total + 1)
        if sums.size * cell.size > _TABLES:
            raise InputError(f"The exact test would enumerate more than {_TABLES:,} tables; use chi_square.")
        sums, weights = (sums[:, None] + cell).ravel(), (weights[:, None] + _log_choose(total, cell)).ravel()
        possible = (sums <= column) & (sums >= least)
        sums, weights = sums[possible], weights[possible]
    probability = np.exp(weights - weights.max())
    observed = np.exp(_log_choose(rows, table[:, 0]).sum() - weights.max())
    # R's own margin for equal probabilities that differ in their last bits.
    return float(min(probability[probability <= observed * (1 + 1e-7)].sum() / probability.sum(), 1.0))


def _log_choose(n: int | Ints, k: Ints) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), dtype=np.float64)
