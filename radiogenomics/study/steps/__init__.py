"""The scientific steps of a study, one file each: tables in, tables out."""
