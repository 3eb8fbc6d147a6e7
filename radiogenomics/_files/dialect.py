"""The lines of a text table -> its separator, its heading, and rows that all have as many fields as the heading."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from radiogenomics._errors import InputError
from radiogenomics._files.decisions import Decision
from radiogenomics._files.unpacking import no_table

UNNAMED = "Unnamed: 0"
"""What a first column without a name is called, as pandas calls it."""
MOST_COLUMNS = 100_000
"""More than any table of patients or genes holds; an array of methylation has a million probes, which belong into rows."""
_USUAL, _RARE = (",", "\t", ";"), ("|", " ")
_WORDS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars", " ": "blanks"}
_SAMPLE = 60
_JSON = re.compile(r'\s*(\[\s*[\[{]|\{\s*["}])')
IDENTIFIER = re.compile(
    r"^#?\s*(patient|subject|sample|case|participant|person|individual|feature|gene|symbol|hugo|ensembl|probe|entrez|transcript"
    r"|barcode|identifier|accession|names?|mrn|pid|rid|key|id|.*[a-z]id|.*ID|.*[\s_.-](id|ids|code|name|barcode|number|no)"
    r"|(patient|subject|sample|case|gene|hugo|ensembl|probe|study|pat)s?[\s_.-]*(id|ids|code|name|names|symbol|no|number|nr)?)$",
    re.IGNORECASE,
)
"""How columns that name a row are headed."""


@dataclass(frozen=True)
class Layout:
    """How a text table is written, and its rows.

    Attributes
    ----------
    separator : str
        One character.
    names : list of str
        The heading, one name a field; a first field without a name is `UNNAMED`.
    body : list of str
        Lines of the rows, empty rows left out.
    lines : list of int
        The line of the file in which each row begins, from 1.
    quoting : int
        `csv.QUOTE_MINIMAL`, or `csv.QUOTE_NONE` where a quote is a letter like others.
    comments : int
        How many lines of comments stood before the heading.
    """

    separator: str
    names: list[str]
    body: list[str]
    lines: list[int]
    quoting: int
    comments: int


@dataclass
class _Record:
    line: int
    end: int
    width: int
    filled: int
    last_empty: bool


def lay_out(text: str, path: Path, separator: str | None, decisions: list[Decision]) -> Layout:
    """Find separator and heading of a text table, and check that every row has as many fields.

    Raises
    ------
    ValueError
        If a row has more or fewer fields than the heading, a quote does not close, or there is no row; names the line.
    """
    if not text.strip():
        raise no_table(path, "it is empty")
    if _JSON.match(text):
        raise no_table(path, "it is JSON", "write it as a table, for example with pandas' to_csv")
    csv.field_size_limit(2**31 - 1)  # read by another separator, a wide table's heading is a single field
    lines = text.rstrip("\n").split("\n")
    start, announced, comments = _start(lines, path, decisions)
    rest = lines[start : len(lines) - lines[-1].startswith("!")]  # GEO closes its tables with such a line
    if separator is not None and (len(separator) != 1 or separator in "\"'\n"):
        raise InputError(f"{path}: separator = {separator!r}; give one character, such as ',', ';' or '\\t'.")
    check_width(max(rest[0].count(sign) for sign in (separator or announced or ",\t;")) + 1 if rest else 0, path)
    separates = separator or announced or _sniff(rest, path)
    records, quoting = _records(rest, separates, path, start, decisions)
    records = _without_titles(_without_blank(records, path, decisions), path, decisions)
    if not records:
        raise no_table(path, "it holds no row")
    heading, *body = records
    names = next(_parse(rest[heading.line : heading.end], separates, quoting))
    names = _fit(_marked(names, lines, start), heading, body, path, decisions, start)
    _say_separator(separates, separator, path, decisions)
    if not body:
        raise no_table(path, "it has a heading and no row", "give a table with rows")
    kept = [line for record in body for line in rest[record.line : record.end]]
    return Layout(separates, names, kept, [start + record.line + 1 for record in body], quoting, comments)


def check_width(columns: int, path: Path) -> None:
    """Refuse a table with more columns than any has, before each of them costs time."""
    if columns > MOST_COLUMNS:
        reason = f"its heading has {columns:,} columns, at most {MOST_COLUMNS:,} are read"
        raise no_table(path, reason, "keep the features you need; a table of genes has one row per gene")


def _start(lines: Sequence[str], path: Path, decisions: list[Decision]) -> tuple[int, str | None, int]:
    """Step over blank lines, Excel's `sep=;` and comments -> where the heading stands, the separator that was announced."""
    at, announced, comments = 0, None, 0
    while at < len(lines):
        line = lines[at].strip().strip('"')
        announcement = re.fullmatch(r"sep=(.)", lines[at].strip(" \r\n").strip('"'), re.IGNORECASE)
        if announcement and at == 0:
            announced = announcement.group(1)
        elif re.fullmatch(r"#1\.2", line.rstrip()) and at == 0:
            at += 1  # the line after GCT's mark counts rows and columns
            comments += 2
        elif line.startswith(("#", "!")) and not _is_heading(lines, at, comments):
            comments += 1
        elif line:
            break
        at += 1
    if comments:
        why = f"lines before the heading that begin with # or !, first {lines[0].strip()[:40]!r}"
        decisions.append(Decision("comment lines", path.name, comments, why))
    return at, announced, comments


