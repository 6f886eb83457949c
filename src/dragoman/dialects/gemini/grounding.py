"""What an answer rests on, both directions: pages and the stretches of its text they support.

Google counts bytes, the neutral form counts characters. It knows nothing of the answer around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dragoman.core.codec import Wire
from dragoman.core.ir import Citation, Json, Opaque, Run, Source

SEARCH = "groundingMetadata"

# -- decode ------------------------------------------------------------------


def decode_citations(candidate: Wire, text: str) -> tuple[Citation, ...]:
    """The web pages an answer rests on, each with the stretch of the text it supports, where that is told."""
    return (*_grounded(candidate.get("groundingMetadata"), text), *_recited(candidate.get("citationMetadata"), text))


def decode_search(candidate: Wire) -> Opaque | None:
    """What was searched for; the pages that were found. Google tells it beside the answer, so it is no part at home."""
    grounding = candidate.get("groundingMetadata")
    told = grounding.get("webSearchQueries") if isinstance(grounding, dict) else None
    queries = tuple(query for query in told if isinstance(query, str) and query) if isinstance(told, list) else ()
    if not queries:
        return None
    pages = {citation.url: citation.title for citation in _grounded(grounding, "") if citation.url}
    sources = tuple(Source(url, title or None) for url, title in pages.items())
    return Opaque(kind=SEARCH, raw=None, run=Run("web_search", queries=queries, sources=sources))


def decode_ran(wire: Json, code: str) -> Run | None:
    """What came of the code before."""
    if not isinstance(wire, dict) or not code:
        return None
    output, failed = wire.get("output"), wire.get("outcome") != "OUTCOME_OK"
    return Run("code_execution", code=code, output=output if isinstance(output, str) else "", failed=failed)


def _grounded(grounding: Json, text: str) -> Iterator[Citation]:
    if not isinstance(grounding, dict):
        return
    chunks, supports = grounding.get("groundingChunks"), grounding.get("groundingSupports")
    pages: dict[int, Wire] = {}
    for i, chunk in enumerate(chunks if isinstance(chunks, list) else ()):
        web = chunk.get("web") if isinstance(chunk, dict) else None
        if isinstance(web, dict) and isinstance(web.get("uri"), str):
            pages[i] = web
    told: set[str] = set()
    written = text.encode("utf-8", "surrogatepass") if pages else b""
    for support in supports if isinstance(supports, list) else ():
        if not isinstance(support, dict):
            continue
        indices = support.get("groundingChunkIndices")
        start, end = _stretch(support.get("segment"), written)
        for i in indices if isinstance(indices, list) else ():
            if type(i) is int and i in pages:
                told.add(pages[i]["uri"])
                yield _citation(pages[i], start, end)
    yield from (_citation(web, None, None) for web in pages.values() if web["uri"] not in told)


def _recited(metadata: Json, text: str) -> Iterator[Citation]:
    """What was said word for word before: AI Studio's citationSources, Vertex's citations."""
    found = metadata.get("citationSources", metadata.get("citations")) if isinstance(metadata, dict) else None
    written = text.encode("utf-8", "surrogatepass") if found else b""
    for source in found if isinstance(found, list) else ():
        if isinstance(source, dict) and isinstance(source.get("uri"), str):
            yield _citation(source, *_characters(source, written))


def _citation(page: Wire, start: int | None, end: int | None) -> Citation:
    title = page.get("title")
    return Citation(url=page["uri"], title=title if isinstance(title, str) else None, start=start, end=end)


def _stretch(segment: Json, written: bytes) -> tuple[int | None, int | None]:
    """None where the segment is not of this text."""
    if not isinstance(segment, dict):
        return None, None
    start, end = _characters(segment, written)
    if start is None or end is None or written.decode("utf-8", "surrogatepass")[start:end] != segment.get("text"):
        return None, None
    return start, end


def _characters(segment: Wire, written: bytes) -> tuple[int | None, int | None]:
    start, end = (_count(segment.get(name)) for name in ("startIndex", "endIndex"))
    if not start < end <= len(written):
        return None, None
    try:
        before, cited = (piece.decode("utf-8", "surrogatepass") for piece in (written[:start], written[start:end]))
    except UnicodeDecodeError:  # in the middle of a character
        return None, None
    return len(before), len(before) + len(cited)


def _count(value: Json) -> int:
    return int(value) if type(value) in (int, float) and 0 <= value < 1e15 else 0


# -- encode ------------------------------------------------------------------


@dataclass
class _Written:
    """A text of the answer. Texts that follow each other are one to Google, so that it begins in the middle of it."""

    before: list[str]  # the texts it goes on from
    text: list[str] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)


@dataclass
class Grounding:
    """Takes an answer's texts as they come, with what each cites; tells what the whole rests on."""

    _texts: dict[int, _Written] = field(default_factory=dict)
    _run: list[str] = field(default_factory=list)
    _queries: list[str] = field(default_factory=list)
    _found: dict[str, Wire] = field(default_factory=dict)

    def search(self, run: Run) -> None:
        """What was searched for, and the pages that were found."""
        self._queries += run.queries
        for source in run.sources:
            self._found.setdefault(source.url, page_of(source.url, source.title))

    def begin(self, index: int) -> None:
        self._texts[index] = _Written(list(self._run))

    def interrupt(self) -> None:
        """Something else than a text comes."""
        self._run = []

    def write(self, index: int, text: str) -> None:
        if index in self._texts:
            self._texts[index].text.append(text)
            self._run.append(text)

    def cite(self, index: int, citations: Iterable[Citation]) -> None:
        if index in self._texts:
            self._texts[index].citations += (citation for citation in citations if citation.url)

    def wire(self) -> Wire | None:
        """groundingMetadata; None where no page is cited, and none was searched for."""
        pages = dict(self._found)
        supports: dict[tuple[int, int, str], list[int]] = {}
        for written in self._texts.values():
            base, text = _bytes("".join(written.before)), "".join(written.text)
            for citation in written.citations:
                url = citation.url or ""
                pages.setdefault(url, page_of(url, citation.title))
                start, end = citation.start or 0, len(text) if citation.end is None else citation.end
                if cited := text[start:end]:
                    at = base + _bytes(text[:start])
                    known = supports.setdefault((at, at + _bytes(cited), cited), [])
                    if (page := list(pages).index(url)) not in known:
                        known.append(page)
        if not pages and not self._queries:
            return None
        wire: Wire = {"webSearchQueries": self._queries} if self._queries else {}
        if pages:
            wire["groundingChunks"] = [{"web": page} for page in pages.values()]
        if supports:
            wire["groundingSupports"] = [
                {
                    "segment": ({"startIndex": start} if start else {}) | {"endIndex": end, "text": text},
                    "groundingChunkIndices": known,
                }
                for (start, end, text), known in supports.items()
            ]
        return wire


def page_of(url: str, title: str | None) -> Wire:
    return {"uri": url} | ({"title": title} if title else {})


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def as_one(parts: list[Wire]) -> list[Wire]:
    """The parts with texts that follow each other made one, up to a signature: stretches are told within a part."""
    done: list[Wire] = []
    for part in parts:
        if done and done[-1].keys() == {"text"} and "text" in part and part.keys() <= {"text", "thoughtSignature"}:
            done[-1] = part | {"text": done[-1]["text"] + part["text"]}
        else:
            done.append(part)
    return done
