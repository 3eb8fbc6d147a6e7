"""From the words of a question to what is meant: one name of the study, or several that belong together."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from radiogenomics import pathways
from radiogenomics._names import words
from radiogenomics.study.query import meaning
from radiogenomics.study.query.names import Names, UnknownNameError, nearest_names

Kind = Literal["pathway", "gene", "module", "feature", "category", "list"]

MOST_SETS, MOST_FEATURES = 25, 60
"""Of so many sets or features a question may be the answer; words that more of them have name none."""

_SHOWN = 8


class Meant(NamedTuple):
    """What a question means.

    Attributes
    ----------
    kind : str
        "pathway", "gene", "module", "feature", "category" (several gene sets) or "list" (genes asked for together).
    name : str
        The study's name of it, or what was asked for in words.
    others : tuple of str
        What else the question could have meant.
    members : tuple of str
        The sets of a category, the features, the genes of a list; the name itself of anything else.
    missing : tuple of str
        Genes of a list that the study has not measured.
    """

    kind: Kind
    name: str
    others: tuple[str, ...]
    members: tuple[str, ...]
    missing: tuple[str, ...] = ()


def find(names: Names, question: str, folder: Path) -> Meant:
    """Find what a question names.

    Raises
    ------
    UnknownNameError
        If it names nothing, a gene that is not measured, or so many things that it names none; with the nearest names.
    """
    asked = re.match(r"\s*(pathway|gene|module|feature)\s*:", question, re.IGNORECASE)
    wanted = asked[1].lower() if asked else ""
    text = question[asked.end() if asked else 0 :].strip().strip("?!. ")
    bare = _without_asides(text)
    candidates = [one for one in _candidates(names, text) if wanted in ("", one.kind)]
    candidates = candidates or [one for one in _candidates(names, bare) if bare != text and wanted in ("", one.kind)]
    if not candidates:
        reason = _why(names, question, bare or text, folder)
        raise UnknownNameError(reason, nearest_names(bare or text, names, wanted))
    first, *others = candidates
    told = dict.fromkeys(name for one in others for name in one.members if name not in first.members)
    return first._replace(others=tuple(told)[:_SHOWN])


def _without_asides(text: str) -> str:
    """Leave out of a question what stands around the thing asked for: ``What about the HER2 gene`` -> ``HER2``."""
    kept = [word for word in text.split() if re.sub(r"\W", "", word).lower() not in meaning.ASIDE]
    return " ".join(kept)


def _candidates(names: Names, text: str) -> list[Meant]:
    """List everything that a text can mean, the first meant first."""
    if not text:
        return []
    asked, genes = meaning.telling(text), {gene.lower(): gene for gene in names.genes}
    exact = [name for name in _held(names, text) if meaning.telling(name) == asked]
    nearly = [name for name in _held(names, text) if _essence(name) == _essence(text)]
    gene, alias = genes.get(text.lower()), meaning.gene_of(text, genes, names.aliases)
    gene = text if text in names.genes else gene
    measured = alias if alias in set(names.genes) else None
    sure = [
        *(_one("module", name) for name in _modules(names, text)),
        *(_one("pathway", name) for name in exact),
        *([_one("gene", gene)] if gene else []),
        *_features(names, text, exactly=True),
        *(_one("pathway", name) for name in nearly),
        *([_one("gene", measured)] if measured and measured != gene else []),
    ]
    if alias and not (measured or gene or sure or meaning.category_of(text)):
        return []  # the name of a gene that was not measured means this gene, and nothing that looks like it
    lacking = (alias,) if alias and not measured else ()  # told beside the answer of the category that it is asked as
    return [
        *sure,
        *(one._replace(missing=lacking) for one in _categories(names, text)),
        *_list(names, text, genes),
        *_features(names, text, exactly=False),
    ]


def _one(kind: Kind, name: str) -> Meant:
    return Meant(kind, name, (), (name,))


def _essence(name: str) -> list[str]:
    return [word for word in meaning.telling(name) if word != "signaling"] or ["signaling"]


def _modules(names: Names, text: str) -> list[str]:
    """Read a module's number or colour."""
    module = re.fullmatch(r"(?:me|module\s*)?(\d+)", text, re.IGNORECASE)
    label = f"ME{int(module[1])}" if module else names.colors.get(re.sub(r"^module\s+|\s+module$", "", text.lower()), "")
    return [label] if label in names.modules else []


def _held(names: Names, text: str) -> list[str]:
    """List the sets whose names have every word asked: nearest first, scored before others where no collection is named."""
    asked = meaning.telling(text)
    held = [name for name in names.sets if meaning.holds(name, asked)]
    held = list(dict.fromkeys([*pathways.closest(text, held, n=len(held)), *held]))
    named = {word for word in re.findall(r"[a-z]+", text.lower()) if word in meaning.IDLE - {"pathway", "pathways"}}
    if named:
        return sorted(held, key=lambda name: not named & set(re.findall(r"[a-z]+", name.lower())))
    scored = set(names.pathways)
    return sorted(held, key=lambda name: name not in scored)


