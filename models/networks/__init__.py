"""Networks in torch, one file each: imported by training and export, never by what the service runs."""
