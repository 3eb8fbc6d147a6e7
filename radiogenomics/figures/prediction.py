"""How well a signature predicts: ROC curves and AUCs of every estimate, scores, calibration, benefit, nomogram."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory

from radiogenomics._errors import InputError
from radiogenomics.figures import _style as st
from radiogenomics.figures import formatting
from radiogenomics.figures._given import Judged

_ROW_MM = 4.6
_LEGEND_LETTERS = 45  # with more, the area as drawn stands in a line of its own
_ESTIMATE_LINES = {"apparent": st.LINES[2], "published": st.LINES[1], "nested": st.LINES[0], "external": st.LINES[3]}
Floats = npt.NDArray[np.float64]


@st.styled
def roc(curves: pd.DataFrame | Judged, *, evaluation: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Draw the ROC curve of every estimate over one another.

    Parameters
    ----------
    curves : DataFrame or Evaluation
        What `validation.evaluate` returned, whose own AUCs the legend then names; or long: ``estimate, sensitivity,
        specificity``, in the order of the thresholds; with ``signature`` or ``cohort``
        each combination is a curve of its own.
    evaluation : DataFrame, optional
        ``estimate, auc, auc_low, auc_high`` (and ``signature``, ``cohort``): the AUCs that the legend names. Where the area under
        the curve as drawn is another, the legend names that too: an AUC within folds is not that of the patients' mean scores.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Sensitivity over 1 - specificity, equal scales, the diagonal dashed.
    """
    if isinstance(curves, Judged):
        return roc(curves.curves(), evaluation=curves.table if evaluation is None else evaluation, ax=ax)
    if "auc" in curves:
        raise InputError("`curves` is a table of AUCs, with a point each; give the Evaluation itself, or its curves().")
    st.require(curves, "curves", ["estimate", "sensitivity", "specificity"])
    ax = st.panel_axes(ax, height_mm=97)
    ax.plot([0, 1], [0, 1], ls="--", lw=0.7, color=st.GREY, zorder=1)
    keys = [key for key in ("signature", "cohort", "estimate") if key in curves]
    groups = dict(list(curves.groupby(keys, sort=False, dropna=False)))
    several = [key for key in keys[:-1] if st.varies(curves, key)]
    looks = _curve_looks(curves, several)
    order = st.estimate_order(curves["estimate"])
    for key in sorted(groups, key=lambda key: order.index(str(key[-1]))):
        facts: dict[str, Any] = dict(zip(keys, key, strict=True))
        color, line, words = looks[tuple(facts[name] for name in (*several, "estimate"))]
        x, y = 1 - groups[key]["specificity"], groups[key]["sensitivity"]
        ax.plot(x, y, color=color, ls=line, label=_with_auc(words, evaluation, facts, drawn=abs(float(np.trapezoid(y, x)))))
    ax.set(xlabel="1 − specificity", ylabel="Sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    title = st.estimate(order[0]).label if _one_estimate(curves, several) else None
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.14), borderaxespad=0, title=title, alignment="left")
    return ax


def _one_estimate(curves: pd.DataFrame, several: list[str]) -> bool:
    """Say whether several signatures are compared by one and the same estimate, with volume perhaps beside them."""
    return "signature" in several and curves.loc[curves["estimate"].ne("volume"), "estimate"].nunique() == 1


def _curve_looks(curves: pd.DataFrame, several: list[str]) -> dict[tuple[object, ...], tuple[str, object, str]]:
    """Give every curve a colour, a line and words: colours tell estimates apart, or signatures where there is one estimate."""
    rows = curves[[*several, "estimate"]].drop_duplicates().itertuples(index=False)
    kinds = list(dict.fromkeys(map(tuple, curves[several].drop_duplicates().to_numpy())))
    looks: dict[tuple[object, ...], tuple[str, object, str]] = {}
    for row in map(tuple, rows):
        name, known = row[:-1], st.estimate(str(row[-1]), str(row[0]) if "signature" in several else _only_signature(curves))
        if _one_estimate(curves, several):
            color = known.color if row[-1] == "volume" else st.CYCLE[kinds.index(name) % (len(st.CYCLE) - 1)]
            line = st.VOLUME_LINE if row[-1] == "volume" else st.LINES[kinds.index(name) % len(st.LINES)]
            looks[row] = (color, line, " · ".join(map(str, name)))
        else:
            line = (
                st.LINES[kinds.index(name) % len(st.LINES)] if "signature" in several else _ESTIMATE_LINES.get(str(row[-1]), "-")
            )
            looks[row] = (known.color, line, " · ".join([*map(str, name), known.label]))
    return looks


def _only_signature(curves: pd.DataFrame) -> str:
    return str(curves["signature"].iloc[0]) if "signature" in curves else ""


