"""Commands on public archives of images: series."""

from pathlib import Path
from typing import Annotated

import typer

from radiogenomics.cli.shell import Quiet, Verbose, app, log, say

_SHOWN = 20
_COLUMNS = ["patient", "date", "modality", "number", "description", "manufacturer", "model", "images", "size_mb", "licence"]


@app.command()
def series(
    collection: Annotated[str, typer.Argument(help="Public collection, such as TCGA-BRCA or breast_mri_nact_pilot.")],
    modality: Annotated[list[str] | None, typer.Option("--modality", help="MR, SEG, ... May be repeated.")] = None,
    manufacturer: Annotated[str | None, typer.Option("--manufacturer", help="Part of the manufacturer's name.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Part of the scanner model.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="Part of the series description.")] = None,
    year: Annotated[list[int] | None, typer.Option("--year", help="Year of the study. May be repeated.")] = None,
    patient: Annotated[list[str] | None, typer.Option("--patient", help="Patient ID. May be repeated.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write all series to this file, which a manifest can name.")] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """List the image series of a public collection (works offline)."""
    from radiogenomics import _files, archives

    log(quiet, verbose)
    texts = {"manufacturer": manufacturer, "model": model, "description": description}
    table = archives.series(collection, modality=modality, year=year, patient=patient, **texts)
    summed = archives.modalities(table).reset_index()
    say(quiet, f"{collection}: {table['patient'].nunique()} patients, {len(table):,} series ({table.attrs['release']})")
    say(quiet, summed.to_string(index=False, float_format="{:.2f}".format))
    rows = table[_COLUMNS].head(_SHOWN).fillna("")
    say(quiet, "\n" + rows.to_string(index=False, max_colwidth=32, float_format="{:.1f}".format))
    if csv is not None:
        _files.write_text(csv, _files.without_formulas(table).to_csv(index=False, lineterminator="\n"))
        say(quiet, f"{len(table):,} series written to {csv}")
    elif len(table) > _SHOWN:
        say(quiet, f"... and {len(table) - _SHOWN:,} more; --csv FILE writes all")
