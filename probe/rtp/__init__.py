"""RTP and RTCP of our own, beside the signalling of the stack: sessions, figures, the E-model."""
