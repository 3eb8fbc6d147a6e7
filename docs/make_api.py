"""Write docs/api.md: every public name with its arguments and what it returns, as the code has them.

``python docs/make_api.py`` writes it; a test compares it with the code.
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin, is_typeddict

import radiogenomics as rg

_HEAD = """# Every public name

Generated from the code by `python docs/make_api.py`. Arguments behind `*` go by name; those in `[brackets]` have a default.
The same argument has the same name everywhere:

| argument | what it is |
|---|---|
| `y_true, y_score` | the outcome (1 for the event) and a score, in this order; `y_prob` where it must be a probability |
| `X, y` | features and outcome of an estimator's `fit`, as in scikit-learn |
| `random_state` | the source of chance: an int, or a `numpy.random.Generator` where said |
| `confidence` | the level of an interval, 0.95 for 95 % |
| `n_jobs`, `scheduler`, `progress` | how work is spread and watched; no result depends on them |
| `expression` | patients x genes |
| `time, event` | follow-up, and 1 where the event was seen or 0 where the patient was censored |
| `tell` | takes each decision that a function makes about data (`what, where, count, why`) |
| `ax`, `figure` | where a figure is drawn; a new one if left out |
"""


def _rooms() -> Iterator[tuple[str, Any]]:
    yield "radiogenomics", rg
    for name in rg.__all__:
        if inspect.ismodule(room := getattr(rg, name)):
            yield name, room


def members() -> Iterator[tuple[str, str, Any]]:
    """Give every public function and class: room, name, and itself."""
    for room, module in _rooms():
        for name in sorted(module.__all__):
            member = getattr(module, name)
            if inspect.isfunction(member) or (inspect.isclass(member) and get_origin(member) is None):
                yield room, name, member


def arguments(member: Any) -> list[inspect.Parameter]:
    """List what a function, or the constructor of a class, takes."""
    if is_typeddict(member) or (inspect.isclass(member) and issubclass(member, BaseException)):
        return []
    return [one for one in inspect.signature(member).parameters.values() if one.name not in ("self", "args", "kwargs")]


def _argument_text(member: Any) -> str:
    words, star = [], False
    for one in arguments(member):
        if one.kind is one.KEYWORD_ONLY and not star:
            words, star = [*words, "*"], True
        words.append(one.name if one.default is one.empty else f"[{one.name}]")
    return ", ".join(words)


def _returned(member: Any) -> str:
    if inspect.isclass(member):
        return "exception" if issubclass(member, BaseException) else "class"
    text = inspect.formatannotation(inspect.signature(member).return_annotation).strip("'\"")
    short = re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)
    return short.replace("|", "\\|")


def _table(rows: list[tuple[str, Any]]) -> Iterator[str]:
    yield "| name | arguments | returns | |\n|---|---|---|---|"
    for name, member in rows:
        says = (inspect.getdoc(member) or "").split("\n")[0].replace("|", "\\|")
        yield f"| `{name}` | {_argument_text(member)} | {_returned(member)} | {says} |"


def text() -> str:
    """Give the whole page."""
    found = list(members())
    parts = [_HEAD]
    for room, module in _rooms():
        rows = [(name, member) for where, name, member in found if where == room]
        if rows:
            parts += [f"\n## {room}\n\n{(module.__doc__ or '').splitlines()[0]}\n", *_table(rows)]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "api.md").write_text(text())
