"""Who is in: patient tables read from files, identifiers, binary outcomes, and the inclusion flow."""

from radiogenomics.cohort.assembly import Cohort, assemble, binary_outcome, join_tables
from radiogenomics.cohort.identifiers import Matched, match_patients, plain_patients, tcga_patients, tumour_samples
from radiogenomics.cohort.reading import named_by, patients_reading, read_patients

__all__ = [
    "Cohort",
    "Matched",
    "assemble",
    "binary_outcome",
    "join_tables",
    "match_patients",
    "named_by",
    "patients_reading",
    "plain_patients",
    "read_patients",
    "tcga_patients",
    "tumour_samples",
]
