"""Words that stand for a missing value, and text that stands for a number."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_object_dtype

PLAIN = ("", "NA", "NaN", "nan", "<NA>")
"""What programs write for a missing value; it needs no mention."""
# fmt: off
_SHORT = frozenset([
    "n/a", "n.a", "n.a.", "na", "nc", "np", "nd", "nk", "null", "nan", "-nan", "-", "--", "---", "–", "—", "-/-", ".",
    "..", "...", "…", "?", "??", "???", "[discrepancy]", "[completed]", "1.#qnan", "-1.#ind", "#n/a", "#n/a n/a", "#na",
    "#ref!", "#div/0!", "#value!", "#name?", "#num!", "#null!", "n/k", "n.k.", "n/d", "n.d", "n.d.", "n/c", "n.c.", "n.p.",
    "\\n", "k.a.", "k. a.", "tbd", "tba",
])
_ABROAD = frozenset([
    "unbekannt", "nicht bekannt", "keine angabe", "keine angaben", "fehlt", "fehlend", "nicht verfügbar", "nicht erhoben",
    "nicht untersucht", "inconnu", "inconnue", "manquant", "manquante", "non disponible", "non renseigné", "non renseignée",
    "non connu", "desconocido", "desconocida", "no disponible", "sin dato", "sin datos", "sconosciuto", "non noto",
    "non disponibile", "mancante", "desconhecido", "não disponível", "onbekend", "niet bekend", "ontbrekend", "okänd", "ukjent",
    "ukendt", "nieznany", "brak danych", "неизвестно", "нет данных", "未知", "不详", "缺失", "不明", "欠測", "欠損", "미상",
])
# fmt: on
_KINDS = (
    r"available|applicable|evaluated|evaluable|collected|known|reported|recorded|assessed|assessable|determined|tested|stated"
    r"|specified|provided|documented|measured|measurable|obtained|entered|examined|disclosed|noted|filled"
    r"|ascertained|supplied|submitted|captured|acquired|scored|graded|staged|asked|answered"
)
_PHRASE = re.compile(
    rf"((data|information|info|value|results?)? ?not ?({_KINDS})( in (the )?(database|records?|chart|file))?( \(?n/?a\)?)?"
    r"|unknown|unknow|unkown|unk|un ?(available|reported|recorded|specified|determined|documented|assessed|evaluable|evaluated)"
    r"|un ?stated"
    r"|(data |value )?missing( data| values?)?|no (data|information|info|value|record|result|answer|response given)|blank|empty"
    r"|(data |value |status )unknown|unknown (data|value|status)|(results? )?pending|to be (determined|announced)"
    r"|(cannot|can not|could not|unable to) (be )?(assess|determine|evaluate|measure)(ed|d)?"
    rf"|unknown ?(/|or) ?(not ({_KINDS}))|not ({_KINDS}) ?(/|or) ?(unknown|not ({_KINDS})))"
)
_MINUS, _PLUS = ("-", "--", "---", "–", "—"), ("+", "++", "+++", "(+)", "+/-", "-/+", "±")
_INTEGER, _DOT = re.compile(r"[-+]?\d+"), re.compile(r"[-+]?\d*\.\d+([eE][-+]?\d+)?")
_COMMA = re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][-+]?\d+)?")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
_NUMBER_LIKE = re.compile(
    r"([<>≤≥~=]|<=|>=|ca\.?|about)?\s*[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?\s*(\+|\*|%|[a-zA-Zµ]{1,6}\.?|\([^)]*\))?"
    r"|[-+]?\d+([.,]\d+)?\s*(-|–|to|/)\s*\d+([.,]\d+)?|\d+[.,]\d+[.,]\d+|[-+]?\d+[.,\s'’_]+\d+"
    r"|([<>≤≥]|<=|>=)\s*[a-zA-Z].*|['\"($€£]?\s*[-+]?\d+([.,]\d+)?\s*[)?;:'\"!]*"
    r"|(below|above|under|over|less than|more than|at least|at most|approx\.?|circa)\s+[-+]?\d+([.,]\d+)?.*|0x[0-9a-fA-F]+"
)


@dataclass(frozen=True)
class MissingWords:
    """The words that stand for a missing value.

    Attributes
    ----------
    known : bool
        Whether the usual words count: blank, NA, N/A, NC, NP, ND, "--", "?", "." and phrases such as "Not Collected",
        "[Not Available]" or "Unknown", in any case.
    own : frozenset of str
        Further words, as they stand in the table.
    """

    known: bool = True
    own: frozenset[str] = field(default_factory=frozenset)

    def includes(self, word: str) -> bool:
        """Say whether a word stands for a missing value."""
        word = word.strip()
        if word in self.own or (not word and (self.known or "" in self.own)):
            return True
        return self.known and is_missing_word(word)


def is_missing_word(word: str) -> bool:
    """Say whether a word usually stands for a missing value."""
    word = word.strip()
    folded = unicodedata.normalize("NFKC", word).casefold()
    if word in PLAIN or word == "NaT" or folded in _SHORT or folded in _ABROAD:
        return True
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word)  # NotReported
    plain = re.sub(r"[\s_-]+", " ", apart.strip("[]()<>* ").casefold()).strip(" .")
    return bool(_PHRASE.fullmatch(plain)) or plain in _ABROAD


def without_missing(column: pd.Series, words: MissingWords) -> tuple[pd.Series, dict[str, int]]:
    """Strip a column of text and blank its words for missing -> the column, and how often each word beyond NA stood there."""
    if pd.api.types.is_numeric_dtype(column) and column.dtype != "bool":
        return _without_numbers(column, words)
    stripped = column.map(_stripped)
    present = stripped.dropna()
    counts = present.value_counts()
    texts = {word.casefold() for word in counts.index if isinstance(word, str)}
    gone = [word for word in counts.index if isinstance(word, str) and words.includes(word) and not (_opposite(word) & texts)]
    said = {word: int(counts[word]) for word in sorted(gone) if word not in PLAIN}
    return stripped.mask(stripped.isin(gone), np.nan) if gone else stripped, said


def _opposite(word: str) -> set[str]:
    """Say which words make one of two classes out of a word for missing: in "reported" and "not reported" nothing is missing.

    A minus is the negative class beside a plus, as pathologists write receptors.
    """
    if word in _MINUS:
        return set(_PLUS)
    return {re.sub(r"^(not[\s_]+|un)", "", word.casefold())} - {word.casefold()}


def _without_numbers(column: pd.Series, words: MissingWords) -> tuple[pd.Series, dict[str, int]]:
    """Blank numbers that stand for a missing value, such as -9, where they are named."""
    numbers = pd.to_numeric(pd.Series(sorted(words.own), dtype=object), errors="coerce").dropna()
    gone = column.isin(numbers)
    said = {f"{value:g}": int((column == value).sum()) for value in numbers if (column == value).any()}
    return (column.mask(gone) if gone.any() else column), said


def _stripped(value: object) -> object:
    return value.strip(" \t\n\u00a0\u200b") if isinstance(value, str) else value


def numbers_of(column: pd.Series) -> pd.Series:
    """Turn text into numbers -> floats, NaN where missing or no number; a true minus sign counts as one."""
    if pd.api.types.is_bool_dtype(column):
        return pd.Series(np.nan, index=column.index)
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    if (plain := plain_numbers(column)) is not None:
        return plain
    text = column.map(lambda value: value.replace("\u2212", "-") if isinstance(value, str) else value)
    text = text.mask(text.map(lambda value: isinstance(value, bool)))
    return pd.to_numeric(text, errors="coerce").astype(float)


def plain_numbers(column: pd.Series) -> pd.Series | None:
    """Turn a column of text in which every value is missing or a plain number into floats; None where some is not."""
    if pd.api.types.is_bool_dtype(column) or (column.dtype == object and column.map(lambda value: isinstance(value, bool)).any()):
        return None
    numbers = pd.to_numeric(column, errors="coerce")
    if not pd.api.types.is_numeric_dtype(numbers) or bool((numbers.isna() & column.notna()).any()):
        return None
    return numbers.astype(float)


def number_column(column: pd.Series) -> tuple[pd.Series, list[int]]:
    """Turn a column in which every present value is a number into numbers -> the column, and the places of the exceptions.

    Returns
    -------
    column : Series
        Floats where every present value is a number, else as it was.
    exceptions : list of int
        Positions of the few values that keep a column of numbers from being one, such as ``>80``; empty where it is text.
    """
    numbers = numbers_of(column)
    present = column.notna()
    wrong = present & numbers.isna()
    if not wrong.any():
        return numbers, []
    return column, np.flatnonzero(wrong).tolist() if _is_measured(column[present], numbers[present], column[wrong]) else []


def number_columns(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, list[int]]]:
    """Turn every column of a table into numbers as `number_column` does -> the table, and the places of the exceptions by name.

    Columns of plain numbers, which most are, are turned together: one by one, a million of them would take minutes.
    """
    plain = [name for name, kind in table.dtypes.items() if isinstance(kind, np.dtype) and kind.kind in "iuf"]
    numbers = [table[plain].astype(float)] if plain else []
    texts = table[[name for name, kind in table.dtypes.items() if is_object_dtype(kind)]]
    if texts.shape[1]:
        cells = texts.to_numpy(dtype=object)
        values = pd.to_numeric(cells.ravel(), errors="coerce").reshape(cells.shape)
        wrong = (pd.isna(values) & ~pd.isna(cells)) | _truths(cells, values)
        whole = np.flatnonzero(~np.asarray(wrong).any(axis=0))
        numbers.append(pd.DataFrame(values[:, whole].astype(float), index=table.index, columns=texts.columns[whole]))
    done = {name for part in numbers for name in part.columns}
    rest = {str(name): number_column(table[name]) for name in table.columns if name not in done}
    others = pd.DataFrame({name: column for name, (column, _) in rest.items()}, index=table.index)
    exceptions = {name: places for name, (_, places) in rest.items() if places}
    return pd.concat([*numbers, others], axis=1)[list(table.columns)], exceptions


def _truths(cells: npt.NDArray[np.object_], values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Find the cells that are true or false, among those that became 1 or 0."""
    found = np.zeros(cells.shape, dtype=bool)
    at = np.nonzero((values == 0) | (values == 1))
    found[at] = [isinstance(value, bool | np.bool_) for value in cells[at]]
    return found


