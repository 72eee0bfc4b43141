"""The operator: kopf watches, our own queue reconciles, one writer writes status."""
