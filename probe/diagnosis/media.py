"""Every rule on sound, in one table."""

from probe.diagnosis import listening, one_way, own_sound, packets, quality

RULES = (
    *own_sound.RULES,
    *one_way.RULES,
    *packets.RULES,
    *quality.RULES,
    *listening.RULES,
)
"""Rules over offer and answer, counts of RTP and RTCP, and what was heard."""
