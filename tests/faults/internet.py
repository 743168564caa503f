"""A customer, a router and a provider, in namespaces: what network faults are made with."""

import asyncio
import random
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import namespaces
import pytest
from certificates import Certificate
from dnsserver import NameServer
from lab import Lab, Scene
from namespaces import Network
from uas import Flow, Login, Uas, _Datagrams, _Stream, in_loop

TOOLS = ("ip", "nft", "nsenter", "unshare")
"""Programs that make the networks."""

_COMPANIES = ("voxlane", "northtel", "callgrid", "linkvoice", "telora", "sipwave", "cloudpbx")
_HOSTS = ("sip", "proxy", "edge", "sbc", "trunk", "gw1", "voice")
_ENDINGS = ("example", "test", "example.net", "example.com")

Ignores = Callable[[str, Flow], bool]
"""Says of a message and the way back whether the server acts as if it had not come."""


class Trunk(Uas):
    """A far end that may overlook what it is told to overlook."""

    def __init__(
        self, host: str, port: int, rng: random.Random, *, login: Login | None = None
    ) -> None:
        super().__init__(host, port, rng, login=login)
        self.ignores: Ignores = lambda text, flow: False
        self.raw: Callable[[bytes, Flow], object] | None = None
        "Takes what arrives over TCP, where it is not to be read as SIP."

    def took(self, text: str, flow: Flow) -> None:
        """Take a message, or overlook it."""
        if not self.ignores(text, flow):
            super().took(text, flow)

    async def adopt(
        self, udp: socket.socket | None, tcp: socket.socket | None, tls: ssl.SSLContext | None
    ) -> None:
        """Listen on sockets that stand somewhere else, such as in a namespace."""
        loop = asyncio.get_running_loop()
        if udp is not None:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=udp)
            self._closers.append(transport.close)
        if tcp is not None:
            server = await loop.create_server(lambda: _Connection(self), sock=tcp, ssl=tls)
            self._closers.append(server.close)


class _Connection(_Stream):
    """A connection of which a trunk may look at the bytes first."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__(trunk)
        self.trunk = trunk

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if self.trunk.raw is None:
            super().data_received(data)
        else:
            self.trunk.raw(data, self.flow)


@dataclass(kw_only=True)
class Internet:
    """The network of one case, and what was set up in it."""

    lab: Lab
    "Dice, folder, and the stack that ends everything."

    network: Network
    "The three machines."

    domain: str
    "The provider's domain."

    servers: list[Trunk] = field(default_factory=list)
    "SIP servers that run."

    resolver: str = ""
    "The address of the name server, empty where there is none."

    hosts: dict[str, str] = field(default_factory=dict)
    "Names and addresses in /etc/hosts of our machine."

    @property
    def there(self) -> tuple[str, ...]:
        """The provider's addresses."""
        return self.network.there

    def host(self, *others: str) -> str:
        """Return a new name in the domain."""
        names = [name for name in _HOSTS if f"{name}.{self.domain}" not in others]
        return f"{self.lab.rng.choice(names)}.{self.domain}"

    def serve(
        self,
        address: str,
        port: int,
        *transports: str,
        login: Login | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Trunk:
        """Start a SIP server at the provider's; by UDP and TCP where nothing else is said."""
        trunk = Trunk(address, port, self.lab.rng, login=login)
        wanted = transports or (("tls",) if tls else ("udp", "tcp"))
        far = self.network.far
        udp = far.socket(socket.SOCK_DGRAM, address, port) if "udp" in wanted else None
        tcp = far.socket(socket.SOCK_STREAM, address, port) if {"tcp", "tls"} & {*wanted} else None
        self.lab.stack.callback(trunk.stop)
        in_loop(trunk.adopt(udp, tcp, tls))
        self.servers.append(trunk)
        return trunk

    def holds(self, kind: socket.SocketKind, address: str, port: int) -> socket.socket:
        """Hold a port at the provider's that takes everything and says nothing."""
        place = self.network.far.socket(kind, address, port)
        self.lab.stack.callback(place.close)
        return place

    def names(
        self,
        records: Mapping[tuple[str, str], Sequence[str]],
        **options: Any,  # noqa: ANN401
    ) -> NameServer:
        """Start the name server at the provider's last address."""
        self.resolver = self.there[-1]
        server = NameServer(stack=self.lab.stack, records=records, **options)
        far = self.network.far
        server.on(
            far.socket(socket.SOCK_DGRAM, self.resolver, 53),
            far.socket(socket.SOCK_STREAM, self.resolver, 53),
        )
        return server

    def scene(
        self,
        profile: Mapping[str, Any],
        steps: Sequence[Mapping[str, Any]],
        **more: Any,  # noqa: ANN401
    ) -> Scene:
        """Return the scene: the command runs on our machine and asks the name server here."""
        prefix = self.network.near.prefix_with_resolver(
            self.lab.folder, self.resolver or self.there[-1], self.hosts
        )
        return Scene(
            profile={"user_agent": "sipprobe", **profile},
            steps=[dict(step) for step in steps],
            prefix=prefix,
            **more,
        )


def internet(lab: Lab, **options: Any) -> Internet:  # noqa: ANN401
    """Make the network of a case; skips the test where this machine does not allow it."""
    reason = namespaces.why_impossible()
    if reason:
        pytest.skip(reason)
    network = namespaces.network(lab.stack, lab.rng, **options)
    company = f"{lab.rng.choice(_COMPANIES)}{lab.rng.randrange(100)}"
    return Internet(lab=lab, network=network, domain=f"{company}.{lab.rng.choice(_ENDINGS)}")


def register(timeout: str = "2s") -> dict[str, Any]:
    """Return a step that registers and does not wait for long."""
    return {"register": None, "timeout": timeout}


def call(lab: Lab, timeout: str = "2s", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a step that calls and does not wait for long."""
    return {"call": lab.number(), "timeout": timeout, "answer_within": "3s", **more}


def some_step(lab: Lab, timeout: str = "2s") -> dict[str, Any]:
    """Return one of the steps that send a request."""
    return lab.rng.choice(
        (register(timeout), call(lab, timeout), {"options": None, "timeout": timeout})
    )


def server_side(
    pair: Certificate,
    *,
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    highest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> ssl.SSLContext:
    """Return what a TLS server shows and takes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    context.minimum_version, context.maximum_version = lowest, highest
    return context


def uri(user: str, host: str, port: int = 0, transport: str = "udp") -> str:
    """Return an account's URI as a profile has it."""
    place = f"{host}:{port}" if port else host
    return f"sip:{user}@{place}" + (f";transport={transport}" if transport != "udp" else "")
