"""A capture that any tool made, read into attempts and traces: pcap and pcapng, no root needed."""
