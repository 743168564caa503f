"""Controls: questions put to the network after a failure, to decide between look-alike causes."""
