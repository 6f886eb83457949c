"""The settings: what is read, what wins, and how precisely a mistake is told."""

from pathlib import Path

import pytest

from dragoman.config import VARIABLES, ConfigError, Settings, is_model_name, load
from dragoman.lines import dotted, place, places

KEY = "sk-very-secret-0123456789"


@pytest.fixture
def written(tmp_path: Path):
    """Writes a config file whose path is short in messages."""

    def write(text: str | bytes) -> Path:
        file = tmp_path / "dragoman.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def problems(file: Path | None, environ: dict[str, str] | None = None, **overrides: object) -> list[str]:
    """What is wrong, with the file's folder left out."""
    with pytest.raises(ConfigError) as caught:
        load(file, environ or {}, overrides)
    return [text.replace(f"{file.parent}/", "") if file else text for text in caught.value.problems]


# -- what is read ----------------------------------------------------------------


def test_without_a_file_everything_has_a_default() -> None:
    settings = load(None, {}, {})
    assert settings == Settings()
    assert (settings.default_model, settings.default_max_tokens) == ("gemini-2.5-flash", 4096)  # 004-2
    assert (settings.server.host, settings.server.port, settings.server.api_keys) == ("127.0.0.1", 3000, ())
    assert settings.server.body_limit == 32 << 20


FULL = """
default_model = "fast"
default_max_tokens = 1000
default_provider = "groq"

[server]
host = "0.0.0.0"
port = 7860
api_keys = ["your-api-key-1", "your-api-key-2"]
cors_origins = ["https://app.example", "*"]
body_limit = 2048

[providers.groq]
keys = ["gsk-1", "gsk-2"]
timeout = 30
connect_timeout = 1.5
headers = { X-Team = "blue" }
proxy = "http://user:pass@proxy.example:3128"
models = ["house-llama"]
profile = { json_schema = true, efforts = ["low", "high"] }

[providers.house]
kind = "openai-compatible"
base_url = "http://10.0.0.7:8000"
version = "v2"
pace = 0
enabled = false

[models.fast]
targets = ["groq/llama-3.3-70b-versatile", "gemini/gemini-2.5-flash"]
name = "Fast"
description = "Fast & efficient"
context_window = 100000
max_tokens = 8000
"""


def test_every_setting_is_read(written) -> None:
    settings = load(written(FULL), {}, {})
    assert (settings.default_model, settings.default_max_tokens, settings.default_provider) == ("fast", 1000, "groq")
    assert settings.server.api_keys == ("your-api-key-1", "your-api-key-2")
    assert (settings.server.host, settings.server.port, settings.server.body_limit) == ("0.0.0.0", 7860, 2048)
    assert settings.server.cors_origins == ("https://app.example", "*")
    groq, house = settings.providers["groq"], settings.providers["house"]
    assert groq.keys == ("gsk-1", "gsk-2")
    assert (groq.timeout, groq.connect_timeout, groq.models) == (30.0, 1.5, ("house-llama",))
    assert (groq.headers, groq.proxy) == ({"X-Team": "blue"}, "http://user:pass@proxy.example:3128")
    assert groq.profile == {"json_schema": True, "efforts": ["low", "high"]}
    assert (house.kind, house.version, house.pace, house.enabled) == ("openai-compatible", "v2", 0.0, False)
    fast = settings.models["fast"]
    assert fast.targets == ("groq/llama-3.3-70b-versatile", "gemini/gemini-2.5-flash")
    assert (fast.name, fast.description, fast.context_window, fast.max_tokens) == (
        "Fast",
        "Fast & efficient",
        100000,
        8000,
    )


def test_a_windows_file_and_a_byte_order_mark(written) -> None:
    file = written(b"\xef\xbb\xbf[server]\r\nport = 1\r\nprot = 2\r\n")
    assert problems(file) == ['dragoman.toml:3: server.prot: unknown, did you mean "port"?']


def test_no_secret_shows_itself(written) -> None:
    text = f"""
[server]
api_keys = ["{KEY}"]
[providers.openai]
keys = ["{KEY}"]
proxy = "http://u:{KEY}@p.example"
headers = {{ authorization = "Bearer {KEY}" }}
"""
    settings = load(written(text), {}, {})
    assert settings.server.api_keys == (KEY,)
    for shown in (repr(settings), str(settings), f"{settings.providers}", f"{settings.server.api_keys}"):
        assert KEY not in shown
        assert "***" in shown
    assert f"Bearer {settings.server.api_keys[0]}" == f"Bearer {KEY}"


