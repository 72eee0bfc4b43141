"""A made-up MSP, the same for the same seed: data first, then put into the simulators."""
