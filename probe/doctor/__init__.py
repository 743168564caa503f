"""What this machine can and cannot do, looked at before a call is placed; nothing is dialled."""
