"""Adapters to model servers, one file a kind. Nobody imports them by name: the registry loads them by entry point."""
