"""Judge a recipe in every way at once: as published, and honestly."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from radiogenomics._errors import InputError
from radiogenomics._parallel import Progress, parallel_map
from radiogenomics.stats import Auc, at_threshold, auc, roc_curve, youden_threshold
from radiogenomics.validation._cohorts import (
    Cohort,
    check_cohort,
    check_external,
    check_folds,
    check_recipe,
    keep_copies_together,
)
from radiogenomics.validation._interval import cross_validated_auc, with_width
from radiogenomics.validation._leaks import find_leaks
from radiogenomics.validation._tasks import (
    Final,
    Fold,
    Material,
    Permuted,
    Preselected,
    Resample,
    Split,
    fold_numbers,
    folds,
    run,
)

Floats = NDArray[np.float64]
Task = Callable[[Material], Any]

COLUMNS = ["cohort", "signature", "estimate", "auc", "auc_low", "auc_high", "n", "events", "p", "auc_se"]
MEASURES = ["sensitivity", "specificity", "ppv", "npv", "accuracy"]
_HONEST = ("external", "volume")
"""Rows of scores that no fit has seen; DeLong's interval of perfect separation, which has no width, is not theirs."""
logger = logging.getLogger(__name__)
_DECIMALS = 12
_STAGES = ("final", "published", "fold", "nested", "optimism", "permutation")


@dataclass(frozen=True)
class Permutation:
    """The whole-pipeline permutation test.

    Attributes
    ----------
    auc : float
        Area within the folds of one cross-validation with the true outcome; NaN when the test was not asked for.
    null : array, shape (n_permutations,)
        The same with permuted outcomes.
    p : float
        ``(1 + number of null areas >= auc) / (1 + n_permutations)``.
    """

    auc: float
    null: Floats
    p: float


@dataclass(frozen=True)
class Evaluation:
    """One signature, judged.

    Attributes
    ----------
    table : DataFrame
        One row per cohort and estimate: ``cohort, signature, estimate, auc, auc_low, auc_high, n, events, p, auc_se``, then
        ``threshold, sensitivity, specificity, ppv, npv, accuracy``.
    scores : DataFrame
        ``patient, cohort, signature, estimate, outcome, score``: the scores behind every row that has any.
    stability : DataFrame
        ``signature, kind, name, times, fits, share``: how often the nested fits kept each feature (``kind = "feature"``) and
        how many they kept (``kind = "size"``); features only where the recipe selects among the columns given.
    permutation : Permutation
        The whole-pipeline permutation test.
    fitted : scikit-learn classifier
        The recipe fitted to every training patient: the one behind the ``apparent`` and ``external`` rows, for new patients.
    """

    table: pd.DataFrame
    scores: pd.DataFrame
    stability: pd.DataFrame
    permutation: Permutation
    fitted: Any

    def curves(self) -> pd.DataFrame:
        """Give the ROC curve of every cohort and estimate with scores.

        Returns
        -------
        DataFrame
            ``cohort, signature, estimate, threshold, sensitivity, specificity``, curve after curve.
        """
        keys = ["cohort", "signature", "estimate"]
        parts = [
            roc_curve(part["outcome"].to_numpy(), part["score"].to_numpy()).assign(
                **dict(zip(keys, map(str, names), strict=True))
            )
            for names, part in self.scores.groupby(keys, sort=False, dropna=False)
        ]
        return pd.concat(parts, ignore_index=True)[[*keys, "threshold", "sensitivity", "specificity"]]


