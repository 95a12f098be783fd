"""Vantages: places to probe from. N vantages and M probes, never N times M."""
