"""What a manifest names -> verified tables and folders on this machine, checked before any long work."""

from radiogenomics.study.inputs.sources import Inputs, gather

__all__ = ["Inputs", "gather"]
