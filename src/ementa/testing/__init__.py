"""Doubles and behaviour suites, shipped for whoever writes an adapter or tests against Ementa."""
