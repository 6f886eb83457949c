"""OpenAI Responses, and the servers that speak it: requests, answers, streams, errors, models; no other dialect."""

from dragoman.dialects.openai_responses.codec import OpenAIResponses

__all__ = ["OpenAIResponses"]
