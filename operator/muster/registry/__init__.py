"""Where Muster remembers its accounts between runs: an SQLite file on one machine."""
