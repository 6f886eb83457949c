"""Chat Completions, and all the servers that speak it: requests, answers, streams, errors, models; no other dialect."""

from dragoman.dialects.openai_chat.codec import OpenAIChat

__all__ = ["OpenAIChat"]
