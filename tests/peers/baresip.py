"""A running baresip: another user agent, with media of its own, that answers every call."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ports import LOOPBACK, free_block, free_port
from processes import RunningProcess, program, running

MODULES = Path("/usr/lib/baresip/modules")

CONFIG = """\
# Only what a call with sound needs; nothing is opened beyond loopback.
sip_listen {host}:{port}
call_max_calls 4
net_interface {host}
audio_source ausine,440
ausrc_srate 48000
ausrc_channels 2
audio_player aufile,{folder}/heard.wav
rtp_ports {first}-{last}
rtp_timeout 0
jitter_buffer_delay 0-1
module_path {modules}
module g711.so
module ausine.so
module aufile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baresip:
    """A running baresip that sends 440 Hz to whoever calls it."""

    port: int
    "Its SIP port, UDP."

    process: RunningProcess
    "The program itself."


@contextmanager
def running_baresip(folder: Path) -> Iterator[Baresip]:
    """Run baresip on loopback while the block runs."""
    port, control, first = free_port(), free_port(), free_block()
    (folder / "config").write_text(
        CONFIG.format(
            host=LOOPBACK,
            port=port,
            control=control,
            folder=folder,
            first=first,
            last=first + 31,
            modules=MODULES,
        )
    )
    account = f"<sip:echo@{LOOPBACK}:{port}>;regint=0;answermode=auto;audio_codecs=pcmu,pcma\n"
    (folder / "accounts").write_text(account)
    (folder / "contacts").write_text("")
    command = [program("baresip"), "-f", str(folder), "-v"]
    with running(command, folder / "baresip.log", cwd=folder) as process:
        process.wait_until(lambda: "baresip is ready." in process.log(), "baresip")
        yield Baresip(port=port, process=process)
