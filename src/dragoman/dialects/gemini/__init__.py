"""Gemini's generateContent and countTokens, at AI Studio and at Vertex. It knows no other dialect."""

from dragoman.dialects.gemini.codec import Gemini, GeminiCount

__all__ = ["Gemini", "GeminiCount"]
