"""Identifiers of patients: TCGA barcodes, and one patient written in several ways."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from radiogenomics._errors import InputError
from radiogenomics._files import Decision, decision_table
from radiogenomics._tables import summarise

_BARCODE = re.compile(r"^(TCGA-[A-Z0-9]{2}-[A-Z0-9]{4})(-.*)?$")


def tcga_patients(identifiers: Sequence[str], *, name: str = "identifiers") -> list[str]:
    """Cut TCGA barcodes to the 12 characters that name the patient.

    Parameters
    ----------
    identifiers : sequence of str
        Barcodes of patients, samples or aliquots; dots instead of dashes (R's doing) are mended.
    name : str
        What the caller calls them; stands in the message.

    Returns
    -------
    list of str
        ``TCGA-XX-YYYY`` for each.

    Raises
    ------
    ValueError
        If one of them is no TCGA barcode; all that are not are counted and the first are named.
    """
    matches = [_BARCODE.match(str(text).strip().upper().replace(".", "-")) for text in identifiers]
    bad = [text for text, match in zip(identifiers, matches, strict=True) if match is None]
    if bad:
        raise InputError(
            f"{name}: {len(bad)} of {len(matches)} are not TCGA barcodes (TCGA-XX-YYYY...): {summarise(bad)}; "
            "correct them, or read the table with barcode = 'as-is'."
        )
    return [match.group(1) for match in matches if match]


def tumour_samples(identifiers: Sequence[str]) -> list[bool]:
    """Tell which TCGA barcodes are of a primary tumour (sample type 01) or name no sample at all.

    Parameters
    ----------
    identifiers : sequence of str
        Barcodes of patients, samples or aliquots.

    Returns
    -------
    list of bool
        False for metastases (06), normal tissue (11) and every other sample type.
    """
    types = [re.match(r"^TCGA.\w{2}.\w{4}.(\d{2})", str(text).strip().upper()) for text in identifiers]
    return [match is None or match.group(1) == "01" for match in types]


@dataclass(frozen=True)
class Matched:
    """Identifiers of one table written as another table writes them.

    Attributes
    ----------
    names : dict of str to str
        The identifier in the other table, by the identifier given; those without a counterpart are not in it.
    unmatched : list of str
        Given identifiers without a counterpart.
    decisions : DataFrame
        Columns ``what, where, count, why``: how identifiers that are not written alike were matched.
    """

    names: dict[str, str]
    unmatched: list[str]
    decisions: pd.DataFrame


def _without_signs(text: str) -> str:
    return re.sub(r"[\s._/-]+", "-", text.strip().casefold()).strip("-")


def _without_zeros(text: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", _without_signs(text))


def _without_prefix(text: str) -> str:
    """Cut what R (``X001`` for 001) and spreadsheets (``1.0`` for 1) add to numbers."""
    return _without_zeros(re.sub(r"^[Xx](?=\d)|(?<=^\d)\.0+$|(?<=\d\d)\.0+$", "", text.strip()))


def plain_patients(identifiers: Sequence[str], *, name: str = "identifiers") -> list[str]:
    """Write identifiers of patients in one plain way, so that tables that write them in several ways fit each other.

    Parameters
    ----------
    identifiers : sequence of str
        Identifiers as they stand in a table.
    name : str
        What the caller calls them; stands in the message.

    Returns
    -------
    list of str
        In capitals, a dash between their parts, numbers without leading zeros, without R's ``X`` before a number: ``p.007``,
        ``P-07`` and ``P_7`` are all ``P-7``.

    Raises
    ------
    ValueError
        If two identifiers that differ are written alike then.
    """
    plain = [_without_prefix(str(text)).upper() for text in identifiers]
    groups: dict[str, dict[str, None]] = {}
    for text, short in zip(identifiers, plain, strict=True):
        groups.setdefault(short, {})[str(text).strip()] = None
    several = [f"{' and '.join(given)} are all {short}" for short, given in groups.items() if len(given) > 1]
    if several:
        raise InputError(
            f"{name}: with barcode = 'plain' patients become one that are written differently: {summarise(several, 3)}; "
            "correct them, or read the table with barcode = 'as-is'."
        )
    return plain


def _barcode(text: str) -> str:
    barcode = _BARCODE.match(text.strip().upper().replace(".", "-"))
    return barcode.group(1) if barcode else _without_zeros(text)


_WAYS: dict[str, Callable[[str], str]] = {
    "in another case": lambda text: text.strip().casefold(),
    "with other signs between their parts": _without_signs,
    "with or without leading zeros": _without_zeros,
    "with what R and spreadsheets add to numbers": _without_prefix,
    "as barcodes of samples": _barcode,
}


def match_patients(given: Sequence[str], known: Sequence[str], *, name: str = "identifiers") -> Matched:
    """Find the patients of one table in another, where the two write identifiers in different ways.

    Identifiers written alike come first; then those that differ in case, in the signs between their parts (``P.01``,
    ``P-01``), in leading zeros, or that are TCGA barcodes of samples. Two identifiers that become one are never matched.

    Parameters
    ----------
    given : sequence of str
        Identifiers to look for.
    known : sequence of str
        Identifiers as they shall be written.
    name : str
        What the caller calls the given ones; stands in the decisions.

    Returns
    -------
    Matched
        Names by given identifier, those without one, and what was decided.
    """
    names = {text: text for text in given if text in set(known)}
    decisions = []
    for way, plain in _WAYS.items():
        taken = set(names.values())
        left, right = _once([text for text in given if text not in names], plain), _once(known, plain)
        matched = {left[key]: right[key] for key in left if key in right and right[key] not in taken}
        if matched:
            examples = ", ".join(f"{text} is {other}" for text, other in list(matched.items())[:3])
            decisions.append(Decision("identifiers matched", name, len(matched), f"written {way}: {examples}"))
        names |= matched
    unmatched = [text for text in given if text not in names]
    return Matched(names, unmatched, decision_table(decisions))


def _once(texts: Sequence[str], plain: Callable[[str], str]) -> dict[str, str]:
    """Write identifiers plainly -> the identifier by its plain writing, without those that become one."""
    groups: dict[str, set[str]] = {}
    for text in texts:
        groups.setdefault(plain(text), set()).add(text)
    return {key: next(iter(members)) for key, members in groups.items() if len(members) == 1}
