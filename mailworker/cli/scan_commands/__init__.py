"""What the commands about scans share."""
