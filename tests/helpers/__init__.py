"""What several tests share: phantoms, tables, small studies, commands called in this process."""
