"""The embedded trunk: a registrar and answering party on loopback, with every fault on demand.

Start it with ``probe.simulator.trunk.EmbeddedTrunk``; ``probe.simulator.numbers`` lists what each
dialled number does and loads nothing of the network side.
"""
