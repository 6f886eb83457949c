"""The events of a response that is whole already, as if it came about once more: under its own ids, numbered from 0.

It knows neither who made the response nor where it was kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dragoman.core.codec import Context, Wire
from dragoman.core.fold import unfold
from dragoman.core.framing import Frame
from dragoman.dialects.openai_responses import events, whole

UNFINISHED: Wire = {"status": "in_progress", "output": [], "usage": None}
YET_UNKNOWN = ("completed_at", "incomplete_details")


def replayed(response: Wire) -> Iterator[Frame]:
    """Raises GatewayError(UPSTREAM) for a response that failed: it has no events of its own."""
    told = whole.decode_response(response, Context())
    begun = response | UNFINISHED | {name: None for name in YET_UNKNOWN if name in response}
    ended = f"response.{'incomplete' if response.get('status') == 'incomplete' else 'completed'}"
    items = [item for item in response["output"] if isinstance(item, dict)]
    encoder = events.Encoder(Context(model=told.model))
    for event in unfold(told):
        for frame in encoder.feed(event):
            wire = msgspec.json.decode(frame.data)
            if "response" in wire:
                wire["type"] = ended if frame.event not in BEGINNINGS else frame.event
                wire["response"] = begun if frame.event in BEGINNINGS else response
            elif frame.event == "response.output_item.done":
                wire["item"] = items[wire["output_index"]]
            yield Frame(msgspec.json.encode(wire), wire["type"])


BEGINNINGS = ("response.created", "response.in_progress")