def is_number_like(word: object) -> bool:
    """Say whether a word is a number with something about it, such as ``>80``, ``12 mm``, ``3-5`` or ``4,5``."""
    return bool(_NUMBER_LIKE.fullmatch(str(word).strip()))


def _is_measured(present: pd.Series, numbers: pd.Series, wrong: pd.Series) -> bool:
    """Tell a column of measurements with a few other entries from words of which some are numbers, such as grades."""
    if IDENTIFIERS.search(str(present.name)):
        return False
    share, distinct = numbers.notna().mean(), numbers.nunique()
    if all(is_number_like(word) for word in wrong.unique()):
        return share >= 0.6 and distinct >= 5
    return share >= 0.8 and distinct >= 8 and wrong.nunique() <= max(3, 0.05 * len(present))


IDENTIFIERS = re.compile(r"(?i)(^|[\s_.-])(id|ids|code|barcode|identifier|accession|date|name)$|uuid|ID$")


def comma_columns(table: pd.DataFrame) -> tuple[list[str], bool, bool]:
    """Find among columns of text those whose numbers have a decimal comma.

    Returns
    -------
    names : list of str
        Their names.
    thousands : bool
        Whether every comma in them may part thousands.
    points : bool
        Whether other columns hold numbers with a point.
    """
    commas, thousands, points = [], True, False
    for name in table.columns:
        texts = pd.Series(table[name].dropna().unique()).astype(str).str.replace("\u2212", "-")
        points = points or _count(texts, _DOT) > 0.5 * len(texts)
        with_comma = texts[[bool(_COMMA.fullmatch(text) or _THOUSANDS.fullmatch(text)) for text in texts]]
        if len(with_comma) and len(with_comma) + _count(texts, _INTEGER) >= 0.9 * len(texts):
            commas.append(str(name))
            thousands = thousands and all(_THOUSANDS.fullmatch(text) for text in with_comma)
    return commas, bool(commas) and thousands, points


