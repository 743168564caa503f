"""Networks of a test's own: namespaces, the wires between them, and filters that lose packets.

A namespace lives as long as its holder, a small process that also makes sockets inside it and
hands them out. So servers can run as threads of the test, and nothing is left behind when the
test dies: without its holder a namespace is gone, and with it every wire, rule and route.
"""

import errno
import ipaddress
import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HOLDER = """
import json, socket, sys
pipe = socket.socket(fileno=int(sys.argv[1]))
pipe.send(b"ready")
while True:
    asked = pipe.recv(4096)
    if not asked:
        break
    family, kind, host, port, device = json.loads(asked)
    made = socket.socket(family, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        if kind == socket.SOCK_STREAM:
            made.listen(64)
        socket.send_fds(pipe, [b"ok"], [made.fileno()])
    except OSError as problem:
        pipe.send(str(problem.errno).encode())
    made.close()
"""
"""The holder: says that it is there, then makes a socket for each request until we are gone."""

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""Networks that are nobody's on the Internet (RFC 1918)."""


class NoNamespaceError(Exception):
    """This machine does not let us make a network namespace."""


class Namespace:
    """A network of its own, with its loopback up."""

    def __init__(self, holder: subprocess.Popen[bytes], pipe: socket.socket) -> None:
        self._pipe = pipe
        self.pid = holder.pid

    @property
    def prefix(self) -> tuple[str, ...]:
        """What stands before a command that is to run in here."""
        return (
            "nsenter",
            "--target",
            str(self.pid),
            *(() if _is_root() else ("--user", "--preserve-credentials")),
            "--net",
        )

    def prefix_with_resolver(
        self, folder: Path, nameserver: str, hosts: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """Return a prefix under which the system's resolver asks this server, soon giving up.

        ``hosts`` are the names and addresses of /etc/hosts, which the system asks first.
        """
        resolver, table = folder / "resolv.conf", folder / "hosts"
        resolver.write_text(f"nameserver {nameserver}\noptions timeout:1 attempts:1\n")
        known = {"localhost": "127.0.0.1", **(hosts or {})}
        table.write_text("".join(f"{address}\t{name}\n" for name, address in known.items()))
        mount = 'mount --bind "$0" /etc/resolv.conf && mount --bind "$1" /etc/hosts && shift'
        inside = ("sh", "-c", f'{mount} && exec "$@"', str(resolver), str(table))
        return (*self.prefix, "unshare", "--mount", *inside)

    def run(self, *command: str, feed: str = "") -> str:
        """Run a command in here; raises AssertionError with its words where it fails."""
        done = subprocess.run(
            [*self.prefix, *command],
            input=feed,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
            env={**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"},
        )
        if done.returncode:
            message = f"{' '.join(command)} in a namespace: {done.stderr.strip()}\n{feed}"
            raise AssertionError(message)
        return done.stdout

    def ip(self, *lines: str) -> None:
        """Set up devices, addresses and routes: each line is what stands after `ip`."""
        self.run("ip", "-batch", "-", feed="\n".join([*lines, ""]))

    def filter(self, rules: str) -> None:
        """Load rules for nft(8)."""
        self.run("nft", "-f", "-", feed=rules)

    def set(self, name: str, value: object) -> None:
        """Set a kernel parameter of this network, such as net.ipv4.ip_forward."""
        path = "/proc/sys/" + name.replace(".", "/")
        self.run("sh", "-c", 'cat > "$0"', path, feed=str(value))

    def socket(self, kind: socket.SocketKind, host: str, port: int = 0) -> socket.socket:
        """Make a socket in here, bound and, for a stream, listening; raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._pipe.send(json.dumps([family, kind, host, port, ""]).encode())
        said, files, _, _ = socket.recv_fds(self._pipe, 64, 1)
        if not files:
            number = int(said or errno.EPIPE)
            raise OSError(number, f"{os.strerror(number)}: {host}:{port} in a namespace")
        return socket.socket(fileno=files[0])


def _is_root() -> bool:
    return os.geteuid() == 0


@cache
def why_impossible() -> str:
    """Return why no namespace can be made on this machine, empty where it can."""
    try:
        with ExitStack() as stack:
            space = stack.enter_context(_namespace(None))
            space.ip("link add first0 type veth peer name second0")
            space.filter("table inet t {\nchain c {\ntype filter hook input priority 0;\n}\n}")
    except (AssertionError, NoNamespaceError, OSError) as problem:
        return f"no network namespace can be made here: {problem}"
    return ""


@contextmanager
def _namespace(outer: "Namespace | None") -> Iterator[Namespace]:
    """Make a namespace; without root the first one's user namespace holds the others as well."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    enter: tuple[str, ...] = ()
    make: tuple[str, ...] = ("unshare", "--net")
    if not _is_root():
        if outer is None:
            make = ("unshare", "--map-root-user", "--net")
        else:
            enter = ("nsenter", "--target", str(outer.pid), "--user", "--preserve-credentials")
    command = [*enter, *make, sys.executable, "-I", "-S", "-c", _HOLDER, str(theirs.fileno())]
    holder = subprocess.Popen(
        command,
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    theirs.close()
    try:
        ours.settimeout(10)
        if ours.recv(16) != b"ready":
            said = holder.stderr.read().decode().strip() if holder.stderr else ""
            raise NoNamespaceError(said or "its holder did not start")
        space = Namespace(holder, ours)
        space.ip("link set lo up")
        yield space
    finally:
        ours.close()  # the holder ends by itself
        try:
            holder.wait(5)
        except subprocess.TimeoutExpired:
            holder.kill()
            holder.wait()
        if holder.stderr:
            holder.stderr.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Three machines in a row: ours, a router, and the provider's."""

    near: Namespace
    "Where sipprobe runs."

    router: Namespace
    "Between both; filters and NAT stand here."

    far: Namespace
    "Where the provider's servers run."

    here: str
    "The address of `near`."

    gateway: str
    "The router's address on our side."

    outside: str
    "The router's address on the provider's side: what they see of us behind NAT."

    there: tuple[str, ...]
    "The addresses of `far`."


def network(  # noqa: PLR0913 - each of them is a thing that networks differ in
    stack: ExitStack,
    rng: random.Random,
    *,
    private: bool = False,
    masquerade: bool = False,
    addresses: int = 3,
    far_prefix: str = "",
) -> Network:
    """Make the three machines; ``private``: our address is one that the Internet cannot reach."""
    near = stack.enter_context(_namespace(None))
    router = stack.enter_context(_namespace(near))
    far = stack.enter_context(_namespace(near))
    inside = _private_prefix(rng) if private or masquerade else public_prefix(rng)
    beyond = far_prefix or public_prefix(rng)
    while beyond == inside:
        beyond = public_prefix(rng)
    numbers = rng.sample(range(2, 250), addresses + 2)
    here, gateway = f"{inside}.{numbers[0]}", f"{inside}.1"
    outside = f"{beyond}.{numbers[1]}"
    there = tuple(f"{beyond}.{number}" for number in numbers[2:])
    near.ip(
        f"link add near0 type veth peer name in0 netns {router.pid}",
        f"addr add {here}/24 dev near0",
        "link set near0 up",
    )
    router.ip(
        f"link add out0 type veth peer name far0 netns {far.pid}",
        f"addr add {gateway}/24 dev in0",
        f"addr add {outside}/24 dev out0",
        "link set in0 up",
        "link set out0 up",
    )
    router.set("net.ipv4.ip_forward", 1)
    far.ip(
        *(f"addr add {address}/24 dev far0" for address in there),
        "link set far0 up",
        f"route add default via {outside}",
        # The Internet carries no packet to a private address.
        *(f"route add unreachable {net}" for net in PRIVATE if not _within(beyond, net)),
    )
    near.ip(f"route add default via {gateway}")
    if masquerade:
        router.filter(
            "table ip nat0 {\nchain out {\ntype nat hook postrouting priority 100;\n"
            'oifname "out0" masquerade\n}\n}'
        )
    return Network(
        near=near,
        router=router,
        far=far,
        here=here,
        gateway=gateway,
        outside=outside,
        there=there,
    )


def star(
    stack: ExitStack, rng: random.Random, leaves: int
) -> tuple[Namespace, tuple[tuple[Namespace, str], ...], str]:
    """Make a hub with a wire to each of so many machines; no two of these reach each other.

    Return the hub, each machine with its address, and the hub's address, which all can reach.
    """
    hub = stack.enter_context(_namespace(None))
    prefix = public_prefix(rng)
    here = f"{prefix}.1"
    hub.ip(f"addr add {here}/32 dev lo")
    made = []
    for number in range(leaves):
        leaf = stack.enter_context(_namespace(hub))
        address = f"{prefix}.{10 + number}"
        hub.ip(
            f"link add leaf{number} type veth peer name up0 netns {leaf.pid}",
            f"link set leaf{number} up",
            f"route add {address}/32 dev leaf{number} src {here}",
        )
        leaf.ip(
            f"addr add {address}/32 dev up0",
            "link set up0 up",
            f"route add {here}/32 dev up0 src {address}",
            f"route add default via {here} dev up0",
        )
        made.append((leaf, address))
    return hub, tuple(made), here


def _within(prefix: str, net: str) -> bool:
    return ipaddress.ip_address(f"{prefix}.1") in ipaddress.ip_network(net)


def dropped(network: Network, *matches: str) -> None:
    """Have the router drop forwarded packets that match; each match is of nft(8)."""
    filtered(network, *(f"{match} drop" for match in matches))


def filtered(network: Network, *rules: str) -> None:
    """Give the router rules for forwarded packets."""
    lines = "\n".join(rules)
    network.router.filter(
        "table inet filter0 {\nchain forward {\ntype filter hook forward priority 0;\n"
        f"{lines}\n}}\n}}"
    )


def public_prefix(rng: random.Random) -> str:
    """Return the first three numbers of a network that looks public; nothing of it leaves here."""
    first = rng.choice((45, 77, 81, 89, 93, 109, 151, 185, 194, 212))
    return f"{first}.{rng.randrange(1, 250)}.{rng.randrange(1, 250)}"


def _private_prefix(rng: random.Random) -> str:
    return rng.choice(
        (
            f"192.168.{rng.randrange(2, 250)}",
            f"10.{rng.randrange(1, 250)}.{rng.randrange(1, 250)}",
            f"172.{rng.randrange(16, 32)}.{rng.randrange(1, 250)}",
        )
    )
