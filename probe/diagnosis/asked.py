"""Rules that read what controls showed, of all areas."""

from probe.diagnosis import asked_again, asked_login, asked_names, asked_path, asked_tls
from probe.diagnosis.rule import Rule

RULES: tuple[Rule, ...] = (
    *asked_names.RULES,
    *asked_path.RULES,
    *asked_again.RULES,
    *asked_tls.RULES,
    *asked_login.RULES,
)