def _with_auc(words: str, evaluation: pd.DataFrame | None, facts: dict[str, Any], *, drawn: float) -> str:
    """Write the AUC of a curve behind its name, and the area under it where that is another number."""
    if evaluation is None:
        return words
    match = np.logical_and.reduce([evaluation[key].eq(value) for key, value in facts.items() if key in evaluation])
    if not match.any():
        return words
    row = evaluation[match].iloc[0]
    text = f"{words}: {formatting.auc_interval(row['auc'], row['auc_low'], row['auc_high'])}"
    same = formatting.amount(drawn) == formatting.amount(row["auc"])
    if same or not formatting.is_estimated(row["auc"]):
        return text
    between = " " if len(text) <= _LEGEND_LETTERS else "\n"
    return f"{text};{between}as drawn {formatting.amount(drawn)}"


@st.styled
def auc_forest(evaluation: pd.DataFrame | Judged, *, ax: Axes | None = None) -> Axes:
    """Draw every AUC with its interval: flattering estimates above honest ones, signature by signature.

    Parameters
    ----------
    evaluation : DataFrame or Evaluation
        What `validation.evaluate` returned, or ``cohort, signature, estimate, auc, auc_low, auc_high, n, events``, one row an
        estimate.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        One row an estimate, the number as text on the right, chance (0.5) dashed; without a point where none could be estimated.
    """
    if isinstance(evaluation, Judged):
        return auc_forest(evaluation.table, ax=ax)
    st.require(evaluation, "evaluation", ["cohort", "signature", "estimate", "auc", "auc_low", "auc_high"])
    rows = _forest_rows(evaluation)
    ax = st.panel_axes(ax, height_mm=14 + _ROW_MM * len(rows))
    right = blended_transform_factory(ax.transAxes, ax.transData)
    ax.plot([0.5, 0.5], [-0.5, len(rows)], ls="--", lw=0.7, color=st.GREY, zorder=1)
    for place, (label, row) in enumerate(rows):
        if row is None:
            continue
        if formatting.is_estimated(row["auc"]):
            _forest_point(ax, place, row, label)
        text = formatting.auc_interval(row["auc"], row["auc_low"], row["auc_high"])
        ax.text(1.03, place, text, transform=right, va="center", fontsize=st.SMALL_POINTS)
    ax.text(1.03, -1, "AUC (95 % CI)", transform=right, va="center", fontsize=st.SMALL_POINTS, weight="bold")
    ax.set_yticks(range(len(rows)), [label for label, _ in rows])
    for tick, (_, row) in zip(ax.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if row is None else "normal")
    known = evaluation[evaluation["auc"].map(formatting.is_estimated)]
    low = np.nanmin([0.4, *known["auc_low"], *known["auc"]])
    ax.set(xlabel="AUC", ylim=(len(rows) - 0.4, -1.6), xlim=(max(0, np.floor(low * 10) / 10), 1.02))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def _forest_point(ax: Axes, place: int, row: pd.Series, label: str) -> None:
    """Draw an AUC with its interval, filled where it comes from patients that the model has not seen."""
    look = st.estimate(row["estimate"])
    ax.plot([row["auc_low"], row["auc_high"]], [place, place], color=look.color, lw=1.4, solid_capstyle="butt")
    marker, fill = ("o", look.color) if look.honest else ("D", "white")
    ax.plot(row["auc"], place, marker, ms=4, mfc=fill, mec=look.color, mew=1, label=label)


def _forest_rows(evaluation: pd.DataFrame) -> list[tuple[str, pd.Series | None]]:
    """List the lines of the forest: a heading (without numbers) a signature, then its estimates."""
    rows: list[tuple[str, pd.Series | None]] = []
    for signature, part in evaluation.groupby("signature", sort=False, dropna=False):
        rows.append((formatting.short(signature, 30), None))
        order = st.estimate_order(part["estimate"])
        for _, row in part.iloc[part["estimate"].map(order.index).argsort(kind="stable")].iterrows():
            where = f" ({formatting.short(row['cohort'], 12)})" if row["cohort"] != part["cohort"].iloc[0] else ""
            rows.append((st.estimate(row["estimate"], str(signature)).label + where, row))
    return rows


