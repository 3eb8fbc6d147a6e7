"""Files written whole or not at all, their checksums, and tables read as people have them."""

from radiogenomics._files.decisions import Decision, Reading, decision_table, log_decisions
from radiogenomics._files.reading import Rows, read_rows, read_table, table_reading
from radiogenomics._files.unpacking import read_text
from radiogenomics._files.words import MissingWords, is_missing_word, is_number_like, number_column
from radiogenomics._files.writing import MOST_PLAIN_VALUES, atomic, make_folder, sha256, write_table, write_text

__all__ = [
    "MOST_PLAIN_VALUES",
    "Decision",
    "MissingWords",
    "Reading",
    "Rows",
    "atomic",
    "decision_table",
    "is_missing_word",
    "is_number_like",
    "log_decisions",
    "make_folder",
    "number_column",
    "read_rows",
    "read_table",
    "read_text",
    "sha256",
    "table_reading",
    "write_table",
    "write_text",
]
