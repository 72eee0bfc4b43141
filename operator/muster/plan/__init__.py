"""Pure decisions: the same observation gives the same plan, byte for byte."""
