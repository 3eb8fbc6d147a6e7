"""Names in files and in messages: this module imports nothing, so that every other may use it."""

import os
import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches


def slug(name: object) -> str:
    """Make a name fit for a file."""
    return re.sub(r"[^A-Za-z0-9]+", "_", str(name)).strip("_")


def plain_identifier(text: object) -> str:
    """Write an identifier without case and leading zeros, with a dash between its parts: ``P.007`` and ``p7`` are ``p-7``."""
    parts = re.findall(r"\d+|[^\W\d_]+|[^\w\s./-]+", str(text).casefold())
    return "-".join(part.lstrip("0") or "0" if part.isdigit() else part for part in parts)


def written_alike(first: Iterable[object], second: Iterable[object]) -> list[tuple[object, object]]:
    """Find identifiers that differ in case, signs or leading zeros alone -> pairs of one of the first and one of the second."""
    groups: dict[str, list[object]] = {}
    for name in second:
        groups.setdefault(plain_identifier(name), []).append(name)
    return [(name, other) for name in first for other in groups.get(plain_identifier(name), []) if other != name]


def readable(name: str) -> str:
    """Give a file name that tables and messages can hold: bytes that are no UTF-8 are read as Latin-1, so that two stay two."""
    content = os.fsencode(name)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the known name most like a word, for the end of an error message; nothing where none is like it."""
    names = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), names, n=1) or [name for name in names if word and word.lower() in name]
    return f" (did you mean {names[close[0]]!r}?)" if close else ""


def closest(name: str, names: Iterable[str], *, n: int = 5) -> list[str]:
    """Find the names most like what was typed -> at most `n` of them, the best first.

    Capitals, underscores and a collection's prefix do not count: ``MAPK signaling`` finds ``KEGG_MAPK_SIGNALING_PATHWAY``.

    Parameters
    ----------
    name : str
        What was asked for.
    names : iterable of str
        What there is: pathways, genes, modules.
    n : int
        How many to give.

    Returns
    -------
    list of str
        An exact match alone; otherwise the nearest, the best first.
    """
    names = list(dict.fromkeys(names))
    asked = words(name)
    exact = [known for known in names if known == name] or [known for known in names if words(known) == asked]
    if exact:
        return exact[:1]
    return sorted(names, key=lambda known: (-_likeness(asked, words(known)), known))[:n]


_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "κ": "kappa", "λ": "lambda"}
_AMERICAN = (
    (r"oestr", "estr"), (r"oedem", "edem"), (r"oesoph", "esoph"), (r"foet", "fet"), (r"haem", "hem"), (r"aemi", "emi"),
    (r"gynaec", "gynec"), (r"caec", "cec"), (r"leuco", "leuko"), (r"leucaem", "leukem"), (r"fibre", "fiber"),
    (r"centre", "center"), (r"ageing", "aging"), (r"catalys", "catalyz"), (r"sulph", "sulf"), (r"([aeiou])lling\b", r"\1ling"),
    (r"([aeiou])lled\b", r"\1led"), (r"(\w{2})our(s|al|ed|ing)?\b", r"\1or\2"), (r"is(ation|ing|ed)(s?)\b", r"iz\1\2"),
)  # fmt: skip
"""British spelling -> American; both a question and a name are spelled so, and a word that looks alike does no harm."""


def american(text: str) -> str:
    """Write a text in lower case, American spelling and Latin letters: ``Oestrogen, TGF-β`` -> ``estrogen, tgf-beta``."""
    text = text.lower()
    for letter, name in _GREEK.items():
        text = text.replace(letter, name)
    for british, ours in _AMERICAN:
        text = re.sub(british, ours, text)
    return text


def words(name: str) -> list[str]:
    """Split a name into lower-case words and numbers; British and American spelling are one."""
    return re.findall(r"[a-z0-9]+", american(name))


def _likeness(asked: Sequence[str], known: Sequence[str]) -> float:
    """Score 0 to 2: the share of asked words that the name holds, then the likeness of the letters."""
    held = sum(any(word.startswith(part) for word in known) for part in asked) / max(len(asked), 1)
    return held + SequenceMatcher(None, " ".join(asked), " ".join(known)).ratio()
