"""The contract, number by number, against the running gateway. Nothing here imports the gateway's code."""
