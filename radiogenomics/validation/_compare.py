"""Signatures against one another, on the same patients and the same out-of-fold scores."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from radiogenomics.stats import benjamini_hochberg, delong_test, idi, nri


def compare(scores: pd.DataFrame, *, estimate: str = "nested", cutoffs: Sequence[float] = ()) -> pd.DataFrame:
    """Compare every pair of signatures by DeLong's test, net reclassification and integrated discrimination.

    Parameters
    ----------
    scores : DataFrame
        ``patient, cohort, signature, estimate, outcome, score`` of several signatures: `Evaluation.scores`, concatenated.
    estimate : str
        Which scores: ``nested`` for out-of-fold ones, ``external`` for other cohorts. Fitted scores would compare memories.
    cutoffs : sequence of float
        Limits of the risk categories for the net reclassification; without them it is the continuous one.

    Returns
    -------
    DataFrame
        One row per cohort and pair: ``cohort, estimate, first, second, n, events, auc_first, auc_second, difference,
        difference_low, difference_high, p, q, nri, nri_p, idi, idi_p``. NRI and IDI are what `second` gains over `first`; `q` is
        Benjamini and Hochberg's over all rows.

    Raises
    ------
    ValueError
        If there are fewer than two signatures with such scores on the same patients.

    Notes
    -----
    DeLong's test takes the scores as given. For out-of-fold scores, whose fits share their training patients, its p is somewhat
    too small (see `cross_validated_auc`); an external cohort has no such flaw.

    References
    ----------
    E. R. DeLong et al., Biometrics 1988. doi:10.2307/2531595
    M. J. Pencina et al., Stat Med 2008. doi:10.1002/sim.2929
    """
    chosen = scores[scores["estimate"] == estimate]
    rows = [row for cohort, part in chosen.groupby("cohort", sort=False) for row in _pairs(str(cohort), estimate, part, cutoffs)]
    if not rows:
        raise ValueError(f"No two signatures have {estimate!r} scores of the same patients; evaluate at least two on one cohort.")
    table = pd.DataFrame(rows)
    place = list(table.columns).index("p") + 1
    table.insert(place, "q", benjamini_hochberg(table["p"]))
    return table


def _pairs(cohort: str, estimate: str, part: pd.DataFrame, cutoffs: Sequence[float]) -> Iterator[dict[str, Any]]:
    wide = part.pivot_table(index="patient", columns="signature", values="score", sort=False)
    outcome = part.drop_duplicates("patient").set_index("patient")["outcome"]
    for first, second in combinations(wide.columns, 2):
        both = wide[[first, second]].dropna()
        if len(both) < min(wide[first].count(), wide[second].count()):
            raise ValueError(
                f"Signatures {first!r} and {second!r} of cohort {cohort!r} share only {len(both)} patients; "
                "evaluate both on the same patients."
            )
        event, one, two = outcome.loc[both.index], both[first], both[second]
        test = delong_test(event, one, two)
        moved, gained = (
            gain.set_index("group").loc["total"] for gain in (nri(event, one, two, cutoffs=cutoffs), idi(event, one, two))
        )
        yield {
            "cohort": cohort,
            "estimate": estimate,
            "first": first,
            "second": second,
            "n": len(both),
            "events": int(event.sum()),
            "auc_first": test.first.auc,
            "auc_second": test.second.auc,
            "difference": test.difference,
            "difference_low": test.low,
            "difference_high": test.high,
            "p": test.p,
            "nri": moved["estimate"],
            "nri_p": moved["p"],
            "idi": gained["estimate"],
            "idi_p": gained["p"],
        }
