"""Kamailio as a far end of the lab: registrar and proxy with the routing that a fault asks for."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from lab import Lab
from processes import program, running

_CONFIGURATION = """#!KAMAILIO
debug=2
log_stderror=yes
children=2
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
mhomed=no
listen=udp:{host}:{port}
{server}
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "htable.so"
loadmodule "permissions.so"
modparam("tm", "fr_timer", {fr_timer})
modparam("tm", "fr_inv_timer", 60000)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 3600)
modparam("registrar", "max_contacts", {max_contacts})
modparam("auth", "algorithm", "{algorithm}")
modparam("htable", "htable", "password=>size=4;")
modparam("htable", "htable", "seen=>size=4;autoexpire=60;")
{parameters}
event_route[htable:mod-init] {{
{users}
}}
request_route {{
    if (!mf_process_maxfwd_header("{max_forwards}")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (is_method("OPTIONS") && $rU == $null) {{ sl_send_reply("200", "OK"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
        sl_send_reply("404", "Not here");
        exit;
    }}
    if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
{routing}
    sl_send_reply("404", "Not Found");
}}
route[LOGIN] {{
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("{realm}", "$sht(password=>$au)", "0")) {{
            www_challenge("{realm}", "1");
            exit;
        }}
        return;
    }}
    if (!pv_proxy_authenticate("{realm}", "$sht(password=>$au)", "0")) {{
        proxy_challenge("{realm}", "1");
        exit;
    }}
}}
"""


@contextmanager
def running_kamailio(  # noqa: PLR0913 - what faults vary
    lab: Lab,
    host: str,
    port: int,
    routing: str,
    *,
    users: dict[str, str] | None = None,
    realm: str = "",
    parameters: str = "",
    max_contacts: int = 0,
    max_forwards: int = 70,
    fr_timer_ms: int = 5000,
    algorithm: str = "MD5",
) -> Iterator[None]:
    """Run Kamailio while the block runs; `routing` handles what is outside of calls."""
    folder = lab.place("proxy")
    server = lab.rng.choice(("", 'server_header="Server: kamailio (5.6.3 (x86_64/linux))"'))
    text = _CONFIGURATION.format(
        host=host,
        port=port,
        server=server,
        routing=routing,
        realm=realm or lab.realm(),
        parameters=parameters,
        max_contacts=max_contacts,
        max_forwards=max_forwards,
        fr_timer=fr_timer_ms,
        algorithm=algorithm,
        users="".join(
            f'    $sht(password=>{user}) = "{password}";\n'
            for user, password in (users or {}).items()
        )
        or '    $sht(password=>nobody-at-all) = "";\n',
    )
    configuration = folder / "kamailio.cfg"
    configuration.write_text(text)
    command = [program("kamailio"), "-f", str(configuration), "-DD", "-E", "-m", "16", "-M", "4"]
    command += ["-w", str(folder), "-Y", str(folder)]
    with running(command, folder / "kamailio.log") as process:
        process.wait_until(lambda: _answers(host, port), "Kamailio")
        yield


def refuse_unless(condition: str, status: int, phrase: str) -> str:
    """Return a line of routing that refuses what a condition does not hold for."""
    return f'    if (!({condition})) {{ sl_send_reply("{status}", "{phrase}"); exit; }}\n'


def kamailio(lab: Lab, routing: str, **options: object) -> tuple[str, int]:
    """Start Kamailio on a fresh address; return where it is."""
    host, port = lab.address(), lab.port()
    lab.stack.enter_context(running_kamailio(lab, host, port, routing, **options))  # type: ignore[arg-type]
    return host, port


def _answers(host: str, port: int) -> bool:
    """Say whether it answers an OPTIONS for itself."""
    return ask(host, port, "OPTIONS", f"sip:{host}:{port}").startswith("SIP/2.0 200")


def ask(host: str, port: int, method: str, uri: str, *, source: str = "127.0.0.1") -> str:
    """Send a request from some address; return the first line of what comes back, if any."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.3)
        asking.bind((source, 0))
        own = asking.getsockname()[1]
        lines = (
            f"{method} sip:{host}:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {source}:{own};branch=z9hG4bK-{own}",
            f"From: <{uri}>;tag={own}",
            f"To: <{uri}>",
            f"Call-ID: {own}@{source}",
            f"CSeq: 1 {method}",
            "Max-Forwards: 70",
            *([f"Contact: <sip:{source}:{own}>;expires=600"] if method == "REGISTER" else []),
            "Content-Length: 0",
            "\r\n",
        )
        try:
            asking.sendto("\r\n".join(lines).encode(), (host, port))
            return asking.recv(4096).decode(errors="replace").partition("\r\n")[0]
        except OSError:
            return ""
