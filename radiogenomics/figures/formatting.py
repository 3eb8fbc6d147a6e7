"""Numbers and names as a reader of a paper expects them; panels and report share them."""

import math
import re
import textwrap

import pandas as pd

_LEVEL, _MOST_DIGITS = 0.05, 6


def short(name: object, most: int = 32) -> str:
    """Shorten a name to at most `most` characters, keeping its beginning and its end."""
    text = str(name)
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1].rstrip()}…{text[-tail:].lstrip()}"


def wrapped(text: object, width: int) -> str:
    """Break a text into lines of at most `width` characters."""
    return "\n".join(textwrap.wrap(str(text), width)) or ""


def amount(value: float, digits: int = 2) -> str:
    """Write a number with a fixed number of decimals and a true minus sign; a missing one is a dash."""
    if pd.isna(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")


def interval(value: float, low: float, high: float, digits: int = 2) -> str:
    """Write an estimate and its interval -> ``0.58 (0.46–0.70)``; without an interval the estimate alone."""
    if pd.isna(low) or pd.isna(high):
        return amount(value, digits)
    dash = " to " if min(low, high) < 0 else "–"
    return f"{amount(value, digits)} ({amount(low, digits)}{dash}{amount(high, digits)})"


NOT_ESTIMATED = "could not be estimated"


def is_estimated(auc: float) -> bool:
    """Tell whether an AUC says anything: it is missing where a fit failed, and 0 where constant scores are pooled over folds.

    A fit that finds nothing gives each fold the share of events among all others, which is lower in the fold with more events:
    pooled, every patient with the outcome then ranks below every other one (Parker et al. 2007, doi 10.1186/1471-2105-8-326).
    """
    return bool(auc > 0)  # a missing one compares false


def auc_interval(auc: float, low: float, high: float) -> str:
    """Write an AUC and its interval; one that says nothing gets words instead of a number."""
    return interval(auc, low, high) if is_estimated(auc) else NOT_ESTIMATED


def p_text(value: float) -> str:
    """Write a p or q value as journals do -> ``0.03``, ``<0.001``; a missing one is a dash.

    A value next to 0.05 gets as many digits as show on which side it lies: ``0.048``, ``0.051``, ``0.0499``.
    """
    if pd.isna(value):
        return "–"
    if value < 0.001:
        return "<0.001"
    digits = 3 if value < 0.01 else 2
    while value != _LEVEL and float(f"{value:.{digits}f}") == _LEVEL and digits < _MOST_DIGITS:
        digits += 1
    return f"{value:.{digits}f}"


def stars(q: float) -> str:
    """Write significance after correction as stars: * below 0.05, ** below 0.01, *** below 0.001."""
    return "" if pd.isna(q) else "***" if q < 0.001 else "**" if q < 0.01 else "*" if q < 0.05 else ""


_COLLECTION = re.compile(r"^(KEGG|HALLMARK|REACTOME|WP|GOBP|GOMF|GOCC|BIOCARTA|PID)(_MEDICUS)?(?=_)_")
_COLLECTIONS = {"HALLMARK": "Hallmark", "REACTOME": "Reactome", "BIOCARTA": "BioCarta"}
_ACRONYMS = frozenset(
    """ABC AKT ATP BCR CAM CAMS CD DNA E2F ECM EGF EGFR ERBB FC G2M GNRH GPCR GPI HIF1 I II III IL2 IL6 JAK KRAS MAPK MHC MTOR
    MTORC1 MYC NFKB NK NOD P53 PI3K PPAR RIG RNA ROS STAT STAT3 STAT5 TCA TCR TGF TNF TNFA UPR UV V1 V2 VEGF WNT""".split()  # noqa: SIM905
)


def pathway_label(name: object, most: int = 40) -> str:
    """Make a gene set's name readable -> ``KEGG_MAPK_SIGNALING_PATHWAY`` becomes ``MAPK signaling pathway (KEGG)``.

    The collection stays: two collections have sets of one name. Names that begin with no known collection stay as they are.
    """
    text = str(name)
    collection = _COLLECTION.match(text)
    if text != text.upper() or collection is None:
        return short(text, most)
    words = text[collection.end() :].split("_")
    words = [word if word in _ACRONYMS else word.lower() for word in words]
    words[0] = words[0][:1].upper() + words[0][1:]
    shown = _COLLECTIONS.get(collection[1], collection[1])
    return f"{short(' '.join(words), most - len(shown) - 3)} ({shown})"
