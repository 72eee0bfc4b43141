"""What other systems may tell Muster over HTTPS: look at this entry, it was edited."""
