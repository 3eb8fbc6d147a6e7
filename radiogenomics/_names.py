"""Names in files and in messages: this module imports nothing, so that every other may use it."""

import re
from collections.abc import Iterable


def slug(name: object) -> str:
    """Make a name fit for a file."""
    return re.sub(r"[^A-Za-z0-9]+", "_", str(name)).strip("_")


def nearest(word: str, known: Iterable[str]) -> str:
    """Suggest the known name most like a word, for the end of an error message; nothing where none is like it."""
    from difflib import get_close_matches

    names = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), names, n=1) or [name for name in names if word and word.lower() in name]
    return f" (did you mean {names[close[0]]!r}?)" if close else ""
