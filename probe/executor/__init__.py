"""Carries out a plan with supervised worker processes and hands back traces."""
