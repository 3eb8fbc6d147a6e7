"""Whatever release of PyRadiomics computes them, the 1,781 features of real lesions are those of PyRadiomics 3.0.1, to the bit."""

from pathlib import Path

import pandas as pd
import pytest
import SimpleITK as sitk

from radiogenomics import features

REFERENCE = Path(__file__).parents[1] / "reference" / "pyradiomics" / "features.csv"


@pytest.mark.real
@pytest.mark.parametrize("case", ["breast1", "brain1", "brain2"])
def test_features_are_those_of_pyradiomics_3_0_1_to_the_bit(case, real):
    expected = pd.read_csv(REFERENCE, index_col="feature", float_precision="round_trip")[case]
    image, mask = (sitk.ReadImage(str(real / "images" / f"{case}_{what}.nrrd")) for what in ("image", "label"))
    found = features.radiomics(image, mask)
    assert len(expected) == 1781
    pd.testing.assert_series_equal(found, expected, check_exact=True, check_names=False)
