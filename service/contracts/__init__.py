"""The JSON that crosses the service's borders: the API, sinks and webhooks."""
