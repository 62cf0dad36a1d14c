"""ABCI 2.0, the protocol between CometBFT and an application: bytes, messages, and a server that speaks it."""
