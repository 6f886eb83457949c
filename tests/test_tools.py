"""Tools that a provider runs itself, asked of another: an equal one, a reported loss, or a clear refusal. Never silence."""

from __future__ import annotations

from typing import Any

import pytest
from tests import laws

from dragoman.core.errors import GatewayError
from dragoman.core.ir import Message, Request, Text, Tool, ToolChoice
from dragoman.dialects import CODECS

MINE = Tool(name="mine", parameters={"type": "object", "properties": {}})
SEARCHES = {"openai.responses": "web_search", "anthropic": "web_search_20250305", "gemini": "googleSearch"}
TARGETS = ("openai.chat", "openai.responses", "anthropic", "gemini")


def sent(target: str, *tools: Tool, origin: str = "elsewhere", **more: Any) -> tuple[str, list[str]]:
    """The tools as they go to the target, as text, and what was lost or emulated."""
    turn = Message(role="user", parts=(Text(text="hi"),))
    request = Request(origin=origin, model="m", messages=(turn,), tools=tools, **more)
    ctx = laws.context(request=request)
    wire = CODECS[target].encode_request(request, ctx)
    return str(wire.get("tools")), [loss.what for loss in ctx.losses if loss.path.startswith("tools")]


@pytest.mark.parametrize("target", SEARCHES)
@pytest.mark.parametrize("server", sorted(set(SEARCHES.values())))
def test_case_076_a_search_is_a_search(target: str, server: str) -> None:
    tools, lost = sent(target, Tool(name=server, server=server))
    assert SEARCHES[target] in tools
    assert lost == ["emulated"]


@pytest.mark.parametrize("target", TARGETS)
def test_what_has_no_equal_is_left_out_beside_the_clients_own(target: str) -> None:
    tools, lost = sent(target, Tool(name="x", server="tool_search"), MINE)
    assert "mine" in tools
    assert "tool_search" not in tools
    assert lost == ["dropped"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("more", [{}, {"tool_choice": ToolChoice("tool", "x")}], ids=["alone", "forced"])
def test_case_045_what_the_answer_needs_is_refused(target: str, more: dict[str, Any]) -> None:
    tools = (Tool(name="x", server="tool_search"), *((MINE,) if more else ()))
    with pytest.raises(GatewayError, match="tool_search is run by providers of elsewhere only") as caught:
        sent(target, *tools, **more)
    assert caught.value.param
    assert caught.value.param.startswith("tools")


def test_google_takes_no_tool_of_its_own_beside_functions() -> None:
    tools, lost = sent("gemini", Tool(name="web_search", server="web_search"), MINE)
    assert "googleSearch" not in tools
    assert lost == ["dropped"]
