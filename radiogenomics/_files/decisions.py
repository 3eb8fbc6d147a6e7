"""What was decided while data were read or prepared: one row per decision, for the log and for a study's report."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd

logger = logging.getLogger(__name__)

LOGGED = "%s: %s (%d): %s"
"""How a decision is written to a log."""

_QUIET = {
    "separator",
    "decimal comma",
    "encoding",
    "unpacked",
    "sheet",
    "comment lines",
    "heading",
    "title lines",
    "repeated rows",
    "repeated genes",
    "files passed over",
    "transfer syntax",
    "level of air found",
    "voxels left out",
    "lesions left out",
    "lesion grown",
}
"""How a file is written, as against what was left out or changed: information rather than a warning."""


@dataclass(frozen=True)
class Decision:
    """Something that was decided about the data.

    Attributes
    ----------
    what : str
        The kind of decision, such as "word for missing".
    where : str
        The file, with column, row or line.
    count : int
        How many lines, values, genes or patients it touched.
    why : str
        The reason, with the first examples.
    """

    what: str
    where: str
    count: int
    why: str


@dataclass(frozen=True)
class Reading:
    """A table and what was decided while it was read.

    Attributes
    ----------
    table : DataFrame
        The table.
    decisions : DataFrame
        Columns ``what, where, count, why``, one row per decision; empty where nothing had to be decided.
    """

    table: pd.DataFrame
    decisions: pd.DataFrame


Tell = Callable[[Decision], None]
"""Called with a decision where it is made. A function that decides takes one as ``tell``; left out, the decision is logged."""


def log_decision(decision: Decision) -> None:
    """Write one decision to the log in its own words, behind the place that it concerns."""
    logger.log(_level(decision), "%s%s", f"{decision.where}: " if decision.where else "", decision.why)


def changes_data(what: str) -> bool:
    """Say whether a kind of decision leaves out or changes something, as against how a file is written."""
    return what not in _QUIET


def _level(decision: Decision) -> int:
    return logging.WARNING if changes_data(decision.what) else logging.INFO


def told_of(patient: str, decisions: list[Decision]) -> Tell:
    """Make a ``tell`` that adds what is decided about one patient to a list: the patient is where, the file goes before why."""

    def tell(decision: Decision) -> None:
        file = "" if decision.where in ("", patient) else f"{decision.where}: "
        decisions.append(replace(decision, where=patient, why=f"{file}{decision.why}"))

    return tell


def decision_table(decisions: Iterable[Decision]) -> pd.DataFrame:
    """Lay decisions out as a table -> columns ``what, where, count, why``."""
    columns = ["what", "where", "count", "why"]
    table = pd.DataFrame([asdict(decision) for decision in decisions], columns=columns)
    return table.astype({"what": object, "where": object, "count": "int64", "why": object})


def log_decisions(decisions: Sequence[Decision], logger: logging.Logger) -> None:
    """Write every decision to a log: what changed the data as a warning, how the file is written as information."""
    for decision in decisions:
        logger.log(_level(decision), LOGGED, decision.where, decision.what, decision.count, decision.why)
