"""The first scenario on a trunk: whether it is there, lets us in, and completes a call."""

from probe.drafting.draft import TrunkDraft, with_comment
from probe.drafting.quoting import always_quoted, scalar


def first_scenario(draft: TrunkDraft, number: str | None) -> str:
    """Return the text of a scenario for a trunk; without a number it places no call."""
    logs_in = draft.registers and draft.password_from is not None
    does = "registers us" if logs_in else "answers"
    title = f"{draft.name} {does}" + (" and completes a call" if number else "")
    lines = [
        f"# Written by `sipprobe init`. Run it:  sipprobe run {draft.name}",
        "# The same on the built-in trunk, where nothing leaves this machine:",
        f"#     sipprobe run {draft.name} --trunk embedded",
        f"name: {scalar(title)}",
        "tags: [trunk, smoke]",
        f"trunk: {scalar(draft.name)}",
        "",
        "steps:",
        *(_registration() if logs_in else _options()),
        "",
        *(_call(number) if number else _no_call()),
    ]
    return "\n".join(lines) + "\n"


def _registration() -> tuple[str, ...]:
    return (
        "  - register:",
        "    expect:",
        with_comment("      challenge: required", "it asks for the password before it lets us in"),
        "      responses: 200",
        with_comment("      timing: {rrd: max 2s}", "from the first REGISTER to its 200"),
    )


def _options() -> tuple[str, ...]:
    return (
        with_comment("  - options:", "are you there? costs no call"),
        "    timeout: 5s",
        "    expect:",
        with_comment("      responses: 2xx|4xx", "any answer is a sign of life"),
    )


def _call(number: str) -> tuple[str, ...]:
    return (
        f"  - call: {always_quoted(number)}",
        "    hangup_after: 2s",
        "    expect:",
        "      # `?` is perhaps, `*` any number. ACK and BYE: it stood, and was ended.",
        "      responses: 100? 18x* 200 ACK BYE",
        "      timing:",
        with_comment("        setup: max 30s", "from INVITE to its 200: somebody picks up"),
    )


def _no_call() -> tuple[str, ...]:
    return (
        "  # A call to a number that you may call, for example your own second line:",
        '  # - call: "+12025550123"',
        "  #   hangup_after: 2s",
        "  #   expect: {responses: 100? 18x* 200 ACK BYE}",
        "  # Or let sipprobe write it from one call:  sipprobe init --observe NUMBER --trunk TRUNK",
    )