# -- what wins -------------------------------------------------------------------


def test_flag_over_environment_over_file_over_default(written) -> None:
    file = written('default_model = "file"\n[server]\nport = 1\nhost = "file"')
    environ = {"DRAGOMAN_PORT": "2", "DRAGOMAN_HOST": "env"}
    assert load(file, {}, {}).server.port == 1
    assert load(file, environ, {}).server.port == 2
    assert load(file, environ, {"port": 3}).server.port == 3
    settings = load(file, environ, {"port": 3, "host": None})
    assert (settings.server.host, settings.default_model, settings.server.body_limit) == ("env", "file", 32 << 20)


VALUES = {
    ("server", "host"): ("0.0.0.0", "0.0.0.0"),
    ("server", "port"): ("7860", 7860),
    ("server", "api_keys"): (" k1,k2 , ", ("k1", "k2")),  # contract S-3
    ("server", "cors_origins"): ("https://a.example,https://b.example", ("https://a.example", "https://b.example")),
    ("server", "body_limit"): ("4096", 4096),
    ("default_model",): ("gpt-4o", "gpt-4o"),
    ("default_max_tokens",): ("512", 512),
    ("default_provider",): ("openai", "openai"),
    ("providers", "openai", "keys"): ("sk-1,sk-2", ("sk-1", "sk-2")),
    ("providers", "openai", "base_url"): ("http://o.example/v1", "http://o.example/v1"),
    ("providers", "anthropic", "keys"): ("sk-3", ("sk-3",)),
    ("providers", "anthropic", "base_url"): ("http://a.example", "http://a.example"),
}


@pytest.mark.parametrize(("variable", "path"), VARIABLES.items())
def test_each_variable_stands_for_its_setting(variable: str, path: tuple[str, ...]) -> None:
    keys = {"OPENAI_API_KEY": "x", "ANTHROPIC_API_KEY": "x"}
    text, value = VALUES[path]
    settings = load(None, {variable: text, **keys}, {})
    by_flag = load(None, keys, {variable.removeprefix("DRAGOMAN_").lower(): text})
    assert settings == by_flag
    for step in path:
        settings = settings[step] if isinstance(settings, dict) else getattr(settings, step)
    assert settings == value


def test_an_empty_variable_is_unset() -> None:
    assert load(None, {"DRAGOMAN_PORT": "", "DRAGOMAN_API_KEYS": " "}, {}) == Settings()


def test_two_variables_for_keys_add_up_and_replace_the_file(written) -> None:
    file = written('[server]\napi_keys = ["from-file"]')
    settings = load(file, {"DRAGOMAN_API_KEYS": "a,b", "DRAGOMAN_API_KEY": "c"}, {})
    assert sorted(settings.server.api_keys) == ["a", "b", "c"]
    assert load(file, {"DRAGOMAN_API_KEYS": "a"}, {"api_key": ["x", "y,z"]}).server.api_keys == ("x", "y", "z")


def test_a_bad_variable_or_flag_is_named(written) -> None:
    assert problems(None, {"DRAGOMAN_PORT": "three"}) == [
        "DRAGOMAN_PORT: server.port: expected a whole number, got a string"
    ]
    [said] = problems(written("[server]\nport = 1"), {}, port=70000)
    assert said.startswith("--port: server.port: expected a whole number <= 65535")


# -- variables in the file ---------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "environ", "value"),
    [
        ("${NAME}", {"NAME": "m"}, "m"),
        ("a-${NAME}-${NAME}", {"NAME": "m"}, "a-m-m"),
        ("${NAME:-d}", {}, "d"),
        ("${NAME:-d}", {"NAME": ""}, "d"),
        ("${NAME:-d}", {"NAME": "m"}, "m"),
        ("x${NAME:-}", {}, "x"),
        ("${NAME:-a:-b}", {}, "a:-b"),
        ("$$", {}, "$"),
        ("$${NAME}", {}, "${NAME}"),
        ("$$${NAME}", {"NAME": "m"}, "$m"),
        ("a$b", {}, "a$b"),
        ("${A}", {"A": "${B}", "B": "no"}, "${B}"),
    ],
)
def test_variables_are_filled_in(written, text: str, environ: dict[str, str], value: str) -> None:
    assert load(written(f'default_model = "{text}"'), environ, {}).default_model == value


