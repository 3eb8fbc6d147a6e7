"""The study manifest: its keys, what is checked in it, and what is said of every mistake."""
