"""Radiogenomics: imaging signatures, co-expression modules and pathways, linked with a null and judged honestly.

The rooms of the package are offered lazily: ``import radiogenomics as rg; rg.modules.find_modules(...)`` loads only
what is used. ``rg.Study.run`` and ``rg.Study.open`` give a study, ``rg.query(folder, "MAPK signaling")`` asks a finished one.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
