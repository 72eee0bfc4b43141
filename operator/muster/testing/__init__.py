"""Tests of policies: made-up or recorded customers, and what must be decided about them.

Reads files and touches no system; the command line and the recording of systems are `cli`'s.
"""
