"""SeriesDescription -> the tissue that a series of a Dixon scan shows, as scanners name it there."""

import re

_ALWAYS = {
    "water": "water", "fat": "fat", "inphase": "in phase", "outphase": "out of phase", "outofphase": "out of phase",
    "oppphase": "out of phase", "opposedphase": "out of phase",
}  # fmt: skip
_OF_DIXON = {
    "w": "water", "f": "fat", "in": "in phase", "ip": "in phase", "out": "out of phase", "op": "out of phase",
    "opp": "out of phase", "opposed": "out of phase",
}  # fmt: skip
"""Short names, which count only in the description of a Dixon scan."""

_DIXON = re.compile(r"dixon|flex|ideal", re.IGNORECASE)
_JOINED = re.compile(r"(?<![a-z])(in|out of|out|opp|opposed)[ _-]*phase(?![a-z])")
_SUPPRESSED = re.compile(r"^(sat|sup|exc|spec|null|free)|^(fs|only)$")
_WITHOUT = {"no", "non", "not", "without", "w/o", "wo"}
_WEIGHTED = {"t1", "t2", "pd"}  # "T1 W" is a weighting, no water


def tissue_of(description: str) -> str:
    """Name the tissue that a description tells -> ``water``, ``fat``, ``in phase``, ``out of phase``, ``fat fraction``...

    Empty where it tells none, or several; "fat sat" and "no fat" tell none.
    """
    text = _JOINED.sub(lambda found: found[1].replace(" ", "") + "phase", description.lower())
    words = re.findall(r"w/o|[a-z0-9]+", text)
    names = _ALWAYS | _OF_DIXON if _DIXON.search(description) else _ALWAYS
    found = {
        f"{names[word]} fraction" if after == "fraction" else names[word]
        for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False)
        if word in names
        and before not in _WITHOUT
        and not _SUPPRESSED.search(after)
        and not (word == "w" and before in _WEIGHTED)
    }
    return found.pop() if len(found) == 1 else ""
