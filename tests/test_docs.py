"""Whatever a user can meet stands in the documents. It knows where the names are defined, not what is said about them."""

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

import dragoman

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "dragoman"
DOCS = ROOT / "docs"

CODE = re.compile(
    r"^(?P<fence>```+|~~~+)[^\n]*\n(?P<block>.*?)^(?P=fence)|(?P<tick>`+)(?P<span>.+?)(?P=tick)", re.M | re.S
)
HEADER = re.compile(r"x-dragoman-[a-z0-9]+(?:-[a-z0-9]+)*", re.I)
LINK = re.compile(r"\[[^\]]*\]\((?!\w+:)([^)#\s]+)(?:#[^)]*)?\)")


# -- what the documents say ----------------------------------------------------


def code(text: str) -> str:
    """Only what a Markdown text sets as code: a name that merely occurs in prose explains nothing."""
    return "\n".join(match["block"] or match["span"] or "" for match in CODE.finditer(text))


def documented(*files: Path) -> str:
    return code("\n".join(file.read_text() for file in files or sorted(DOCS.rglob("*.md"))))


def absent(names: Iterable[str], text: str) -> list[str]:
    """The names that do not stand whole in the text."""
    return [name for name in sorted(set(names)) if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.I)]


def test_a_name_counts_only_whole_and_as_code() -> None:
    text = code("Say `--port-range` and timeout.\n\n```toml\nhost = 1\n```\n")
    assert absent(["--port-range", "host"], text) == []
    assert absent(["--port", "timeout", "toml", "range"], text) == ["--port", "range", "timeout", "toml"]


# -- what the gateway has ------------------------------------------------------


def flags(parser) -> Iterator[str]:
    """The long options of a parser and of all its subcommands, and the names of those."""
    for action in parser._actions:
        yield from (option for option in action.option_strings if option.startswith("--") and option != "--help")
        if isinstance(action.choices, dict):
            for name, command in action.choices.items():
                yield name
                yield from flags(command)


def settings(kind: msgspec.inspect.Type, seen: set[str] | None = None) -> Iterator[str]:
    """The names of all fields of a Struct and of the Structs inside it."""
    seen = set() if seen is None else seen
    if isinstance(kind, msgspec.inspect.StructType):
        if kind.cls.__qualname__ in seen:
            return
        seen.add(kind.cls.__qualname__)
        for field in kind.fields:
            yield field.encode_name
            yield from settings(field.type, seen)
    for name in ("types", "item_types"):
        for inner in getattr(kind, name, ()):
            yield from settings(inner, seen)
    for name in ("item_type", "key_type", "value_type", "type"):
        if isinstance(inner := getattr(kind, name, None), msgspec.inspect.Type):
            yield from settings(inner, seen)


def test_settings_are_walked_to_the_bottom() -> None:
    class Leaf(msgspec.Struct):
        depth: int

    class Tree(msgspec.Struct):
        by_name: dict[str, Leaf]
        several: tuple[Leaf | None, ...] = ()

    class Root(msgspec.Struct):
        tree: Tree | None = None

    assert sorted(set(settings(msgspec.inspect.type_info(Root)))) == ["by_name", "depth", "several", "tree"]


# -- the one in the other ------------------------------------------------------


def test_error_kinds() -> None:
    errors = import_module("dragoman.core.errors")
    assert absent((kind.value for kind in errors.Kind), documented()) == []


def test_headers() -> None:
    source = {file: file.read_text() for file in SOURCE.rglob("*.py")}
    computed = [
        str(file.relative_to(ROOT)) for file, text in source.items() if re.search(r"x-dragoman-[{%]", text, re.I)
    ]
    assert computed == [], "write header names whole, so that they can be found"
    assert absent((name.lower() for text in source.values() for name in HEADER.findall(text)), documented()) == []


def test_endpoints() -> None:
    app = import_module("dragoman.service.app")
    assert len(app.ROUTES) > 0
    assert absent((route.path for route in app.ROUTES), documented()) == []


def test_command_line() -> None:
    cli = import_module("dragoman.cli")
    names = set(flags(cli.parser()))
    assert "serve" in names
    assert absent(names, documented()) == []


def test_settings() -> None:
    config = import_module("dragoman.config")
    names = set(settings(msgspec.inspect.type_info(config.Settings)))
    assert names
    assert absent(names, documented(DOCS / "configuration.md")) == []


def test_readme_names_only_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*?## ", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"\bmake ([a-z-]+)", documented(ROOT / "README.md")))
    assert {"run", "test", "check"} <= targets
    assert named
    assert named <= targets


def test_the_version_has_its_section_in_the_changelog() -> None:
    assert f"\n## [{dragoman.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_dependency_is_accounted_for() -> None:
    named = [
        re.split(r"[^\w.-]", line, maxsplit=1)[0]
        for file in (ROOT / "requirements").glob("*.in")
        for line in file.read_text().splitlines()
        if line and line[0] not in "#-"
    ]
    assert "msgspec" in named
    assert absent(named, documented(DOCS / "dependencies.md")) == []


@pytest.mark.parametrize(
    "page", sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")]), ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


def test_what_the_documents_say_is_tried_next() -> None:
    """In errors.md, by kind, what follows where nothing but the kind is known: what the table of outcomes says."""
    from dragoman.core.errors import GatewayError, Kind
    from dragoman.service.outcomes import outcome

    said = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", (DOCS / "errors.md").read_text(), re.M))
    for kind in Kind:
        told = outcome(GatewayError(kind, ""))
        steps = ["the same once more" * bool(told.again), "another key" * told.key, "another target" * told.target]
        steps = steps[::-1] if told.first else steps
        assert said[kind.value] == (", then ".join(filter(None, steps)) or "no"), kind
