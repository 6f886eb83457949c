"""The translation core: values, codecs' common tools and streams. It knows no socket, no clock and no vendor."""
