"""A study from its manifest to its report: check it, run it, resume it, ask it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
