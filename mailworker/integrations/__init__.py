"""The CRM's side: what runs inside OmniCRM, and needs the client, SQLAlchemy and nothing else of ours."""