@st.styled
def score_distribution(
    scores: pd.DataFrame | Judged,
    *,
    labels: tuple[str, str] = ("negative", "positive"),
    outcome: str = "Outcome",
    ax: Axes | None = None,
) -> Axes:
    """Draw how a signature's scores lie in patients without and with the outcome.

    Parameters
    ----------
    scores : DataFrame or Evaluation
        What `validation.evaluate` returned (volume, which is no score, left out); or ``outcome`` (0 or 1; patients
        without one are left out), ``score``; each ``estimate``, ``signature`` or
        ``cohort`` gets boxes of its own.
    labels : tuple of str
        What outcome 0 and 1 are called.
    outcome : str
        What the outcome is called; the legend's title.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Quartile boxes with every patient as a point.
    """
    if isinstance(scores, Judged):
        table = scores.scores
        return score_distribution(table[table["estimate"].ne("volume")], labels=labels, outcome=outcome, ax=ax)
    st.require(scores, "scores", ["outcome", "score"])
    known = scores[scores["outcome"].notna()]
    groups = _score_groups(known)
    order = list(dict.fromkeys(groups))
    ax = st.panel_axes(ax, width_mm=st.PAGE_MM if len(order) > 3 else st.COLUMN_MM, height_mm=66)
    for value, shift, color in ((0, -0.2, st.SKY), (1, 0.2, st.VERMILION)):
        parts = [known.loc[groups.eq(name) & known["outcome"].eq(value), "score"].to_numpy(dtype=float) for name in order]
        _boxes(ax, parts, shift, color)
        ax.plot([], [], "o", ms=3, color=color, label=f"{labels[value]} (n = {max(map(len, parts))})")
    ax.set_xticks(range(len(order)), order)
    ax.legend(
        title=formatting.wrapped(outcome, 50),
        title_fontsize=st.SMALL_POINTS,
        alignment="left",
        loc="lower left",
        bbox_to_anchor=(0, 1.01),
        ncols=2,
        borderaxespad=0,
    )
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("Score")
    return ax


def _boxes(ax: Axes, parts: list[Floats], shift: float, color: str) -> None:
    """Draw one box per group, and every patient as a point spread sideways by a fixed low-discrepancy sequence."""
    line = {"color": color, "lw": 0.8}
    places = [place + shift for place in range(len(parts))]
    ax.boxplot(
        parts,
        positions=places,
        widths=0.34,
        showfliers=False,
        manage_ticks=False,
        boxprops=line,
        whiskerprops=line,
        capprops=line,
        medianprops={"color": color, "lw": 1.6},
    )
    for place, values in zip(places, parts, strict=True):
        spread = (np.arange(values.size) * 0.6180339887 % 1 - 0.5) * 0.26
        ax.plot(place + spread, values, "o", ms=2, mew=0, color=color, alpha=0.6)


def _score_groups(scores: pd.DataFrame) -> "pd.Series[str]":
    parts = [key for key in ("signature", "estimate", "cohort") if st.varies(scores, key)]
    if not parts:
        return pd.Series("", index=scores.index)
    words = {key: scores[key].astype(str) for key in parts}
    if "estimate" in words:
        of = scores["signature"] if "signature" in scores else [""] * len(scores)
        labels = [st.estimate(*pair).label for pair in zip(scores["estimate"], of, strict=True)]
        words["estimate"] = pd.Series(labels, index=scores.index)
    return (
        pd.DataFrame(words, index=scores.index)
        .agg("\n".join, axis=1)
        .map(lambda text: "\n".join(formatting.wrapped(line, 16) for line in text.split("\n")))
    )


@st.styled
def signature_correlation(correlation: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how strongly signatures agree with one another.

    Parameters
    ----------
    correlation : DataFrame, shape (n_signatures, n_signatures)
        A square table of correlations between -1 and 1, the same names on both sides.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        The lower triangle with its numbers.
    """
    if correlation.shape[0] != correlation.shape[1] or correlation.empty:
        raise InputError(
            f"`correlation` must be square, it is {correlation.shape[0]} x {correlation.shape[1]}; use scores.corr()."
        )
    names = [formatting.short(name, 22) for name in correlation.columns]
    size = 38 + 9 * len(names)
    ax = st.panel_axes(ax, width_mm=min(max(size + 12, st.COLUMN_MM), st.PAGE_MM), height_mm=min(size, 170))
    hidden = np.triu(np.ones(correlation.shape, dtype=bool), 1)
    numbers = correlation.map(formatting.amount).to_numpy() if len(names) <= 12 else None
    sns.heatmap(
        correlation, mask=hidden, vmin=-1, vmax=1, cmap=st.DIVERGING, annot=numbers, fmt="", annot_kws={"size": st.SMALL_POINTS},
        square=True, linewidths=0.5, xticklabels=names, yticklabels=names, ax=ax,
        cbar_kws={"label": "Pearson r", "shrink": 0.6, "aspect": 25},
    )  # fmt: skip
    ax.tick_params(axis="x", rotation=45)
    for text in ax.get_xticklabels():
        text.set(ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    ax.set(xlabel="", ylabel="")
    st.dress_bar(ax)
    return ax
