"""The catalogue of the Imaging Data Commons: every public image series, from the tables that idc-index ships, with no network."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from radiogenomics._errors import InputError, MissingPackageError
from radiogenomics._names import did_you_mean
from radiogenomics._tables import summarise

_COLUMNS = {
    "PatientID": "patient",
    "StudyInstanceUID": "study",
    "SeriesInstanceUID": "series",
    "StudyDate": "date",
    "Modality": "modality",
    "SeriesNumber": "number",
    "SeriesDescription": "description",
    "Manufacturer": "manufacturer",
    "ManufacturerModelName": "model",
    "instanceCount": "images",
    "series_size_MB": "size_mb",
    "license_short_name": "licence",
    "source_DOI": "doi",
    "series_aws_url": "address",
}
_COMMON = 12


def series(
    collection: str,
    *,
    modality: str | Iterable[str] | None = None,
    manufacturer: str | None = None,
    model: str | None = None,
    description: str | None = None,
    year: int | Iterable[int] | None = None,
    patient: str | Iterable[str] | None = None,
) -> pd.DataFrame:
    """List the image series of a public collection -> one row per series. Works offline.

    Parameters
    ----------
    collection : str
        Its name in TCIA or IDC, such as ``"TCGA-BRCA"`` or ``"breast_mri_nact_pilot"``.
    modality : str or list of str, optional
        DICOM modalities: ``"MR"``, ``"SEG"``...
    manufacturer, model, description : str, optional
        Text that the manufacturer, the scanner model or the series description contains; case does not matter.
    year : int or list of int, optional
        Years of the study. Archives shift dates, within a patient all by the same number of days.
    patient : str or list of str, optional
        Patient IDs.

    Returns
    -------
    DataFrame, one row per series
        ``patient, study, series, date, modality, number, description, manufacturer, model, images, size_mb, licence, doi,
        address``, ordered by patient, date and series number. ``table.attrs["release"]`` is the release of the catalogue.

    Raises
    ------
    ValueError
        If there is no such collection (the message names the nearest), or no series passes a filter.
    ImportError
        If idc-index is not installed.

    References
    ----------
    Fedorov et al. (2023), National Cancer Institute Imaging Data Commons, doi:10.1148/rg.230180.

    Examples
    --------
    >>> import radiogenomics as rg
    >>> table = rg.archives.series("TCGA-BRCA", modality="MR")
    >>> table["patient"].nunique()
    137
    """
    catalogue = _catalogue()
    table = _read(catalogue, collection)
    kept = f"collection {collection!r}"
    for what, asked, passes in (
        ("modality", _listed(modality), _one_of("modality")),
        ("manufacturer", manufacturer, _contains("manufacturer")),
        ("model", model, _contains("model")),
        ("description", description, _contains("description")),
        ("year", [str(one) for one in _listed(year)], _in_year),
        ("patient", _listed(patient), _one_of("patient")),
    ):
        if asked:
            table = _kept(table, what, asked, passes, kept)
            kept += f" with {what} {asked!r}"
    table = table.reset_index(drop=True)
    table.attrs["release"] = f"IDC v{str(catalogue.__version__).partition('.')[0]}"
    return table


def modalities(table: pd.DataFrame) -> pd.DataFrame:
    """Sum a table of series up -> one row per modality: patients, studies, series, images, gigabytes.

    Parameters
    ----------
    table : DataFrame
        As `series` gives it.

    Returns
    -------
    DataFrame, indexed by modality
        ``patients, studies, series, images, size_gb``, most patients first.
    """
    groups = table.groupby("modality", sort=False)
    summed = groups.agg(
        patients=("patient", "nunique"),
        studies=("study", "nunique"),
        series=("series", "nunique"),
        images=("images", "sum"),
        size_gb=("size_mb", "sum"),
    )
    summed["size_gb"] /= 1000
    return summed.sort_values(["patients", "series"], ascending=False, kind="stable")


def _catalogue() -> Any:
    try:
        import idc_index_data
    except ModuleNotFoundError as error:
        raise MissingPackageError("The catalogue of images needs idc-index: pip install 'radiogenomics[archives]'.") from error
    return idc_index_data


def _read(catalogue: Any, collection: str) -> pd.DataFrame:
    from pyarrow import parquet

    place = Path(catalogue.IDC_INDEX_PARQUET_FILEPATH)
    name = collection.strip().lower().replace("-", "_").replace(" ", "_")
    rows = parquet.read_table(place, columns=list(_COLUMNS), filters=[("collection_id", "=", name)]).to_pandas()
    if rows.empty:
        known = sorted(parquet.read_table(place.parent / "collections_index.parquet", columns=["collection_id"])[0].to_pylist())
        raise InputError(f"There is no public collection {collection!r}{did_you_mean(name, known)}; {len(known)} are known.")
    number = pd.to_numeric(rows["SeriesNumber"], errors="coerce")
    rows = rows.assign(_number=number).sort_values(["PatientID", "StudyDate", "_number", "SeriesInstanceUID"], kind="stable")
    return pd.DataFrame(rows, columns=list(_COLUMNS)).rename(columns=_COLUMNS)


def _listed(values: Any) -> list[Any]:
    if values is None:
        return []
    return [values] if isinstance(values, str | int) else list(values)


def _kept(table: pd.DataFrame, what: str, asked: Any, passes: Callable[[pd.DataFrame, Any], Any], kept: str) -> pd.DataFrame:
    passing: pd.DataFrame = table[passes(table, asked)]
    if passing.empty:
        values = table["date"].str[:4] if what == "year" else table[what]
        common = values.dropna().value_counts().index[:_COMMON]
        raise InputError(f"No series of {kept} has {what} {asked!r}; there are {summarise(common, _COMMON)}.")
    return passing


def _one_of(column: str) -> Callable[[pd.DataFrame, list[str]], Any]:
    return lambda table, asked: table[column].isin(asked)


def _contains(column: str) -> Callable[[pd.DataFrame, str], Any]:
    return lambda table, asked: table[column].fillna("").str.contains(asked, case=False, regex=False)


def _in_year(table: pd.DataFrame, asked: list[str]) -> Any:
    return table["date"].fillna("").str[:4].isin(asked)
