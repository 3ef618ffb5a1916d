"""crm_config.yaml, checked and typed."""
