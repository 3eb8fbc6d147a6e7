"""The catalogue of the Imaging Data Commons: every public image series, from the tables that idc-index ships, with no network."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from radiogenomics._errors import InputError, MissingFileError, MissingPackageError
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
    collection: str | None,
    *,
    uids: Iterable[str] | None = None,
    addresses: Iterable[str] | None = None,
    modality: str | Iterable[str] | None = None,
    manufacturer: str | Iterable[str] | None = None,
    model: str | Iterable[str] | None = None,
    description: str | Iterable[str] | None = None,
    year: int | Iterable[int] | None = None,
    patient: str | Iterable[str] | None = None,
) -> pd.DataFrame:
    """List the image series of a public collection -> one row per series. Works offline.

    Parameters
    ----------
    collection : str or None
        Its name in TCIA or IDC, such as ``"TCGA-BRCA"`` or ``"breast_mri_nact_pilot"``. None for series of any collection, which
        `uids` or `addresses` must name.
    uids : iterable of str, optional
        SeriesInstanceUIDs, all of which must be there.
    addresses : iterable of str, optional
        ``s3://`` addresses of series, as an ``.s5cmd`` list has them, in the place of `uids`.
    modality : str or list of str, optional
        DICOM modalities: ``"MR"``, ``"SEG"``...
    manufacturer, model, description : str or list of str, optional
        Text that the manufacturer, the scanner model or the series description contains, or one of several; case does not matter.
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
    place, release = _catalogue()
    wanted = {"SeriesInstanceUID": uids, "series_aws_url": None if addresses is None else [f"{one}*" for one in addresses]}
    column, values = next(((name, list(listed)) for name, listed in wanted.items() if listed is not None), ("", []))
    table = _read(place, collection, column, values, release)
    filters = {"modality": modality, "manufacturer": manufacturer, "model": model, "description": description}
    table = filtered(
        table, what=f"collection {collection!r}" if collection else "the list", year=year, patient=patient, **filters
    )
    table.attrs["release"] = release
    return table


def filtered(table: pd.DataFrame, *, what: str, **filters: Any) -> pd.DataFrame:
    """Keep the series that pass every filter; see `series` for the filters.

    Parameters
    ----------
    table : DataFrame
        As `series` gives it.
    what : str
        What the table is, for messages.
    **filters
        Those of `series`; None asks nothing.

    Raises
    ------
    ValueError
        If no series passes one of them; the message says which values there are.
    """
    for name, asked in filters.items():
        if asked is not None and (values := [str(one) for one in _listed(asked)]):
            table = _kept(table, name, asked, _FILTERS[name](table, values), what)
            what += f" with {name} {asked!r}"
    return table.reset_index(drop=True)


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


def is_complete(table: pd.DataFrame) -> bool:
    """Tell whether a list of series says all that `series` does, such as one that it has written; then no catalogue is asked."""
    needed = ["patient", "series", "images", "size_mb", "licence", "address"]
    return set(_COLUMNS.values()) <= set(table.columns) and bool(table[needed].notna().all(axis=None))


def as_listed(table: pd.DataFrame) -> pd.DataFrame:
    """Take a complete list for the archive's own -> the same with numbers for images and sizes.

    Raises
    ------
    ValueError
        If one of them is no number.
    """
    numbers = {name: pd.to_numeric(table[name], errors="coerce") for name in ("images", "size_mb")}
    for name, values in numbers.items():
        if values.isna().any() or (values < 0).any():
            wrong = table.loc[values.isna() | (values < 0)].iloc[0]
            raise InputError(f"the list says {name} = {wrong[name]!r} of the series {wrong['series']}; write the list anew.")
    listed = table.assign(images=numbers["images"].astype(int), size_mb=numbers["size_mb"].astype(float))
    listed.attrs["release"] = "as listed"
    return listed