def has_points(column: pd.Series) -> bool:
    """Say whether a column holds plain numbers with decimals."""
    numbers = plain_numbers(column)
    return numbers is not None and bool((numbers.dropna() % 1 != 0).any())


def _count(texts: pd.Series, pattern: re.Pattern[str]) -> int:
    return sum(pattern.fullmatch(text) is not None for text in texts)


def with_point(column: pd.Series, *, thousands: bool) -> pd.Series:
    """Write numbers with a decimal comma (or thousands commas) with a point -> text."""

    def mend(value: object) -> object:
        if not isinstance(value, str):
            return value
        text = value.replace("\u2212", "-")
        if thousands:
            return text.replace(",", "") if _THOUSANDS.fullmatch(text) else value
        return text.replace(".", "").replace(",", ".") if _COMMA.fullmatch(text) else value

    return column.map(mend)


def shown_counts(counts: dict[str, int], most: int = 6) -> str:
    """Write words with how often they stand -> '"Not Collected" (3), "NP" (1)'."""
    parts = [f'"{word}" ({count})' for word, count in sorted(counts.items(), key=lambda item: -item[1])]
    return ", ".join(parts[:most]) + (f" and {len(parts) - most} more" if len(parts) > most else "")


def as_words(missing: Iterable[str] | None) -> MissingWords:
    """Take `missing` as `read_table` does: the usual words where None, else exactly those given."""
    return MissingWords() if missing is None else MissingWords(known=False, own=frozenset(missing))
