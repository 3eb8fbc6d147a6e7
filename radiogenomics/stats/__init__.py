"""The statistics of prediction: areas, reclassification, calibration, decisions, agreement, groups, survival.

Arrays or Series of patients in, one frozen dataclass or one tidy table out, each number equal to R's where R has it. What is
fitted to patients (`ComBat`, `FirthLogisticRegression`, `SurvivalCut`) is a scikit-learn estimator.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