def _is_heading(lines: Sequence[str], at: int, comments: int) -> bool:
    """Tell a heading that begins with # from a comment: the only line of comments with as many fields as the row after it."""
    following = next((line for line in lines[at + 1 :] if line.strip()), "")
    if following.startswith("#") or not lines[at].startswith("#"):
        return False
    signs = [sign for sign in _USUAL if lines[at].count(sign) == following.count(sign) > 0]
    # cBioPortal's comments stand in the columns of the heading that follows them.
    before = [line for line in lines[:at] if line.startswith(("#", "!"))] if comments else []
    return any(all(line.count(sign) != lines[at].count(sign) for line in before) for sign in signs)


def _marked(names: list[str], lines: Sequence[str], start: int) -> list[str]:
    return [names[0].lstrip("#"), *names[1:]] if lines[start].startswith("#") else names


def _sniff(rest: Sequence[str], path: Path) -> str:
    """Choose the separator that gives the rows as many fields as the heading, most fields first."""
    sample = [line for line in rest[: _SAMPLE * 2] if line.strip()][:_SAMPLE]
    ending = next((suffix for suffix in reversed(path.suffixes) if suffix.lower() in (".csv", ".tsv", ".txt", ".tab")), "")
    order = sorted(_USUAL, key=lambda sign: sign != ("," if ending.lower() == ".csv" else "\t"))
    for signs in (order, _RARE):
        widths = {sign: [len(row) for row in _parse(sample, sign, csv.QUOTE_MINIMAL, strict=False)] for sign in signs}
        even = {sign: found[-1] for sign, found in widths.items() if _is_even(found)}
        if even:
            widest = max(even, key=lambda sign: even[sign])
            _refuse_two([sign for sign in even if even[sign] == even[widest]], sample[0], path)
            return widest
        heads = {sign: found[0] for sign, found in widths.items() if max(found[0], found[-1]) > 1}
        if heads and signs is order:
            return max(heads, key=lambda sign: (sum(width > 1 for width in widths[sign]), heads[sign]))
    return order[0]


def _refuse_two(signs: Sequence[str], heading: str, path: Path) -> None:
    """Refuse a table that two separators part alike, heading and rows, into other columns."""
    if len(signs) > 1:
        words = " and ".join(_WORDS.get(sign, repr(sign)) for sign in signs)
        reason = f"{words} part its lines alike, and no other sign more often, from the heading {heading[:60]!r} on"
        raise no_table(path, reason, "say which parts the fields with `separator`, or write one kind alone")


def _is_even(widths: Sequence[int]) -> bool:
    """Tell whether all rows after the heading have as many fields as it, or all one more or one less."""
    head, body = widths[0], set(widths[1:])
    return head >= 2 and (not body or (len(body) == 1 and abs(head - next(iter(body))) <= 1))


def _parse(lines: Sequence[str], separator: str, quoting: int, strict: bool = True) -> Iterator[list[str]]:
    return csv.reader(
        [f"{line}\n" for line in lines],
        delimiter=separator,
        quoting=quoting,  # type: ignore[arg-type]
        strict=strict,
        skipinitialspace=separator != " ",
    )


