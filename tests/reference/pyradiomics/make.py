"""Make features.csv: 1,781 features of three real lesions by PyRadiomics 3.0.1 itself, with the package's parameter file.

Run it in an environment with ``pyradiomics==3.0.1`` (Python 3.11, ``pip install --no-build-isolation``) and the other packages
of constraints.txt: ``python make.py IMAGES``, where IMAGES holds ``breast1_image.nrrd, breast1_label.nrrd`` and so on.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import SimpleITK as sitk
from radiomics.featureextractor import RadiomicsFeatureExtractor

from radiogenomics import features

CASES = ("breast1", "brain1", "brain2")


def main(folder: Path) -> None:
    assert version("pyradiomics") == "3.0.1"
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    extractor = RadiomicsFeatureExtractor(str(features.PARAMETERS))
    found = {case: extractor.execute(*(str(folder / f"{case}_{what}.nrrd") for what in ("image", "label"))) for case in CASES}
    table = pd.DataFrame(
        {case: {k: float(v) for k, v in values.items() if "diagnostics" not in k} for case, values in found.items()}
    )
    table.rename_axis("feature").to_csv(Path(__file__).parent / "features.csv")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
