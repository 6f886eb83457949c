"""Dragoman, an LLM gateway: the package and its version.

It knows none of its modules, so that reading the version costs nothing.
"""

__version__ = "0.1.0"