def evaluate(
    recipe: Any,
    features: pd.DataFrame,
    outcome: pd.Series,
    *,
    random_state: int,
    signature: str = "radiomics",
    cohort: str = "training",
    groups: pd.Series | None = None,
    external: Mapping[str, tuple[pd.DataFrame, pd.Series]] | None = None,
    volume: pd.Series | None = None,
    n_splits: int = 5,
    n_repeats: int = 10,
    n_boot_optimism: int = 20,
    n_permutations: int = 0,
    permutation_recipe: Any = None,
    n_jobs: int = 1,
    scheduler: Any = None,
    progress: Progress | None = None,
    keep: Path | None = None,
) -> Evaluation:
    """Judge a recipe as published and honestly -> one table with every estimate of its discrimination.

    The rows, by ``estimate``:

    - ``apparent``: fitted on everyone, judged on the same patients.
    - ``published``: the protocol of most papers. Every step before the last is fitted on everyone, then the last step is
      cross-validated on what was selected. It **leaks**: the selection has seen the patients it is judged on. Of
      `signatures.Fusion`, the logistic model on fitted scores. Any other recipe that is no `Pipeline` has no selection to leak;
      the row is then plain cross-validation.
    - ``nested``: the whole recipe inside repeated stratified cross-validation. The area compares patients of the same fold
      only, whom the same fit has scored; its interval is DeLong's, widened because the fits share their training patients
      (`cross_validated_auc`, which says why, and what the interval covers and what not). A patient's score is the mean of
      its out-of-fold probabilities over the repeats; the area of those means differs a little.
    - ``optimism``: Harrell's bootstrap. The recipe is refitted on bootstrap samples, and the mean excess of its area there over
      its area on the original patients is taken from the apparent one. For recipes that fit their training patients
      perfectly (forests) it is known to stay too high; it has no interval and no p.
    - ``external``: fitted on all training patients, applied unchanged. Its interval and that of ``volume`` are DeLong's, or,
      where scores separate the classes and that has no width, Newcombe's.
    - ``volume``: lesion volume itself, the larger held to be the riskier; nothing is fitted, so nothing can leak.

    Parameters
    ----------
    recipe : scikit-learn classifier
        Unfitted, with ``predict_proba``; every parameter named ``random_state`` inside it is set from `random_state`.
    features : DataFrame, shape (n_patients, n_features)
        Numeric, or of pandas' category type for a recipe that takes factors, indexed by ``patient``. NaN where the recipe
        imputes.
    outcome : Series
        0 or 1 for at least these patients.
    random_state : int
        Seed; the same seed gives the same bits for any `n_jobs`.
    signature, cohort : str
        Names in the tables.
    groups : Series, optional
        Patients with one label never stand on both sides of a split, and are drawn and permuted together. Patients whose
        features are copies of each other's (`find_copies`) are grouped beside, with a warning that names them.
    external : mapping of str to (DataFrame, Series), optional
        Features and outcome of other cohorts, by name.
    volume : Series, optional
        Lesion volume of every training patient, and of external patients where known.
    n_splits, n_repeats : int
        Folds and repeats of the nested cross-validation.
    n_boot_optimism : int
        Bootstrap samples; 0 leaves the row out.
    n_permutations : int
        Permutations of the outcome, each with one cross-validation of the whole recipe; 0 leaves the test out.
    permutation_recipe : scikit-learn classifier, optional
        A cheaper twin of the recipe for the permutation test, such as one that chooses sizes out of bag.
    n_jobs, scheduler, progress, keep
        See `radiogenomics._parallel.parallel_map`. With `keep`, a second call with the same data and settings computes only what
        is missing, and the one fit to every patient, since a fitted recipe cannot be kept without pickle; other data or
        settings in the same folder do not meet.

    Returns
    -------
    Evaluation
        Table, scores, stability and permutation test.

        The threshold of the ``nested`` row is Youden's on the out-of-fold scores; the ``external`` rows use that same threshold,
        since the apparent scores of a forest lie on another scale. ``apparent``, ``published`` and ``volume`` use Youden's on
        their own training scores. `p` is the Mann-Whitney test of the scores; in the ``nested`` row, whose scores depend on
        one another, it is that of the permutation test.

    Raises
    ------
    ValueError
        If the outcome has one class, there are fewer events than folds, missing values reach a step that cannot take them,
        a patient stands in two cohorts, under one name or as a copy under another, the outcome is among the features, or
        external columns differ.
    TypeError
        If the recipe gives no probabilities.
    RuntimeError
        If a fit fails, or memory, disk or a killed worker interrupts one; the message names every such task and its reason.

    References
    ----------
    E. R. DeLong et al., Comparing the areas under correlated ROC curves, Biometrics 1988. doi:10.2307/2531595
    F. E. Harrell et al., Multivariable prognostic models, Stat Med 1996.
    doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4
    S. Varma, R. Simon, Bias in error estimation when using cross-validation for model selection, BMC Bioinformatics 2006.
    doi:10.1186/1471-2105-7-91
    """
    training = keep_copies_together(check_cohort(cohort, features, outcome, groups=groups, volume=volume))
    for leak in find_leaks(features, outcome).itertuples():
        what = f"Cohort {cohort!r}: feature {leak.column!r} may leak the outcome or the patient's identity"
        logger.warning("%s (%s): %s.", what, leak.kind, leak.detail)
    check_folds(training, n_splits, n_repeats)
    check_recipe(recipe, training)
    others = check_external(training, external or {}, volume)
    _check_volume(training, volume)
    material = Material(recipe, recipe if permutation_recipe is None else permutation_recipe, training, tuple(others))
    splits = tuple(folds(training.outcome, training.groups, n_splits, _seed(random_state, "fold", i)) for i in range(n_repeats))
    tasks = _tasks(material, splits, random_state, n_boot_optimism, n_permutations)
    digest = joblib.hash((material, random_state, n_splits))[:10]
    named = {f"{signature} {name} [{digest}]": task for name, task in tasks.items()}
    done = parallel_map(
        partial(run, material),
        named,
        n_jobs=n_jobs,
        scheduler=scheduler,
        progress=progress,
        keep=keep,
        keys={name: name for name, task in named.items() if not isinstance(task, Final)},  # a fitted recipe cannot be kept
    ).require()
    return _assemble(signature, material, splits, dict(zip(tasks, done.values(), strict=True)))


