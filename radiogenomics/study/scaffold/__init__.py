"""Tables of one's own -> a manifest: how each is read, what its columns are good for, and what is to be mended."""

from radiogenomics.study.scaffold.init import init

__all__ = ["init"]
