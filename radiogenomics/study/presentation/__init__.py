"""Figures and report from finished tables."""
