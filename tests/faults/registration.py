"""Faults of registration and login, F047 to F071."""

from typing import Any

from lab import Fault, Lab, Scene
from uas import Login, Uas, running_uas


def far_end(lab: Lab, **options: Any) -> Uas:  # noqa: ANN401
    """Start a scripted far end on a fresh address."""
    return lab.stack.enter_context(running_uas(Uas(lab.address(), lab.port(), lab.rng, **options)))


def wrong_password(lab: Lab) -> Scene:
    """Give the server another password than ours."""
    user = lab.user()
    refusal = lab.rng.choice((0, 0, 403))
    login = Login(realm=lab.realm(), users={user: lab.password()}, refusal=refusal)
    login.same_nonce = lab.rng.random() < 0.3
    peer = far_end(lab, login=login)
    profile = lab.profile(peer.host, peer.port, user=user, password=lab.password())
    return Scene(profile=profile, steps=[{"register": None, "timeout": "3s"}])


FAULTS = (
    Fault(
        cause="F047",
        name="another password",
        how="scripted far end with digest: it holds another password",
        make=wrong_password,
        family="D",
    ),
)
