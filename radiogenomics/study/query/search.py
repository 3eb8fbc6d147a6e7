"""One question to a finished study: a gene set, genes, a module or an imaging feature against all that it may go with.

Finished tables are read, so that an answer takes a second or two; what they do not hold is computed for the linked patients.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from radiogenomics.study.engine.results import Results
from radiogenomics.study.query.answer import Answer, sentence
from radiogenomics.study.query.find import Meant, find
from radiogenomics.study.query.gather import gather, side_by_side, with_targets
from radiogenomics.study.query.names import Names, UnknownNameError, names_of, read_names

__all__ = ["Names", "UnknownNameError", "find", "names_of", "query"]


def query(folder: Path | str, question: str) -> Answer:
    """Ask a finished study about gene sets, genes, a module or an imaging feature -> its links.

    A question is read in this order: a module (``ME3``, ``module 3``, ``3``, or its colour); the whole name of a gene set of any
    source of the study; a gene's symbol; a feature's name or its abbreviation (``SER``); a gene by another name (``HER2``,
    ``PD-L1``); a category (``immune response``, ``oestrogen``, ``hypoxia``); gene sets whose names hold every word asked, all of
    them together; a list of genes (``CA9, VEGFA, SLC2A1``); features whose names hold every word.

    Capitals, marks, a collection's prefix (``KEGG_``), British or American spelling, the word "pathway" and what people put
    around a name ("what about the ... gene?") do not count. Words that too many sets have (``signaling``) are refused. What else
    the question could have meant stands in `Answer.others`; ``gene: TNF``, ``pathway: TNF``, ``module: blue``, ``feature: SER``
    ask for one kind.

    Parameters
    ----------
    folder : Path or str
        ``DIR`` of ``radiogenomics run --out DIR``.
    question : str
        What is asked about.

    Returns
    -------
    Answer
        Links, those of imaging features and of member genes, the patients behind them, and one plain sentence. Signature scores
        are out-of-fold. Gene sets that the study has not scored, and lists of genes, are scored by its method among the linked
        patients, and the sentence says so.

    Raises
    ------
    UnknownNameError
        If the study has no such name, has not measured the gene, or has too many things of that name; it gives the five nearest.
    InputError
        If the folder holds no finished study, or fewer than two genes of a set were measured.
    """
    results = Results(Path(folder))
    facts = results.settings()
    names = read_names(results)
    meant = find(names, question, results.folder)
    gathered = gather(results, names, meant, facts)
    gathered = with_targets(results, gathered) if meant.kind == "feature" else gathered
    simulated, alpha = bool(facts["simulated"]), facts["links"]["alpha"]
    parts: dict[str, Any] = {"question": question, "kind": meant.kind, "name": meant.name, "size": gathered.size}
    parts |= {"links": gathered.links, "features": gathered.features, "others": meant.others}
    said = parts | {"members": meant.members, "note": gathered.note}
    return Answer(
        **parts,
        related=gathered.related,
        grid=gathered.grid,
        patients=_patients(results, meant, gathered.measured, facts),
        simulated=simulated,
        sentence=sentence(said, results.table("link_null"), simulated=simulated, alpha=alpha),
    )


def _patients(results: Results, meant: Meant, values: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    """Lay the out-of-fold signature scores beside what was asked about, one row per patient."""
    of_training = [("cohort", "==", "training"), ("estimate", "==", "nested")]
    scores = results.table("signatures", filters=of_training)
    wide = scores.pivot_table(index="patient", columns="signature", values="score").rename_axis(columns=None)
    outcome = scores.drop_duplicates("patient").set_index("patient")["outcome"]
    words = outcome.map(dict(enumerate(facts["outcome"]["labels"]))).rename(facts["outcome"]["name"])
    return side_by_side(side_by_side(wide, values, kind=meant.kind), words.to_frame(), kind="outcome")
