"""One patient: images and masks read, the lesions in them measured, drawn and laid out as tables."""
