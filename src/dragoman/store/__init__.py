"""What the gateway has to remember: a protocol, and where it is kept. It knows no dialect, no route and no provider."""