def _catalogue() -> tuple[Path, str]:
    """Find the catalogue: the file that ``RADIOGENOMICS_IDC_CATALOGUE`` names, or what idc-index ships -> file, release."""
    named = os.environ.get("RADIOGENOMICS_IDC_CATALOGUE")
    if named:
        if not Path(named).is_file():
            raise MissingFileError(f"RADIOGENOMICS_IDC_CATALOGUE is {named!r}, and no such file is there; correct or unset it.")
        return Path(named), f"catalogue {Path(named).name}"
    try:
        import idc_index_data
    except ModuleNotFoundError as error:
        raise MissingPackageError("The catalogue of images needs idc-index: pip install 'radiogenomics[archives]'.") from error
    return Path(idc_index_data.IDC_INDEX_PARQUET_FILEPATH), f"IDC v{str(idc_index_data.__version__).partition('.')[0]}"


def _read(place: Path, collection: str | None, column: str, values: list[str], release: str) -> pd.DataFrame:
    """Read the rows of a collection, or those with one of some values in a column, all of which must be there."""
    if collection is None and not values:
        raise InputError("There is neither a collection nor a list of series; name one.")
    name = (collection or "").strip().lower().replace("-", "_").replace(" ", "_")
    found = _rows(place, ("collection_id", "=", name) if collection is not None else (column, "in", values))
    if found.empty and collection is not None:
        known = _collections(place)
        raise InputError(f"There is no public collection {collection!r}{did_you_mean(name, known)}; {len(known)} are known.")
    if column:
        absent = sorted(set(values) - set(found[column]))
        if absent:
            where = f"the collection {collection!r}" if collection is not None else "the catalogue"
            raise InputError(
                f"{len(absent)} of {len(values)} listed series are not in {where} ({release}), first {absent[0]}; correct the "
                "list, or take another archive."
            )
        found = found[found[column].isin(values)]
    number = pd.to_numeric(found["SeriesNumber"], errors="coerce")
    found = found.assign(_number=number).sort_values(["PatientID", "StudyDate", "_number", "SeriesInstanceUID"], kind="stable")
    return pd.DataFrame(found, columns=list(_COLUMNS)).rename(columns=_COLUMNS)


def _rows(place: Path, condition: Any) -> pd.DataFrame:
    from pyarrow import parquet

    found: pd.DataFrame = parquet.read_table(place, columns=list(_COLUMNS), filters=[condition]).to_pandas()
    return found


def _collections(place: Path) -> list[str]:
    from pyarrow import parquet

    beside = place.parent / "collections_index.parquet"
    names = parquet.read_table(beside if beside.is_file() else place, columns=["collection_id"])[0].unique()
    return sorted(names.to_pylist())


def _listed(values: Any) -> list[Any]:
    if values is None:
        return []
    return [values] if isinstance(values, str | int) else list(values)


def _kept(table: pd.DataFrame, what: str, asked: Any, passes: Any, kept: str) -> pd.DataFrame:
    passing: pd.DataFrame = table[passes]
    if passing.empty:
        values = table["date"].str[:4] if what == "year" else table[what]
        common = values.dropna().value_counts().index[:_COMMON]
        raise InputError(f"No series of {kept} has {what} {asked!r}; there are {summarise(common, _COMMON)}.")
    return passing


def _one_of(column: str) -> Callable[[pd.DataFrame, list[str]], Any]:
    return lambda table, asked: table[column].isin(asked)


def _contains(column: str) -> Callable[[pd.DataFrame, list[str]], Any]:
    def passes(table: pd.DataFrame, asked: list[str]) -> Any:
        values = table[column].fillna("").str.lower()
        return values.map(lambda value: any(text.lower() in value for text in asked)).astype(bool)

    return passes


def _in_year(table: pd.DataFrame, asked: list[str]) -> Any:
    return table["date"].fillna("").str[:4].isin(asked)


_FILTERS = {
    "modality": _one_of("modality"),
    "manufacturer": _contains("manufacturer"),
    "model": _contains("model"),
    "description": _contains("description"),
    "year": _in_year,
    "patient": _one_of("patient"),
}
"""What each filter keeps."""
