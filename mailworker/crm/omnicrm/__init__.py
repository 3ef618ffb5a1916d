"""OmniCRM's own database: its columns found by looking, its queries made from what was found."""

from mailworker.crm.omnicrm.database_rows import OmnicrmRows

__all__ = ["OmnicrmRows"]
