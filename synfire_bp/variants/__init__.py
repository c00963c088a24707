"""Assumptions of the circuit that can be dropped, one module each."""