def _records(rest: Sequence[str], separator: str, path: Path, start: int, decisions: list[Decision]) -> tuple[list[_Record], int]:
    """Count the fields of every record, quotes minded only where there are some."""
    if not any('"' in line for line in rest):
        return _plain_records(rest, separator), csv.QUOTE_NONE
    reader = csv.reader((f"{line}\n" for line in rest), delimiter=separator, strict=True, skipinitialspace=separator != " ")
    records, before = [], 0
    try:
        for row in reader:
            filled = sum(bool(field.strip()) for field in row[:3]) or int(any(field.strip() for field in row))
            records.append(_Record(before, reader.line_num, len(row), filled, not row or not row[-1].strip()))
            before = reader.line_num
    except csv.Error as error:
        plain = [record for record in _plain_records(rest, separator) if record.filled]
        if separator == "\t" and len({record.width for record in plain}) == 1 and plain[-1].width > 1:
            why = f"a quote that opens in line {start + before + 1} is not closed: quotes are read as ordinary characters"
            decisions.append(Decision("quotes", path.name, 1, why))
            return _plain_records(rest, separator), csv.QUOTE_NONE
        reason = f"a quote that opens in line {start + before + 1} is not closed as it should ({error})"
        raise no_table(path, reason, "fix the quotes, or export it again") from error
    return records, csv.QUOTE_MINIMAL


def _plain_records(rest: Sequence[str], separator: str) -> list[_Record]:
    blank = f"{separator} "
    return [
        _Record(at, at + 1, line.count(separator) + 1, _filled(line, separator, blank), line.rstrip(" ").endswith(separator))
        for at, line in enumerate(rest)
    ]


def _filled(line: str, separator: str, blank: str) -> int:
    """Count filled fields, as far as two: none, one, or more."""
    inner = line.strip(blank)
    return 0 if not inner.strip() else 1 + (separator in inner)


def _without_blank(records: list[_Record], path: Path, decisions: list[Decision]) -> list[_Record]:
    empty = [record for record in records if not record.filled and record.width > 1]
    inside = [record for record in empty if any(record.line != other.line for other in records)]
    if inside:
        why = f"rows without any value, first in line {inside[0].line + 1}"
        decisions.append(Decision("empty rows", path.name, len(inside), why))
    return [record for record in records if record.filled]


def _without_titles(records: list[_Record], path: Path, decisions: list[Decision]) -> list[_Record]:
    """Step over lines above the heading that fill a single field, such as a table's caption, and closing comments."""
    first = 0
    while first + 2 < len(records) and records[first].filled == 1 and records[first + 1].width >= 3:
        following = records[first + 1]
        if records[first].width not in (1, following.width) or following.filled < 2:
            break
        first += 1
    if first:
        decisions.append(Decision("title lines", path.name, first, "lines above the heading that fill one field only"))
    return records[first:]


def _fit(names: list[str], heading: _Record, body: list[_Record], path: Path, decisions: list[Decision], start: int) -> list[str]:
    """Bring the heading to as many names as the rows have fields, or refuse the row that has another number."""
    names = [name.strip(" \u200b\u00a0") for name in names]
    widths = {record.width for record in body}
    if widths == {len(names) + 1}:
        names = _lengthened(names, body, path, decisions)
    elif widths == {len(names) - 1} and not names[-1]:
        names = names[:-1]
    ragged = next((record for record in body if record.width != len(names)), None)
    if ragged is not None:
        raise _ragged(ragged, body, len(names), path, start)
    return [names[0] or UNNAMED, *names[1:]]


def _lengthened(names: list[str], body: list[_Record], path: Path, decisions: list[Decision]) -> list[str]:
    """Read a heading one field short as R's write.table writes it, unless its first name names the rows already."""
    if all(record.last_empty for record in body):
        return [*names, ""]
    if IDENTIFIER.match(names[0]) or not names[0]:
        reason = f"every row has {len(names) + 1} fields, one more than the heading, which begins with {names[0]!r}"
        raise no_table(path, reason, "name the further column, or put a number or text with the separator in it in quotes")
    why = f"it is one field short, as R's write.table writes it: the first field of a row is its name, {names[0]!r} the second"
    decisions.append(Decision("heading", path.name, 1, why))
    return ["", *names]


def _ragged(record: _Record, body: list[_Record], expected: int, path: Path, start: int) -> InputError:
    last = record is body[-1] and record.width < expected
    reason = f"line {start + record.line + 1} has {record.width} field(s) where the heading has {expected}"
    remedy = "the file was cut there; copy or export it again" if last else "correct that line, or put the separator in quotes"
    return no_table(path, reason, remedy)


def _say_separator(separator: str, given: str | None, path: Path, decisions: list[Decision]) -> None:
    names = path.name.lower()
    expected = "," if ".csv" in names else "\t"
    if given is None and separator != expected:
        decisions.append(Decision("separator", path.name, 1, f"fields are separated by {_WORDS.get(separator, repr(separator))}"))
