"""Columns of an expression file that are unlike all others, as numbers about the genes are that no heading gives away."""

import pandas as pd

_FEWEST_GENES, _FEWEST_SAMPLES = 50, 5
_MOST_GENES = 2000  # enough for a rank correlation
_ALIKE, _UNLIKE = 0.7, 0.3  # rank correlations with the median sample; other tissues reach 0.7 and more


def unlike_others(expression: pd.DataFrame) -> list[str]:
    """Name the samples whose genes are ordered unlike those of all others.

    Parameters
    ----------
    expression : DataFrame, shape (n_patients, n_genes)
        As it stands in the file.

    Returns
    -------
    list of str
        Samples whose rank correlation with the median sample is below 0.3 where that of the usual one is above 0.7: lengths or
        other numbers about the genes. Empty for z-scores, whose samples are not alike, and for fewer than 50 genes or 5 samples.
    """
    if expression.shape[0] < _FEWEST_SAMPLES or expression.shape[1] < _FEWEST_GENES:
        return []
    some = expression.iloc[:, :: max(1, expression.shape[1] // _MOST_GENES)]
    ranks = some.rank(axis=1)
    middle = ranks.median()
    if middle.nunique() < 2:
        return []
    alike = ranks.loc[ranks.std(axis=1) > 0].corrwith(middle, axis=1)
    return [str(name) for name in alike.index[alike < _UNLIKE]] if alike.median() > _ALIKE else []