def test_variables_everywhere(written) -> None:
    text = """
[server]
port = "${PORT}"
api_keys = ["${K1}"]
[providers.house]
kind = "${KIND:-openai-compatible}"
base_url = "http://${HOST}/v1"
headers = { X-Key = "${K1}" }
[models.m]
targets = ["house/${MODEL}"]
"""
    settings = load(written(text), {"PORT": "81", "K1": "s", "HOST": "h.example", "MODEL": "q"}, {})
    assert settings.server.port == 81
    assert settings.server.api_keys == ("s",)
    assert settings.providers["house"].base_url == "http://h.example/v1"
    assert settings.providers["house"].headers == {"X-Key": "s"}
    assert settings.models["m"].targets == ("house/q",)


def test_an_unset_variable_is_an_error_with_path_name_and_line(written) -> None:
    file = written(
        '[server]\n# keys\napi_keys = [\n  "a",\n  "${TEAM_KEY}",\n]\n[providers.openai]\nkeys = ["${OPENAI}"]'
    )
    assert problems(file, {"OPENAI_API_KEY": "x"})[:2] == [
        "dragoman.toml:5: server.api_keys[1]: the variable TEAM_KEY is not set",
        "dragoman.toml:8: providers.openai.keys[0]: the variable OPENAI is not set",
    ]


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A B}", "${A-b}", "x${NAME"])
def test_what_is_no_variable(written, text: str) -> None:
    [said] = problems(written(f'default_model = "{text}"'), {"NAME": "m"})
    assert said.startswith("dragoman.toml:1: default_model: ")
    assert "names no variable; write $$ for a plain $" in said


# -- mistakes --------------------------------------------------------------------

MISTAKES = [
    ("default_modle = 'x'", ['1: default_modle: unknown, did you mean "default_model"?']),
    ("[server]\nhost = 'x'\n\nprot = 1", ['4: server.prot: unknown, did you mean "port"?']),
    ("[sever]\nport = 1", ['1: sever: unknown, did you mean "server"?']),
    ("port = 1", ["1: port: unknown here, it belongs in [server]"]),
    (
        "[server]\ndefault_model = 'x'",
        ["2: server.default_model: unknown here, it belongs at the top of the file, before the first [table]"],
    ),
    (
        "[models.m]\ntargets=['a/b']\nqqq = 1",
        ["3: models.m.qqq: unknown, known here: targets, name, description, context_window, max_tokens"],
    ),
    ("[server]\nhost = ''", ["2: server.host: must not be empty"]),
    ("[server]\nport = 'x'", ["2: server.port: expected a whole number, got a string"]),
    ("[server]\nport = true", ["2: server.port: expected a whole number, got true or false"]),
    ("[server]\nport = 3000.5", ["2: server.port: expected a whole number, got a number"]),
    ("server.port = -1", ["1: server.port: expected a whole number >= 0"]),
    ("server = 3", ["1: server: expected a table, got a whole number"]),
    ("[[server]]\nport = 1", ["1: server: expected a table, got an array"]),
    ("providers = []", ["1: providers: expected a table, got an array"]),
    ("[providers]\nopenai = 'sk'", ["2: providers.openai: expected a table, got a string"]),
    ("[server]\napi_keys = 'k'", ["2: server.api_keys: expected an array, got a string"]),
    ("[server]\napi_keys = [\n 'k',\n 3]", ["4: server.api_keys[1]: expected a string, got a whole number"]),
    ("[server]\napi_keys = ['']", ["2: server.api_keys[0]: must not be empty"]),
    (
        "[server]\napi_keys = ['schlüssel']",
        ["2: server.api_keys[0]: holds characters that do not belong into a header"],
    ),
    ("[server]\nbody_limit = 1", ["2: server.body_limit: expected a whole number >= 1024"]),
    (
        "[server]\ncors_origins = ['https://a.example/']",
        ['2: server.cors_origins[0]: expected "*" or an origin such as "https://app.example"'],
    ),
    ("default_max_tokens = 0", ["1: default_max_tokens: expected a whole number >= 1"]),
    ("default_model = ''", ["1: default_model: a model's name has 1 to 256 visible characters"]),
    ("default_provider = 'x'", ['1: default_provider: "x" is not on; on are openai']),
    ("[models.m]", ["1: models.m.targets: required"]),
    ("[models.m]\ntargets = []", ["2: models.m.targets: expected an array with at least one element"]),
    ("[models.m]\ntargets = 'a/b'", ["2: models.m.targets: expected an array, got a string"]),
    ("[models.m]\ntargets = ['a/b', 3]", ["2: models.m.targets[1]: expected a string, got a whole number"]),
    ("[models.m]\ntargets = ['']", ['2: models.m.targets[0]: expected "provider/model"']),
    ('[models."a\\tb"]\ntargets = ["x"]', ['1: models."a\tb": a model\'s name has 1 to 256 visible characters']),
    ("[models.m]\ntargets = ['x']\nmax_tokens = 0", ["3: models.m.max_tokens: expected a whole number >= 1"]),
    ("[models.m]\ntargets = ['x']\nname = 1979-05-27", ["3: models.m.name: expected a string, got a date"]),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES, ids=[text[:30].replace("\n", " ") for text, _ in MISTAKES])
def test_a_mistake_is_told_with_path_and_line(written, text: str, said: list[str]) -> None:
    found = problems(written(text), {"OPENAI_API_KEY": "x"})
    assert len(found) == len(said)
    for mine, theirs in zip(found, said, strict=True):
        assert mine.startswith(f"dragoman.toml:{theirs}")


PROVIDERS = [
    ("[providers.grok]\nkeys = ['x']", '1: providers.grok: "grok" is not in the catalogue, did you mean "groq"?'),
    (
        "[providers.my-own]",
        '1: providers.my-own: "my-own" is not in the catalogue; there are openai, anthropic, gemini,',
    ),
    ("[providers.x]\nkind = 'opnai'", '2: providers.x.kind: there is no kind "opnai", did you mean "openai"?'),
    ("[providers.openai]\ntiemout = 3\nkeys = ['x']", '2: providers.openai.tiemout: unknown, did you mean "timeout"?'),
    ("[providers.openai]\nkeys=['x']\ntimeout = 0", "3: providers.openai.timeout: expected a number > 0"),
    ("[providers.openai]\nkeys=['x']\npace = -1", "3: providers.openai.pace: expected a number >= 0"),
    ("[providers.openai]", "1: providers.openai: no key: set keys or the variable OPENAI_API_KEY"),
    (
        "[providers.p]\nkind='openai'\nbase_url='http://p.example'",
        "1: providers.p: no key: set keys",
    ),
    (
        "[providers.p]\nkind='openai-compatible'",
        '1: providers.p: kind "openai-compatible" has no address of its own: set base_url',
    ),
    (
        "[providers.openai]\nkeys=['x']\nbase_url = 'ftp://x'",
        "3: providers.openai.base_url: must begin with http:// or https://",
    ),
    (
        "[providers.openai]\nkeys=['x']\nbase_url = 'https://u:p@h/v1'",
        "3: providers.openai.base_url: must not hold credentials: they belong in `keys`",
    ),
    (
        "[providers.openai]\nkeys=['x']\nbase_url = 'https://h/v1?key=1'",
        "3: providers.openai.base_url: must not hold a query or a fragment",
    ),
    (
        "[providers.ollama]\nbase_url = 'http://localhost:3000'",
        "2: providers.ollama.base_url: leads back to this gateway",
    ),
    (
        "[providers.openai]\nkeys=['x']\nproxy = 'socks5://h:1'",
        "3: providers.openai.proxy: expected http://host:port (SOCKS is not spoken yet)",
    ),
    ("[providers.openai]\nkeys=['x']\nproxy = 'http://['", "3: providers.openai.proxy: expected http://host:port"),
    ("[providers.openai]\nkeys=['x']\nversion = '?'", "3: providers.openai.version: expected the end of a path"),
    (
        "[providers.openai]\nkeys=['x']\nheaders = { 'a b' = 'c' }",
        '3: providers.openai.headers."a b": is no header\'s name',
    ),
    (
        "[providers.openai]\nkeys=['x']\n[providers.openai.headers]\na = 'b\\nc'",
        "3: providers.openai.headers: ",  # msgspec does not say which
    ),
    (
        "[providers.openai]\nkeys=['x']\nprofile = { max_token = 1 }",
        '3: providers.openai.profile.max_token: unknown, did you mean "max_tokens"?',
    ),
    (
        "[providers.openai]\nkeys=['x']\n[providers.openai.profile]\nseed = true\nthinking = 'hard'",
        "5: providers.openai.profile.thinking: invalid enum value 'hard'",
    ),
    ("[providers.v1]\nkind='groq'\nkeys=['x']", '1: providers.v1: "v1" is a path of the gateway itself'),
    ("[providers.'a/b']\nkind='groq'\nkeys=['x']", '1: providers."a/b": a provider\'s name has at most 64 letters'),
]


@pytest.mark.parametrize(("text", "said"), PROVIDERS, ids=[text[:40].replace("\n", " ") for text, _ in PROVIDERS])
def test_a_mistake_in_a_provider(written, text: str, said: str) -> None:
    text = text.replace("b\\nc", 'b\\nc"').replace("'b\\nc\"'", '"b\\nc"')
    [found] = problems(written(text))
    assert found.startswith(f"dragoman.toml:{said}")


def test_a_bad_address_in_the_environment_is_named() -> None:
    assert problems(None, {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": "localhost:1"}) == [
        "OPENAI_BASE_URL: must begin with http:// or https://"
    ]


def test_all_mistakes_at_once(written) -> None:
    file = written(
        """default_modle = "x"
[server]
port = "a"
prot = 3
api_keys = ["${NOPE}"]
[providers.groq]
timeout = -1
[models.a]
targets = []
[models.b]
targts = ["x"]
"""
    )
    assert [said.partition(": ")[0].partition(":")[2] for said in problems(file)] == [
        "5",
        "1",
        "4",
        "3",
        "5",
        "7",
        "9",
        "11",
        "10",
    ]


def test_no_secret_in_an_error(written) -> None:
    file = written(f'[server]\napi_keys = [["{KEY}"]]\n[providers.openai]\nkeys = {{ a = "{KEY}" }}\nproxy = "{KEY}"')
    assert KEY not in "\n".join(problems(file))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nport = = 3", "dragoman.toml:2: invalid value"),
        ("a = 1\na = 2", "dragoman.toml:2: cannot overwrite a value"),
        (b"a = '\xff'", "dragoman.toml:1: not UTF-8"),
        (b"# one\n\xff", "dragoman.toml:2: not UTF-8"),
        ("x = " + "[" * 3000 + "]" * 3000, "dragoman.toml: nested too deeply"),
    ],
)
def test_what_is_no_toml(written, text: str | bytes, said: str) -> None:
    assert problems(written(text)) == [said]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.toml") == ["none.toml: No such file or directory"]
    [said] = problems(tmp_path)
    assert "directory" in said


