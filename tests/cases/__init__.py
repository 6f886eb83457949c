"""The numbered failures of other gateways, one test for each, where no dialect's own tests hold it."""
