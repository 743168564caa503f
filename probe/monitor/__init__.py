"""Scenarios that are run by themselves: when, within which bounds, and what is shown of them.

It does not know how a scenario is carried out: whoever makes a Monitor hands that in
(`conduct.Carry`). What is shown is read from the state file, so nothing is shown that a kill could
take away.
"""
