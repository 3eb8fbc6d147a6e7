"""What links are adjusted for: columns of a clinical table, found by name or stated, as far as the patients can pay."""

import re

import pandas as pd

_CONFOUNDERS = re.compile(r"^age|subtype|pam50|^site$|scanner|manufacturer", re.IGNORECASE)
_KNOWN = 0.8
_PATIENTS_A_NUMBER = 10


def find_confounders(patients: pd.DataFrame) -> pd.DataFrame:
    """Pick the clinical columns whose names say age, subtype, site or scanner, and that vary.

    Parameters
    ----------
    patients : DataFrame, shape (n_patients, n_columns)
        Clinical columns, numbers and words.

    Returns
    -------
    DataFrame
        The columns found, in their order; there may be none.
    """
    return patients[[name for name in patients.columns if _CONFOUNDERS.search(str(name)) and patients[name].nunique() > 1]]


def affordable_covariates(covariates: pd.DataFrame) -> pd.DataFrame:
    """Keep the covariates that the patients can pay for: known of four in five, and together one number for ten patients.

    Numbers come before words, and words with few levels before those with many: a column costs its levels less one. Of equals the
    first is kept.

    Parameters
    ----------
    covariates : DataFrame, shape (n_patients, n_covariates)
        Numbers and words, missing where unknown.

    Returns
    -------
    DataFrame
        The columns kept, in their order.

    References
    ----------
    Harrell (2015), Regression modeling strategies, section 4.4, doi:10.1007/978-3-319-19425-7, on ten patients for a parameter.
    """
    known = covariates.columns[covariates.notna().mean() >= _KNOWN]
    cost = {name: 1 if pd.api.types.is_numeric_dtype(covariates[name]) else covariates[name].nunique() - 1 for name in known}
    kept, left = [], len(covariates) // _PATIENTS_A_NUMBER
    for name in sorted(known, key=lambda name: cost[name]):
        if cost[name] <= left:
            kept.append(name)
            left -= cost[name]
    return covariates[[name for name in covariates.columns if name in kept]]


def unfit_covariates(covariates: pd.DataFrame, *, sized: bool) -> dict[str, str]:
    """Find the stated covariates that cannot be adjusted for -> what is wrong with each.

    Parameters
    ----------
    covariates : DataFrame, shape (n_patients, n_covariates)
        Their columns in the linked patients.
    sized : bool
        Whether lesion volume is adjusted for beside them.

    Returns
    -------
    dict of str to str
        By column; empty where all can be.
    """
    same = [name for name in covariates.columns if covariates[name].nunique() < 2]
    unfit = dict.fromkeys(map(str, same), "it is the same in all linked patients; leave it out")
    size = pd.DataFrame({"lesion volume": 0.0} if sized else {}, index=covariates.index)
    whole = pd.concat([size, covariates.drop(columns=same)], axis=1)
    dear = whole.columns.difference(affordable_covariates(whole).columns, sort=False).drop("lesion volume", errors="ignore")
    return unfit | {str(name): _why_unfit(whole[name], len(whole) // _PATIENTS_A_NUMBER, sized) for name in dear}


def _why_unfit(values: pd.Series, budget: int, sized: bool) -> str:
    """Say which of the two rules keeps a covariate out: too few known, or too many numbers and levels for the patients."""
    known, n = int(values.notna().sum()), len(values)
    if known < _KNOWN * n:
        return f"known of {known} of the {n} linked patients, missing for more than one in five; leave it out"
    cost = 1 if pd.api.types.is_numeric_dtype(values) else values.nunique() - 1
    beside = "with lesion volume and the covariates before it" if sized else "with the covariates before it"
    return (
        f"it takes {cost} number(s), and {n} linked patients pay for {budget} in all (one for ten), {beside}; leave it out, "
        "or join its levels"
    )
