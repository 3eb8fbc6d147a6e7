"""What links are adjusted for: columns of the table of patients, found by name or stated, as far as the patients can pay."""

import re

import pandas as pd

_CONFOUNDERS = re.compile(r"^age|subtype|pam50|^site$|scanner|manufacturer", re.IGNORECASE)


def by_name(patients: pd.DataFrame) -> pd.DataFrame:
    """Pick the columns whose names say age, subtype, site or scanner, and that vary."""
    return patients[[name for name in patients.columns if _CONFOUNDERS.search(str(name)) and patients[name].nunique() > 1]]


def affordable(covariates: pd.DataFrame) -> pd.DataFrame:
    """Keep the covariates that the patients can pay for: known of four in five, and together one number for ten patients.

    Numbers come before words, and words with few levels before those with many: a column costs its levels less one. Of equals the
    first is kept.
    """
    known = covariates.columns[covariates.notna().mean() >= 0.8]
    cost = {name: 1 if pd.api.types.is_numeric_dtype(covariates[name]) else covariates[name].nunique() - 1 for name in known}
    kept, left = [], len(covariates) // 10
    for name in sorted(known, key=lambda name: cost[name]):
        if cost[name] <= left:
            kept.append(name)
            left -= cost[name]
    return covariates[[name for name in covariates.columns if name in kept]]


def unfit(covariates: pd.DataFrame, *, sized: bool) -> dict[str, str]:
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
    found = dict.fromkeys(same, "it is the same in all linked patients; leave it out")
    size = pd.DataFrame({"lesion volume": 0.0} if sized else {}, index=covariates.index)
    whole = pd.concat([size, covariates.drop(columns=same)], axis=1)
    dear = whole.columns.difference(affordable(whole).columns, sort=False).drop("lesion volume", errors="ignore")
    reason = f"known of fewer than four in five of the {len(whole)} linked patients, or more than they can pay for"
    return found | {str(name): f"{reason} (one number or level for ten); leave it out" for name in dear}
