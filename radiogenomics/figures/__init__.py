"""Published panels from finished tables: a result table and an Axes in, the Axes out.

A function of this room computes nothing, shows nothing and saves nothing; `save` writes a panel and the numbers behind it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
