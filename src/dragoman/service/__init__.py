"""The gateway as a service: routes, layers, and one exchange with a provider. It knows dialects only through their registry."""
