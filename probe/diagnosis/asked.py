"""Rules that read what controls showed, of all areas."""

from probe.diagnosis import asked_again, asked_names, asked_path
from probe.diagnosis.rule import Rule

RULES: tuple[Rule, ...] = (*asked_names.RULES, *asked_path.RULES, *asked_again.RULES)
