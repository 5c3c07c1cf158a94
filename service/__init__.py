"""The online half of Watchword: ingest, pipeline, alerts, bus, store, API and command line."""
