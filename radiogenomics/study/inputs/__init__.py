"""What a manifest names -> verified tables and folders on this machine, checked before any long work."""

from radiogenomics.study.inputs.gathering import gather
from radiogenomics.study.inputs.sources import Inputs

__all__ = ["Inputs", "gather"]
