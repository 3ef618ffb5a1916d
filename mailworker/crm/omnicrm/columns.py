"""What we look for in OmniCRM's database, and under which names: the facts first, guesses behind them.

Of all these names OmniCRM's public manual shows only the customer's (`customer_id`, `customer_name`,
`customer_status`, `customer_enabled`, `customer_account_type`, `customer_payment_type`), `contact_id`,
`service_uuid`, the product's, `transaction_id` and `retail_cost`. Table names and all others follow from the
naming rule that these show (`<entity>_id`, the entity's own name before its columns), and every installation
may have its own. So nothing is assumed: a name counts when the database has it.
"""

from typing import Final

#: A table's candidates, by our word for it.
TABLES: Final[dict[str, tuple[str, ...]]] = {
    "customer": ("customer", "customers", "crm_customer"),
    "contact": ("contact", "contacts", "customer_contact", "crm_contact"),
    "site": ("site", "sites", "customer_site", "crm_site"),
    "service": ("service", "services", "customer_service", "crm_service"),
    "product": ("product", "products", "crm_product"),
    "invoice": ("invoice", "invoices", "customer_invoice", "crm_invoice"),
    "transaction": ("transaction", "transactions", "customer_transaction", "crm_transaction"),
    "attribute": ("customer_attribute", "customer_attributes", "attribute", "attributes"),
}

#: A column's candidates, by `table.our word`.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "customer.id": ("customer_id", "id"),
    "customer.name": ("customer_name", "name"),
    "customer.status": ("customer_status", "status"),
    "customer.enabled": ("customer_enabled", "enabled", "is_enabled"),
    "customer.account_type": ("customer_account_type", "account_type"),
    "customer.payment_type": ("customer_payment_type", "payment_type"),
    "customer.tax": ("tax_identifier", "customer_tax_identifier"),
    "customer.updated": ("last_modified", "customer_last_modified", "updated_at", "modified"),
    "contact.id": ("contact_id", "id"),
    "contact.customer": ("customer_id", "contact_customer_id"),
    "contact.email": ("contact_email", "email", "contact_email_address", "email_address"),
    "contact.first": ("contact_firstname", "contact_first_name", "firstname", "first_name"),
    "contact.last": ("contact_lastname", "contact_last_name", "lastname", "last_name"),
    "contact.name": ("contact_name", "name", "full_name"),
    "contact.types": ("contact_types", "contact_type", "types", "type"),
    "contact.updated": ("last_modified", "contact_last_modified", "updated_at", "modified"),
    "site.id": ("site_id", "id"),
    "site.customer": ("customer_id", "site_customer_id"),
    "site.city": ("city", "site_city"),
    "site.postcode": ("zip_code", "postcode", "postal_code", "site_zip_code", "site_postcode"),
    "site.country": ("country", "site_country"),
    "site.line1": ("address_line_1", "site_address_line_1"),
    "site.line2": ("address_line_2", "site_address_line_2"),
    "site.state": ("state", "site_state"),
    "service.id": ("service_id", "id"),
    "service.uuid": ("service_uuid", "uuid"),
    "service.customer": ("customer_id", "service_customer_id"),
    "service.product": ("product_id", "service_product_id"),
    "service.name": ("service_name", "name"),
    "service.status": ("service_status", "status"),
    "service.ends": ("service_end_date", "end_date", "service_deactivate_date", "deactivate_date"),
    "product.id": ("product_id", "id"),
    "product.slug": ("product_slug", "slug"),
    "product.name": ("product_name", "name"),
    "invoice.id": ("invoice_id", "id"),
    "invoice.customer": ("customer_id", "invoice_customer_id"),
    "invoice.due": ("due_date", "invoice_due_date", "date_due"),
    "invoice.created": ("created", "date", "invoice_date", "issue_date", "created_at"),
    "invoice.starts": ("start_date", "invoice_start_date"),
    "invoice.ends": ("end_date", "invoice_end_date"),
    "invoice.number": ("invoice_number", "number"),
    "invoice.paid": ("paid", "is_paid", "invoice_paid"),
    "invoice.paid_on": ("paid_date", "paid_on", "date_paid", "paid_at", "invoice_paid_date"),
    "invoice.status": ("invoice_status", "status"),
    "invoice.void": ("void", "voided", "is_void", "invoice_void", "cancelled"),
    "invoice.proforma": ("proforma", "is_proforma", "invoice_proforma"),
    "invoice.currency": ("currency", "invoice_currency", "currency_code"),
    "transaction.id": ("transaction_id", "id"),
    "transaction.invoice": ("invoice_id", "transaction_invoice_id"),
    "transaction.cost": ("retail_cost", "transaction_retail_cost", "amount"),
    "transaction.tax": ("tax_amount", "tax", "transaction_tax", "total_tax"),
    "transaction.rate": ("tax_percentage", "tax_rate"),
    "transaction.created": ("created", "created_at", "transaction_created"),
    "transaction.void": ("void", "voided", "is_void", "transaction_void"),
    "transaction.title": ("title", "transaction_title"),
    "transaction.description": ("description", "transaction_description"),
    "attribute.customer": ("customer_id",),
    "attribute.name": ("attribute_name", "attribute_key", "name", "key"),
    "attribute.value": ("attribute_value", "value"),
}

FLAG = frozenset({"tinyint", "smallint", "int", "bit", "boolean", "bool"})
DAY = frozenset({"date", "datetime", "timestamp"})
_WORD = frozenset({"varchar", "char", "enum", "text", "tinytext", "mediumtext", "longtext"})

#: What a column's type must be before its name is believed: `paid` could as well be an amount or a word.
TYPES: Final[dict[str, frozenset[str]]] = {
    "customer.enabled": FLAG,
    "customer.status": _WORD,
    "invoice.due": DAY,
    "invoice.created": DAY,
    "invoice.paid": FLAG,
    "invoice.paid_on": DAY,
    "invoice.status": _WORD,
    "invoice.void": FLAG,
    "invoice.proforma": FLAG,
    "invoice.currency": _WORD,
    "transaction.void": FLAG,
    "service.ends": DAY,
    "customer.updated": DAY,
    "contact.updated": DAY,
}

#: What marks a row that staff deleted and that stays in its table: a flag, or the day of it.
DELETED: Final = ("deleted", "is_deleted")
DELETED_ON: Final = ("deleted_at", "deleted_on", "date_deleted")
#: Whose deleted rows count: a service goes on under the name of a product that is sold no more.
KEEP_DELETED: Final = frozenset({"product"})
