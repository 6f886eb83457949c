"""What models put around JSON that they were asked for in words, and that no client asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.fences import Unfenced

VALUE = '{"a": "```", "b": [1, 2]}'


def streamed(text: str, step: int) -> str:
    found = Unfenced()
    return "".join(found.feed(text[at : at + step]) for at in range(0, len(text), step)) + found.close()


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"```json\n{VALUE}\n```", VALUE),
        (f"\n\n```JSON \r\n{VALUE}\r\n```\r\n", VALUE),
        (f"```\n{VALUE}\n```", VALUE),
        (f"```{VALUE}```", VALUE),
        (f"```json{VALUE}\n\n```  ", VALUE),
        (f"```json\n{VALUE}", VALUE),  # cut by a limit
        (VALUE, VALUE),
        (f" {VALUE}\n", f" {VALUE}\n"),
        (f"Here it is:\n```json\n{VALUE}\n```", f"Here it is:\n```json\n{VALUE}\n```"),
        (f"```json\n{VALUE}\n```\nThat is all.", f"{VALUE}\n```\nThat is all."),
        ("```not a fence", "```not a fence"),
        ("``", "``"),
        ("", ""),
        ("I cannot do that.", "I cannot do that."),
    ],
)
def test_a_fence_is_taken_away_and_nothing_else(text: str, said: str, step: int) -> None:
    assert streamed(text, step) == said
    assert Unfenced().whole(text) == said


@given(st.text("`\n {j1", max_size=40), st.integers(1, 5))
def test_pieces_say_what_the_whole_says(text: str, step: int) -> None:
    assert streamed(text, step) == Unfenced().whole(text)
    assert Unfenced().whole(text) in text


def test_text_is_said_as_it_comes() -> None:
    found = Unfenced()
    assert found.feed("```json\n") == ""
    assert found.feed('{"a"') == '{"a"'
    assert found.feed(": 1}") == ": 1}"
    assert found.feed("\n``") == ""
    assert found.feed("`") == found.close() == ""
    assert len(Unfenced().feed(" " * 10_000)) == 10_000, "white space is not held for ever"
