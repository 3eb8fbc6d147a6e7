"""What was planted in simulated data, beside what was found."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from radiogenomics.study.engine.step import Tables, step
from radiogenomics.study.inputs.sources import Inputs
from radiogenomics.study.manifest.model import Manifest


@step(
    makes={"planted": "what was planted in simulated data, what was found, and whether they agree"},
    settings=("truth", "links"),
    sources=lambda manifest: [manifest.truth] if manifest.truth else [],
    when=lambda manifest: manifest.truth is not None,
)
def planted(
    modules: pd.DataFrame, links: pd.DataFrame, evaluation: pd.DataFrame, *, settings: Manifest, inputs: Inputs
) -> Tables:
    """Lay what was planted beside what was found."""
    truth = inputs.truth()
    genes = truth[truth["kind"] == "gene"].set_index("name")["value"].astype(int)
    labels = modules["module"].reindex(genes.index, fill_value=0)
    matched = _matched(genes, labels)
    rows = [*_modules(genes, labels, matched), *_links(links, truth, matched, alpha=settings.links.alpha)]
    rows += _outcome(evaluation, truth)
    return {"planted": pd.DataFrame(rows, columns=["kind", "name", "planted", "found", "ok"])}


def _matched(genes: pd.Series, found: pd.Series) -> dict[int, int]:
    """Match every planted module with the found one that holds most of its genes."""
    counts = pd.crosstab(genes, found)
    return {int(planted): int(counts.loc[planted].idxmax()) for planted in counts.index if planted}


def _modules(genes: pd.Series, found: pd.Series, matched: dict[int, int]) -> Iterator[list[Any]]:
    for planted, label in matched.items():
        inside = (genes == planted) & (found == label)
        both, either = int(inside.sum()), int(((genes == planted) | (found == label)).sum())
        text = f"ME{label}: {both} of them among its {int((found == label).sum())}" if label else "no module"
        yield [
            "module",
            f"planted module {planted}",
            f"{int((genes == planted).sum())} genes",
            text,
            bool(label) and both / either > 0.8,
        ]


def _links(links: pd.DataFrame, truth: pd.DataFrame, matched: dict[int, int], *, alpha: float) -> Iterator[list[Any]]:
    """Find a planted link where an imaging feature is linked with that module at q below alpha; count links with the others."""
    links = links[(links["imaging"] != "signature") & (links["molecular"] == "modules") & (links["q"] < alpha)]
    planted = {}
    for name, value in truth.loc[truth["kind"] == "link", ["name", "value"]].itertuples(index=False):
        planted[f"ME{matched[int(name.rsplit(' ', 1)[1])]}"] = (name, value)
    for module, (name, value) in planted.items():
        linked = links[links["target"] == module]
        text = f"{len(linked)} features linked with {module} at q < {alpha:g}"
        if len(linked):
            best = linked.iloc[int(linked["effect"].abs().to_numpy().argmax())]
            text += f", {best['feature']} most (r {best['effect']:.2f})"
        yield ["link", name, f"hidden correlation {value:g}", text, len(linked) > 0]
    false, tested = int((~links["target"].isin(planted)).sum()), len(links)
    text = f"{false} of the {tested} links found at q < {alpha:g}"
    yield ["link", "links with modules that follow nothing", "none", text, false <= max(1, 2 * alpha * tested)]


def _outcome(evaluation: pd.DataFrame, truth: pd.DataFrame) -> Iterator[list[Any]]:
    """Hold every honest AUC against the ceiling: none may be clearly above it, and some must show that there is a signal."""
    ceiling = float(truth.loc[truth["name"].str.startswith("AUC of heterogeneity"), "value"].iloc[0])
    honest = evaluation[evaluation["estimate"].isin(["nested", "external"])]
    for row in honest.to_dict("records"):
        text = f"{row['estimate']} AUC {row['auc']:.2f} ({row['auc_low']:.2f} to {row['auc_high']:.2f})"
        yield ["bound", f"{row['signature']}, {row['cohort']}", f"AUC at most {ceiling:.2f}", text, row["auc_low"] <= ceiling]
    above, signal = int((honest["auc_low"] > 0.5).sum()), ceiling > 0.5
    text = f"{above} of {len(honest)} honest intervals lie above 0.5"
    yield ["outcome", "some signature tells the outcome", "yes" if signal else "no", text, (above > 0) == signal]
