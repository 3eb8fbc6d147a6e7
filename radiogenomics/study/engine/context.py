"""What every step of a study may ask for: inputs, cohorts, seeds, and how the work is spread."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import pandas as pd

from radiogenomics import expression
from radiogenomics._parallel import Progress
from radiogenomics.study.engine.store import Product, Store
from radiogenomics.study.inputs.sources import Inputs


@dataclass(frozen=True)
class Plan:
    """A checked study and how to run it.

    Attributes
    ----------
    inputs : Inputs
        Manifest and verified files.
    store : Store
        Where results lie; what a step asks for that an earlier one has found is read from there.
    n_jobs : int
        Processes on this machine.
    scheduler : str or Client, optional
        A Dask cluster, in the place of `n_jobs`.
    progress : callable, optional
        Called as ``progress(done, total, name)``.
    """

    inputs: Inputs
    store: Store
    n_jobs: int = 1
    scheduler: Any = None
    progress: Progress | None = None

    def seed(self, purpose: str) -> int:
        """Derive a seed from the study's seed and a purpose, so that no two steps draw the same numbers."""
        digest = hashlib.sha256(f"{self.inputs.manifest.seed}:{purpose}".encode()).digest()
        return int.from_bytes(digest[:4], "big")

    def hashes(self, *sources: str) -> dict[str, Any]:
        """Give the hashes of sources and how they are read, for the settings of a step."""
        facts = self.inputs.manifest.sources
        reading = {"patient", "header_rows", "barcode", "genes_in"}
        return {source: {"sha256": self.inputs.hashes[source], **facts[source].model_dump(include=reading)} for source in sources}

    def bind(self, function: Callable[["Plan", Store], Mapping[str, Product]]) -> Callable[[Store], Mapping[str, Product]]:
        """Give a step's function its plan."""
        return partial(function, self)

    def tasks(self, label: str) -> Progress | None:
        """Give a progress callback that says which step the tasks belong to."""
        report = self.progress
        if report is None:
            return None
        return lambda done, total, name: report(done, total, f"{label}: {name}")

    @property
    def training(self) -> pd.DataFrame:
        """The table of the training cohort's patients."""
        patients = self.store.table("patients")
        return patients[patients["cohort"] == "training"]

    @cached_property
    def expression(self) -> expression.Prepared:
        """The prepared expression matrix of everybody who has one."""
        chosen, training = self.inputs.manifest.expression, self.training
        return expression.prepare(
            self.inputs.expression,
            unit=chosen.unit,
            clip=chosen.clip,
            min_mean=chosen.min_mean,
            linked=training.index[training["has_expression"]],
        )

    @property
    def linked(self) -> pd.Index:
        """The training patients with features, expression and outcome: those whom links and gene score are made of."""
        training = self.training
        return training.index[training["included"]]
