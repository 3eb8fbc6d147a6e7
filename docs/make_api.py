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
Methods stand below their class, without those that every scikit-learn estimator has. The same argument has the same name
everywhere:

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


def methods(member: Any) -> Iterator[tuple[str, Any]]:
    """Give the methods and properties that a class of ours defines under its own name; not those that scikit-learn gives it."""
    if not inspect.isclass(member) or issubclass(member, BaseException):
        return
    for name, method in vars(member).items():
        function = method.__func__ if isinstance(method, classmethod | staticmethod) else method
        documented = inspect.isfunction(function) or isinstance(function, property)
        if documented and not name.startswith("_") and (function.__doc__ or "").strip():
            yield name, function


def arguments(member: Any) -> list[inspect.Parameter]:
    """List what a function, or the constructor of a class, takes; a class that other functions make is not called."""
    if isinstance(member, property) or is_typeddict(member) or (inspect.isclass(member) and issubclass(member, BaseException)):
        return []
    return [one for one in inspect.signature(member).parameters.values() if one.name not in ("self", "cls", "args", "kwargs")]


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
    function = member.fget if isinstance(member, property) else member
    text = inspect.formatannotation(inspect.signature(function).return_annotation).strip("'\"").replace("~", "")
    short = re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)
    return short.replace("|", "\\|")


def _table(rows: list[tuple[str, Any]]) -> Iterator[str]:
    yield "| name | arguments | returns | |\n|---|---|---|---|"
    inner = [(f"{name}.{method}", function) for name, member in rows for method, function in methods(member)]
    for name, member in sorted([*rows, *inner], key=lambda row: row[0]):
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