@pytest.mark.parametrize("name", ["a", "a/b:c@d", "小米mimo/x", "x" * 256])
def test_what_can_be_a_models_name(name: str) -> None:
    assert is_model_name(name)


@pytest.mark.parametrize("name", ["", " ", "x" * 257, "a\nb", "a\x00", "\x7f", "\x85", "\u2028", "\ud800"])
def test_what_cannot(name: str) -> None:
    assert not is_model_name(name)


# -- lines -------------------------------------------------------------------------

TOML = '''a = 1 # b = 2
"q.r" = """
[not.a.table]
x = 1
""""
c.d . 'e f' = { g = [ 1, # ]
  2 ] , h = "}" }

[t]
k = [
  "[x]",

  { m = '"' },
]
[t.u."v w"]
n = \'\'\'
'\'\'\'\'
o = 1979-05-27T07:32:00Z
[[r]]
p = 1
[[r]]
p = 2
[r.s]
p = 3
[[r.z]]
y = [ ]
'''


def test_where_each_key_stands() -> None:
    found = places(TOML)
    assert {dotted(path): line for path, line in found.items()} == {
        "a": 1,
        '"q.r"': 2,
        "c": 6,
        "c.d": 6,
        'c.d."e f"': 6,
        'c.d."e f".g': 6,
        'c.d."e f".g[0]': 6,
        'c.d."e f".g[1]': 7,
        'c.d."e f".h': 7,
        "t": 9,
        "t.k": 10,
        "t.k[0]": 11,
        "t.k[1]": 13,
        "t.k[1].m": 13,
        't.u."v w"': 15,
        't.u."v w".n': 16,
        't.u."v w".o': 18,
        "r": 19,
        "r[0]": 19,
        "r[0].p": 20,
        "r[1]": 21,
        "r[1].p": 22,
        "r[1].s": 23,
        "r[1].s.p": 24,
        "r[1].z": 25,
        "r[1].z[0]": 25,
        "r[1].z[0].y": 26,
    }
    assert place(found, ("t", "k", 7, "deep")) == 10
    assert place(found, ("nowhere",)) is None
    assert place(found, ()) is None


@pytest.mark.parametrize(
    "text", ["", "\n", "# only a comment", "a = ''", 'a = ""', 'a = """"""', "[a]", "[ a . b ]", "a = [[],[]]"]
)
def test_small_texts(text: str) -> None:
    assert isinstance(places(text), dict)
