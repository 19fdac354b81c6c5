"""One file a kind of document; each offers `LAYOUTS`, functions that draw a `Draft` from a seeded `Random`."""
