"""Labels of genes and patients in expression files: annotation, summary rows, symbols with identifiers, Excel's dates."""

import re
from collections.abc import Sequence
from datetime import date, timedelta

from radiogenomics._files import is_missing_word

_ANNOTATION = re.compile(
    r"(?i)^(entrez([\s_.-]*gene)?([\s_.-]*ids?)?|(hugo|hgnc|gene)?[\s_.-]*symbols?|hgnc[\s_.-]*ids?"
    r"|gene[\s_.-]*(ids?|names?|type|biotype|length|description|title|version)|ensembl([\s_.-]*(gene))?[\s_.-]*ids?"
    r"|transcript[\s_.-]*ids?|id[\s_-]ref|probe([\s_.-]*set)?([\s_.-]*ids?)?|geneid|genename|description|desc|biotype|chr|chrom|chromosome"
    r"|start|end|strand|length|effective[\s_.-]*length|cytoband|locus|locus[\s_.-]*id|refseq([\s_.-]*ids?)?|uniprot([\s_.-]*ids?)?"
    r"|study[\s_]id|name|composite element ref|hybridization ref"
    r"|(gene|transcript|exon|chrom|chromosome|chr|cds|tx|probe|external[\s_.-]*gene|ncbi([\s_.-]*gene)?|entrez[\s_.-]*gene|ensembl([\s_.-]*gene)?)"
    r"[\s_.-]*(ids?|names?|symbols?|types?|biotype|length|size|start|end|strand|version|description|status|source|band|class|level"
    r"|position|count|synonyms?|accession)([\s_.-]*(bp|kb))?"
    r"|(%|percentage|percent)?[\s_.-]*gc[\s_.-]*(content|percent(age)?|ratio)?|tax(on)?[\s_.-]*ids?|species|organism|karyotype([\s_.-]*band)?"
    r"|alias(es)?|synonyms?|full[\s_.-]*name|annotations?|mim|omim([\s_.-]*ids?)?)$"
)
_STATISTIC = re.compile(
    r"(?i)^((row|gene)?[\s_.-]*(mean|average|avg|median|sd|std|stdev|variance|mad|minimum|maximum|total|sum)([\s_.-]*(expression|expr|value|all))?"
    r"|base[\s_.-]*mean|ave[\s_.-]*expr|log2?[\s_.-]*(fc|fold[\s_.-]*change|cpm)|log2foldchange|lfc([\s_.-]*se)?"
    r"|p[\s_.-]*val(ue)?s?|p[\s_.-]*adj|adj[\s_.-]*p([\s_.-]*val(ue)?)?|fdr|q[\s_.-]*val(ue)?s?)$"
)
_OF_PATIENTS = re.compile(
    r"(?i)^(age([\s_.-]*(at[\s_.-]*\w+|years?))?|sex|gender|race|batch|plate|stage|grade|purity|subtype|cohort|site|status|event"
    r"|(os|dfs|pfs|rfs|dss|survival|follow[\s_.-]*up)([\s_.-]*(time|days|months|years|status|event))?|library[\s_.-]*size)$"
)
_SYMBOLS = re.compile(
    r"(?i)^(hugo|hgnc|(external[\s_.-]*)?gene)?[\s_.-]*symbols?$|^(external[\s_.-]*)?gene[\s_.-]*names?$|^genename$"
)
_NUMBERS = re.compile(r"(?i)^(entrez.*|geneid|locus[\s_.-]*id)$")
_SUMMARY = re.compile(
    r"(?i)^(__\w+|n_(unmapped|multimapping|nofeature|ambiguous)|no_feature|ambiguous|too_low_aqual|not_aligned"
    r"|alignment_not_unique|unassigned_\w+|assigned|unmapped|\*"
    r"|(grand[\s_]?)?total([\s_.-]*(counts?|reads?|umis?|mapped([\s_.-]*reads?)?))?|(lib(rary)?[\s_.-]*size)|(mapped|unmapped|multi[\s_-]?mapped)[\s_.-]*reads?"
    r"|sum|(row|column)[\s_]?sums?)$"
)
_CONTROL = re.compile(
    r"(?i)^(ercc-\d{3,5}|affx[-_].+|\([+-]\)\S+|(ge_)?brightcorner|darkcorner|(neg|pos)_[a-h]\([\d.]+\)|sequin_\S+|r\d_\d{2,3}_\d)$"
)
_NAMELESS = {"none given", "none", "0", "uncharacterized"}
_SYMBOLS_LIKE_MISSING = {"nc", "np", "nd", "nk", "nat", "unk"}  # UNK is a gene, others are old symbols, of PNP for example
_ENSEMBL = re.compile(r"^(ENS[A-Z]*[GTP]\d{11})\.\d+(_PAR_Y)?$")
_MONTHS = "jan|feb|m[aä]r|mrz|apr|ma[yi]|jun|jul|aug|sep|sept|o[ck]t|nov|de[cz]"
_DAY_MONTH = re.compile(rf"(?i)^(\d{{1,2}})[-./ ]{{1,2}}({_MONTHS})\.?$")
_MONTH_DAY = re.compile(rf"(?i)^({_MONTHS})\.?[-./ ](\d{{1,2}}|19\d\d|20\d\d)$")
_ISO = re.compile(r"^\d{4}-(\d{2})-(\d{2})([ T].*)?$")
_SERIAL, _FIRST_DAY = re.compile(r"^[34]\d{4}$"), date(1899, 12, 30)
_GENES = {3: ("MARCHF{0} (MARCH{0})", "MTARC{0} (MARC{0})"), 9: ("SEPTIN{0} (SEPT{0})",), 12: ("DELEC{0} (DEC{0})",)}
_OTHERS = {(10, 4): "POU5F1 (OCT4)", (2, 1): "FEB1", (4, 1): "APR1", (11, 1): "NOV1 (CCN3)"}


