"""The online half of Watchword: ingest, pipeline, alerts, sinks, store, API and command line."""
