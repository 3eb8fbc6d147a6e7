"""Files written whole or not at all, their checksums, and tables read as people have them."""

from radiogenomics._files.decisions import (
    Decision,
    Reading,
    Tell,
    changes_data,
    decision_table,
    log_decision,
    log_decisions,
    told_of,
)
from radiogenomics._files.foreign import check_file, endless, parsing, said
from radiogenomics._files.reading import Rows, read_rows, read_table, table_reading
from radiogenomics._files.unpacking import decoded, read_text
from radiogenomics._files.walking import files_below, voxel_files
from radiogenomics._files.words import MissingWords, is_missing_word, is_number_like, number_columns
from radiogenomics._files.writing import (
    MOST_PLAIN_VALUES,
    OF_THE_DISK,
    atomic,
    is_half_written,
    make_folder,
    refuse_links,
    sha256,
    unwritable,
    without_formulas,
    write_table,
    write_text,
)
from radiogenomics._files.written import how_written, sheets_of

__all__ = [
    "MOST_PLAIN_VALUES",
    "OF_THE_DISK",
    "Decision",
    "MissingWords",
    "Reading",
    "Rows",
    "Tell",
    "atomic",
    "changes_data",
    "check_file",
    "decision_table",
    "decoded",
    "endless",
    "files_below",
    "how_written",
    "is_half_written",
    "is_missing_word",
    "is_number_like",
    "log_decision",
    "log_decisions",
    "make_folder",
    "number_columns",
    "parsing",
    "read_rows",
    "read_table",
    "read_text",
    "refuse_links",
    "said",
    "sha256",
    "sheets_of",
    "table_reading",
    "told_of",
    "unwritable",
    "voxel_files",
    "without_formulas",
    "write_table",
    "write_text",
]