def _categories(names: Names, text: str) -> Iterator[Meant]:
    """Give the category that is asked for, then the sets that have the words; a single set is answered as itself."""
    category = meaning.category_of(text)
    groups = {category: meaning.sets_of(category, names.sets, names.categories)} if category else {}
    held = _held(names, text)
    if not set(meaning.telling(text)) <= meaning.GENERAL and len(held) <= MOST_SETS:
        groups |= {f"sets with {text!r}" if category else text: held}
    for name, sets in groups.items():
        if len(sets) == 1:
            yield _one("pathway", sets[0])
        elif sets:
            yield Meant("category", name, (), tuple(sets))


def _features(names: Names, text: str, *, exactly: bool) -> Iterator[Meant]:
    """Give the features of a name, of an abbreviation in brackets (``SER``), or, not exactly, those that have the words."""
    asked = words(text)
    if not asked:
        return
    if exactly:
        whole = [name for name in names.features if name.lower() == text.lower()]
        short = [name for name in names.features if asked in [words(one) for one in re.findall(r"\(([^()]+)\)", name)]]
        plain = [name for name in names.features if words(re.sub(r"\([^()]*\)", " ", name)) == asked]
        matches = whole or short or plain
    else:
        matches = _worded(names, text) or _worded(names, re.sub(r"(?i)\bsize\b", "volume", text))
    if len(matches) == 1:
        yield _one("feature", matches[0])
    elif 1 < len(matches) <= MOST_FEATURES:
        yield Meant("feature", text, (), tuple(matches))


def _worded(names: Names, text: str) -> list[str]:
    """List the features whose names have every word asked."""
    return [name for name in names.features if all(_has(_measured(name), word) for word in _measured(text))]


def _measured(name: str) -> list[str]:
    """Split the name of a feature into words; lesion, tumour and mass are one."""
    return ["lesion" if word in ("tumor", "mass") else word for word in words(name)]


def _has(known: list[str], word: str) -> bool:
    return any(one.startswith(word) for one in known) if len(word) > 2 else word in known


def _list(names: Names, text: str, genes: dict[str, str]) -> Iterator[Meant]:
    """Read genes that are asked for together: ``CA9, VEGFA, SLC2A1``; those that are not measured are told."""
    parts, marked = _parts(text)
    symbols = {part: meaning.gene_of(part, genes, names.aliases) for part in parts}
    measured = list(dict.fromkeys(gene for gene in symbols.values() if gene in set(names.genes)))
    missing = tuple(part for part, gene in symbols.items() if gene not in measured)
    if len(parts) < 2 or not measured or not (marked or all(map(_is_symbol, missing))):
        return
    kind: Kind = "list" if len(measured) > 1 else "gene"
    yield Meant(kind, ", ".join(measured), (), tuple(measured), missing)


def _is_symbol(word: str) -> bool:
    """Tell the symbol or known name of a gene, such as ``CA9``, from another word in capitals."""
    return bool(re.fullmatch(r"[A-Z][A-Z0-9-]*[0-9][A-Z0-9-]*", word)) or meaning.gene_of(word, {}, {}) is not None


def _parts(text: str) -> tuple[list[str], bool]:
    """Take a list apart -> its parts, and whether marks, and not blanks alone, say that it is one."""
    marked = [part.strip() for part in re.split(r"[,;+|/\n]|\band\b", text) if part.strip()]
    if len(marked) > 1:
        return (marked, True) if all(re.fullmatch(r"[\w.-]+", part) for part in marked) else ([], False)
    return text.split(), False


def _why(names: Names, question: str, text: str, folder: Path) -> str:
    """Say why a question names nothing of the study."""
    genes = {gene.lower(): gene for gene in names.genes}
    gene = meaning.gene_of(text, genes, names.aliases)
    if gene and gene not in genes.values():
        return f"{question!r} is the gene {gene}, which is not among the {len(genes):,} genes of the study in {folder}."
    parts, marked = _parts(text)
    if len(parts) > 1 and (marked or all(map(_is_symbol, parts))):
        return f"None of {', '.join(parts)} is among the {len(genes):,} genes of the study in {folder}."
    held = [*_held(names, text), *(one for one in names.features if all(_has(_measured(one), word) for word in _said(text)))]
    if len(held) > 1:
        first = ", ".join(held[:_SHOWN])
        return f"{question!r} could mean {len(held):,} things of the study in {folder} ({first}, ...); name one of them whole."
    kinds = "pathway, gene, module, imaging feature, category or list of genes"
    return f"{question!r} is not a {kinds} of the study in {folder}."


def _said(text: str) -> list[str]:
    return _measured(text) or ["?"]
