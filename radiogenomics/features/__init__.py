"""One image and one mask -> named numbers: radiomics (PyRadiomics), deep features, and enhancement kinetics."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
