"""Who is in: patient tables read from files, identifiers, binary outcomes, and the inclusion flow."""

from radiogenomics.cohort.assembly import Cohort, assemble, binary_outcome
from radiogenomics.cohort.identifiers import Matched, match_patients, tcga_patients, tumour_samples
from radiogenomics.cohort.reading import patients_reading, read_patients, repeated_patients

__all__ = [
    "Cohort",
    "Matched",
    "assemble",
    "binary_outcome",
    "match_patients",
    "patients_reading",
    "read_patients",
    "repeated_patients",
    "tcga_patients",
    "tumour_samples",
]
