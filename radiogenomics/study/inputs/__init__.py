"""What a manifest names -> verified tables and folders on this machine, checked before any long work."""
