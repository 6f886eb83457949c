"""The gateway as a service: routes, layers, one exchange with a provider. It knows dialects only by their registry."""