def _check_volume(training: Cohort, volume: pd.Series | None) -> None:
    if volume is not None and training.volume is None:
        lacking = training.features.index.difference(volume.dropna().index)
        raise InputError(
            f"`volume` lacks {len(lacking)} patient(s) of {training.name!r}, the first {lacking[0]!r}; give them or leave it out."
        )


def _tasks(
    material: Material, splits: tuple[tuple[Split, ...], ...], random_state: int, n_boot: int, n_permutations: int
) -> dict[str, Task]:
    seed, n_splits = partial(_seed, random_state), len(splits[0])
    tasks: dict[str, Task] = {"apparent": Final(seed("final", 0)), "published": Preselected(splits, seed("published", 0))}
    for repeat, one in enumerate(splits):
        for fold, split in enumerate(one):
            place = repeat * n_splits + fold
            tasks[f"nested {repeat + 1}.{fold + 1} of {len(splits)}.{n_splits}"] = Fold(split, seed("nested", place))
    tasks |= {f"optimism {i + 1}": Resample(seed("optimism", i), n_splits) for i in range(n_boot)}
    if n_permutations:
        tasks["permutation 0"] = Permuted(seed("permutation", 0), n_splits, permute=False)
    tasks |= {f"permutation {i}": Permuted(seed("permutation", i), n_splits, permute=True) for i in range(1, n_permutations + 1)}
    return tasks


def _seed(random_state: int, stage: str, place: int) -> int:
    """Give a task its own seed, the same whatever other tasks there are."""
    sequence = np.random.SeedSequence([random_state, _STAGES.index(stage), place])
    return int(sequence.generate_state(1)[0] % (2**31))


def _assemble(signature: str, material: Material, splits: tuple[tuple[Split, ...], ...], done: dict[str, Any]) -> Evaluation:
    training, (final, fitted) = material.training, done["apparent"]
    fits = [done[name] for name in done if name.startswith("nested ")]
    repeats = _out_of_fold(splits, [scores for scores, _ in fits])
    nested = _digits(repeats.mean(axis=0))
    area = cross_validated_auc(training.outcome, repeats, np.stack([fold_numbers(one) for one in splits]))
    test = _permutation(done)
    threshold = _threshold(training.outcome, nested)
    judged = [
        _Judged(training, "apparent", _digits(final[training.name])),
        _Judged(training, "published", _digits(done["published"])),
        _Judged(training, "nested", nested, area=area, p=test.p),
        *(_Judged(one, "external", _digits(final[one.name]), threshold=threshold) for one in material.external),
        *_volumes(material),
    ]
    rows = [one.row(signature) for one in judged]
    excess = [done[name] for name in done if name.startswith("optimism ")]
    if excess:
        rows.insert(3, rows[0] | dict.fromkeys(["auc_low", "auc_high", "p", "auc_se", "threshold", *MEASURES], np.nan))
        rows[3] |= {"estimate": "optimism", "auc": rows[0]["auc"] - float(np.mean(excess))}
    return Evaluation(
        table=pd.DataFrame(rows, columns=[*COLUMNS, "threshold", *MEASURES]),
        scores=pd.concat([one.scores(signature) for one in judged], ignore_index=True),
        stability=_stability(signature, [names for _, names in fits], set(training.features.columns.astype(str))),
        permutation=test,
        fitted=fitted,
    )


