"""The PyWGCNA engine."""

import pandas as pd

from radiogenomics.modules.settings import Found, Settings


def find_with_pywgcna(expression: pd.DataFrame, settings: Settings) -> Found:
    """Later."""
    raise NotImplementedError
