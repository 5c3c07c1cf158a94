"""The JSON that crosses the service's borders: the API, the bus and webhooks."""