def is_annotation(label: str) -> bool:
    """Say whether a column's label is known to describe genes or samples rather than to name a patient."""
    return bool(_ANNOTATION.match(label.strip()))


def is_statistic(label: str) -> bool:
    """Say whether a column's label is a number about each gene (mean, log fold change, p, ...) rather than a patient."""
    return bool(_STATISTIC.match(label.strip()))


def is_of_patients(label: str) -> bool:
    """Say whether a column's label is a fact about each patient (age, batch, survival, ...) rather than a gene."""
    return bool(_OF_PATIENTS.match(label.strip()))


def is_summary(label: str) -> bool:
    """Say whether a row's label is a count of reads that belong to no gene (STAR, HTSeq, featureCounts)."""
    return bool(_SUMMARY.match(label.strip()))


def is_control(label: str) -> bool:
    """Say whether a row's label is a control that a laboratory adds (ERCC, Affymetrix, Agilent, ...), no gene."""
    return bool(_CONTROL.match(label.strip()))


def is_nameless(label: object) -> bool:
    """Say whether a gene has no symbol."""
    if not isinstance(label, str):
        return True
    plain = label.strip().casefold()
    return plain in _NAMELESS or (is_missing_word(label) and plain not in _SYMBOLS_LIKE_MISSING)


def symbol_column(names: Sequence[str]) -> str | None:
    """Find the column of gene symbols where the first holds numbers of Entrez; None where the first names the genes itself."""
    if not _NUMBERS.match(names[0].strip()):
        return None
    return next((name for name in names[1:] if _SYMBOLS.match(name.strip())), None)


def without_identifier(label: str) -> str:
    """Take the symbol of ``SYMBOL|ID`` or ``ID|SYMBOL``."""
    parts = [part.strip() for part in label.split("|")]
    named = [part for part in parts if not re.fullmatch(r"\d+|ENS[A-Z]*\d{11}(\.\d+)?|HGNC:\d+", part)]
    return named[0] if len(parts) == 2 and named else label


def without_version(label: str) -> str:
    """Cut the version of an Ensembl identifier; a copy on the Y chromosome keeps its mark."""
    return _ENSEMBL.sub(r"\1\2", label)


def likely_symbol(label: str) -> str | None:
    """Name the gene that Excel has likely turned into a date; None where the label is no date."""
    date = _date(label.strip())
    if date is None:
        return None
    month, day = date
    names = [name.format(day) for name in _GENES.get(month, ())]
    return " or ".join(names) or _OTHERS.get(date, f"a symbol that reads as month {month}, day {day}")


def serial_dates(labels: Sequence[str]) -> dict[str, str]:
    """Name the genes that Excel has likely made days since 1900, as 44441 of 2-Sep; none where other genes are numbers."""
    numbers = {label for label in labels if label.isascii() and label.isdecimal()}
    days = {label: _FIRST_DAY + timedelta(days=int(label)) for label in numbers if _SERIAL.match(label)}
    if not days or len(days) < len(numbers) or len(numbers) > 0.1 * len(labels):
        return {}
    named = {label: likely_symbol(day.isoformat()) for label, day in days.items()}
    return {label: symbol for label, symbol in named.items() if symbol is not None and not symbol.startswith("a symbol")}


def _date(label: str) -> tuple[int, int] | None:
    if found := _DAY_MONTH.match(label):
        return _month(found.group(2)), int(found.group(1))
    if found := _MONTH_DAY.match(label):
        return _month(found.group(1)), int(found.group(2)) % 100
    if found := _ISO.match(label):
        return int(found.group(1)), int(found.group(2))
    return None


def _month(word: str) -> int:
    names = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    plain = word.lower().replace("ä", "a")
    return names.index({"mrz": "mar", "mai": "may", "okt": "oct", "dez": "dec"}.get(plain, plain)[:3]) + 1
