"""Which numbers of the contract are not built yet, and when they will be. It knows only numbers and reasons."""

LATER: dict[str, str] = {
    "000-10": "pools of credentials with health come with the routing issue",
    "000-11": "fallback maps between providers come with the routing issue",
    "000-12": "retries with back-off come with the routing issue",
    "000-13": "system prompts from a file come with presets",
    "000-14": "prompt logging comes with the log viewer",
    "000-16": "the web UI is an issue of its own",
    "000-18": "keys for users with daily limits come with keys and plans",
    "000-20": "image edits come with the rest of the image operations",
    "001-16": "fake streaming comes with aliases and their rules",
    "001-17": "model suffixes come with aliases and their rules",
    "001-18": "forced features come with aliases and their rules",
    "001-19": "switching credentials on use comes with the routing issue",
    "001-20": "the console is an issue of its own",
    "002-11": "testing a provider's settings comes with the admin API",
    "003-8": "trimming of long conversations comes with presets",
    "003-9": "back-off inside the gateway comes with the routing issue",
    "003-10": "the public page of models with prices comes with the ledger",
    "004-7": "agent keys come with presets",
}
"""Number -> why there is no test yet. An entry that has a test fails."""

PARTLY: dict[str, str] = {
    "004-5": "plans, and a 429 that names one, come with keys and plans; here only the codes are tested",
}
"""Number -> what of it is not built yet, though the rest is tested."""

NUMBERS: tuple[str, ...] = (
    *(f"S-{n}" for n in range(1, 9)),
    *(f"000-{n}" for n in range(1, 21)),
    *(f"001-{n}" for n in range(1, 23)),
    *(f"002-{n}" for n in range(1, 12)),
    *(f"003-{n}" for n in range(1, 12)),
    *(f"004-{n}" for n in range(1, 8)),
)
"""All numbers, for where the document itself is not at hand."""
