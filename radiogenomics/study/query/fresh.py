"""What a study did not compute, computed when it is asked for: scores of further gene sets, and links with them.

Only the linked patients are at hand then, so a set is scored among them, where the study scores among everybody with expression.
"""

from typing import Any

import pandas as pd

from radiogenomics import linking, pathways
from radiogenomics._errors import InputError
from radiogenomics.study.engine.results import Results
from radiogenomics.study.steps.patients import linked, with_words

FEWEST_GENES = 2
"""Fewer measured genes make no set; one gene is asked for by its name."""

SIGNATURE = "signature"
RANK_BISERIAL = "rank-biserial r"
GENES = "genes"


class Fresh:
    """The linked patients of a finished study, and how it links.

    Parameters
    ----------
    results : Results
        A finished study.
    facts : dict
        What its manifest says.
    """

    def __init__(self, results: Results, facts: dict[str, Any]) -> None:
        self.results, self.facts = results, facts
        self.patients = results.table("patients")
        self.who = linked(self.patients)
        self._how: dict[str, Any] = {"n_permutations": facts["links"]["n_permutations"], "random_state": facts["seed"]}
        self._method = str(facts["links"]["method"])
        self._measure = f"{self._method.capitalize()} r"

    def scores(self, sets: dict[str, list[str]]) -> pd.DataFrame:
        """Score gene sets in the linked patients, by the study's method.

        Raises
        ------
        InputError
            If a set has fewer than two measured genes.
        """
        for name, genes in sets.items():
            if len(genes) < FEWEST_GENES:
                has = f"the study has measured {f'one of its genes ({genes[0]})' if genes else 'none of its genes'}"
                raise InputError(f"{name} cannot be scored: {has}; ask for a set with {FEWEST_GENES} measured genes or more.")
        scoring = self.facts["pathways"]
        expression = self.results.table("expression_linked").loc[self.who]
        return pathways.score(expression, sets, method=scoring["method"], kernel=scoring["kernel"], min_size=1)

    def with_signatures(self, right: pd.DataFrame, name: str) -> pd.DataFrame:
        """Link out-of-fold scores of the signatures with what was asked for; q over this question."""
        named = {"imaging": SIGNATURE, "molecular": name, "family": f"signature x {name}"}
        scores = self.signatures()
        return self._correlated(scores, right, **named) if scores.shape[1] else pd.DataFrame()

    def with_features(self, right: pd.DataFrame, name: str) -> pd.DataFrame:
        """Link every imaging feature with what was asked for; q over the features of one kind and this question."""
        tables = {kind: self.features(kind) for kind in self.kinds()}
        parts = [
            self._correlated(table, right, imaging=kind, molecular=name, family=f"{kind} features x {name}", estimate="measured")
            for kind, table in tables.items()
            if table.shape[1]
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def with_clinic(self, right: pd.DataFrame, name: str) -> pd.DataFrame:
        """Link clinical numbers by correlation and clinical groups by contrast; each is a family of its own."""
        outcome = self.facts["outcome"]
        clinical = with_words(self.patients, name=outcome["name"], labels=outcome["labels"])
        tables = {"clinical numbers": linking.clinical_numbers(clinical), "clinical groups": linking.clinical_groups(clinical)}
        parts = []
        for kind, left in tables.items():
            varying = linking.varying_beside(right.loc[left.index], left)
            if left.empty or varying.empty:
                continue
            named: dict[str, Any] = {"imaging": kind, "molecular": name, "family": f"{kind} x {name}", "estimate": "measured"}
            if kind == "clinical numbers":
                parts.append(self._correlated(left, varying, **named))
            else:
                halves = pd.Series(0.5, index=left.columns)
                links = linking.contrast(left, varying, thresholds=halves, **named, **self._how)
                parts.append(links.assign(measure=RANK_BISERIAL))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def with_genes(self, left: pd.DataFrame, kind: str) -> pd.DataFrame:
        """Link features with every gene; q over all genes and the features asked for."""
        family = f"{kind} features asked for x genes"
        named = {"imaging": kind, "molecular": GENES, "family": family, "estimate": "measured"}
        return self._correlated(left, self.results.table("expression_linked").loc[self.who], **named)

    def signatures(self) -> pd.DataFrame:
        """Give the out-of-fold scores of the signatures that the study links, one column each."""
        links = self.results.table(
            "links", columns=["feature"], filters=[("imaging", "==", SIGNATURE), ("estimate", "==", "nested")]
        )
        scores = self.results.table("signatures", filters=[("cohort", "==", "training"), ("estimate", "==", "nested")])
        wide = scores.pivot_table(index="patient", columns="signature", values="score").rename_axis(columns=None)
        return wide.loc[self.who, list(links["feature"].unique())]

    def kinds(self) -> list[str]:
        """Name the tables of imaging features."""
        return [name.removeprefix("features_") for name in self.results.tables() if name.startswith("features_")]

    def features(self, kind: str) -> pd.DataFrame:
        """Give the features of one kind that were measured and vary, of the linked patients."""
        table = self.results.table(f"features_{kind}").loc[self.who]
        return linking.varying_columns(table.loc[:, ~table.columns.str.startswith("shuffled_")])

    def _correlated(self, left: pd.DataFrame, right: pd.DataFrame, **named: Any) -> pd.DataFrame:
        left, right = linking.linkable(left, right.loc[left.index], method=self._method)
        links = linking.correlate(left, right, method=self._method, ranks=self._method != "partial", **named, **self._how)
        return links.assign(measure=self._measure)