def _digits(values: Any) -> Floats:
    """Keep twelve decimals of scores: the last bit of 0.06 must not decide whether it reaches a threshold of 0.06."""
    return np.round(np.asarray(values, dtype=float), _DECIMALS)


def _threshold(outcome: NDArray[np.int_], score: Floats) -> float:
    """Choose Youden's threshold; one decimal more than the scores have is that of a midpoint between two."""
    return float(np.round(youden_threshold(outcome, score), _DECIMALS + 1))


@dataclass(frozen=True)
class _Judged:
    """Scores of one cohort, and what they are worth."""

    cohort: Cohort
    estimate: str
    score: Floats
    area: Auc | None = None
    threshold: float | None = None
    p: float | None = None

    def row(self, signature: str) -> dict[str, Any]:
        outcome = self.cohort.outcome
        area = self._area() if self.area is None else self.area
        threshold = _threshold(outcome, self.score) if self.threshold is None else self.threshold
        measures = at_threshold(outcome, self.score, threshold).set_index("measure")["value"]
        p = _mann_whitney(outcome, self.score) if self.p is None else self.p
        values = [self.cohort.name, signature, self.estimate, area.auc, area.low, area.high, area.n, area.events, p, area.se]
        return dict(zip(COLUMNS, values, strict=True)) | {"threshold": threshold} | {name: measures[name] for name in MEASURES}

    def _area(self) -> Auc:
        area = auc(self.cohort.outcome, self.score)
        return with_width(area) if self.estimate in _HONEST else area

    def scores(self, signature: str) -> pd.DataFrame:
        labels = {"cohort": self.cohort.name, "signature": signature, "estimate": self.estimate}
        table = pd.DataFrame({"patient": self.cohort.features.index, "outcome": self.cohort.outcome, "score": self.score})
        return table.assign(**labels)[["patient", "cohort", "signature", "estimate", "outcome", "score"]]


def _volumes(material: Material) -> list[_Judged]:
    """Judge volume itself: nothing is fitted, the larger lesion is held to be the riskier one."""
    training = material.training
    if training.volume is None:
        return []
    threshold = youden_threshold(training.outcome, training.volume.to_numpy())
    known = [(cohort, cohort.volume) for cohort in (training, *material.external) if cohort.volume is not None]
    return [_Judged(cohort, "volume", volume.to_numpy(), threshold=threshold) for cohort, volume in known]


def _out_of_fold(splits: tuple[tuple[Split, ...], ...], scores: list[Floats]) -> Floats:
    """Put the scores of all folds into their places -> one row per repeat."""
    repeats = np.empty((len(splits), sum(len(test) for _, test in splits[0])))
    places = [(row, test) for row, one in enumerate(splits) for _, test in one]
    for (row, test), part in zip(places, scores, strict=True):
        repeats[row, test] = part
    return repeats


def _mann_whitney(outcome: NDArray[np.int_], score: Floats) -> float:
    if np.ptp(score) == 0:
        return 1.0
    return float(mannwhitneyu(score[outcome == 1], score[outcome == 0], method="asymptotic").pvalue)


def _permutation(done: dict[str, Any]) -> Permutation:
    areas = np.array([done[name] for name in done if name.startswith("permutation ")])
    if len(areas) == 0:
        return Permutation(np.nan, areas, np.nan)
    return Permutation(float(areas[0]), areas[1:], float((1 + (areas[1:] >= areas[0]).sum()) / len(areas)))


def _stability(signature: str, chosen: list[tuple[str, ...] | None], columns: set[str]) -> pd.DataFrame:
    told = [names for names in chosen if names is not None and set(names) != columns]  # to keep everything is no choice
    features = pd.Series([name for names in told for name in names if name in columns], dtype=object)
    sizes = pd.Series([len(names) for names in told], dtype=object)
    parts = []
    for kind, values in (("feature", features), ("size", sizes)):
        counts = values.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
        parts.append(pd.DataFrame({"kind": kind, "name": counts.index.astype(str), "times": counts.to_numpy(dtype=int)}))
    table = pd.concat(parts, ignore_index=True).assign(signature=signature, fits=len(told))
    return table.assign(share=table["times"] / max(len(told), 1))[["signature", "kind", "name", "times", "fits", "share"]]
