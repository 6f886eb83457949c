"""Anthropic Messages: requests, answers, streams, errors, models, and counting. It knows no other dialect."""

from dragoman.dialects.anthropic.codec import Anthropic, AnthropicCount

__all__ = ["Anthropic", "AnthropicCount"]
