"""CGRateS, OmniCRM's charging engine: accounts and their balances, read over JSON-RPC."""

from mailworker.crm.cgrates.account import Account, EngineBalance, read_account
from mailworker.crm.cgrates.client import CgratesClient

__all__ = ["Account", "CgratesClient", "EngineBalance", "read_account"]
