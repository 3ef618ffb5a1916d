"""The invented operator's tables, and the queries that answer our questions from them.

The queries are also the worked example of docs/crm.md.
"""

from mailworker.config.crm import Question

TABLES = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, city TEXT NOT NULL,
    postal_code TEXT NOT NULL, country TEXT NOT NULL, language TEXT NOT NULL, timezone TEXT NOT NULL,
    segment TEXT NOT NULL, customer_since TEXT NOT NULL, version INTEGER NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE contacts (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL,
    contact_type TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE INDEX contacts_of_customer ON contacts (customer_id);
CREATE TABLE invoices (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, number TEXT NOT NULL, plan TEXT NOT NULL,
    issue_date TEXT NOT NULL, due_date TEXT NOT NULL, currency TEXT NOT NULL, total_cents INTEGER NOT NULL,
    paid_cents INTEGER NOT NULL, last_payment_date TEXT, state TEXT NOT NULL, direct_debit INTEGER NOT NULL
);
CREATE INDEX invoices_of_customer ON invoices (customer_id, id);
CREATE TABLE balances (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, balance_type TEXT NOT NULL, service TEXT NOT NULL,
    unit TEXT NOT NULL, amount TEXT NOT NULL, allowance TEXT NOT NULL, period_start TEXT NOT NULL,
    expires_at TEXT NOT NULL, topped_up_at TEXT, level_after_top_up TEXT
);
CREATE TABLE exclusions (customer_id INTEGER PRIMARY KEY, reason TEXT NOT NULL, until TEXT);
CREATE TABLE tokens (id TEXT PRIMARY KEY, used INTEGER NOT NULL, expires_at TEXT NOT NULL);
"""

#: Cents become exact decimals; the CRM's own words for a state are translated here.
_INVOICES = """
SELECT invoices.id AS invoice_id, invoices.customer_id, invoices.number, invoices.issue_date,
       invoices.due_date, invoices.currency, invoices.direct_debit,
       printf('%d.%02d', total_cents / 100, total_cents % 100) AS total,
       printf('%d.%02d', (total_cents - paid_cents) / 100, (total_cents - paid_cents) % 100) AS owed,
       CASE WHEN paid_cents < total_cents THEN last_payment_date END AS paid_part_on,
       CASE state WHEN 'due' THEN 'open' WHEN 'void' THEN 'cancelled' ELSE state END AS status,
       customers.email, customers.name AS customer_name, customers.language, customers.timezone,
       'https://espace.ondine-telecom.example/factures/' || invoices.number AS invoice_url,
       'https://espace.ondine-telecom.example/payer/' || invoices.number AS pay_url
FROM invoices JOIN customers ON customers.id = invoices.customer_id
"""

_CUSTOMERS = """
SELECT id AS customer_id, name, city, postal_code, country, language, timezone, version, updated_at,
       json_object('segment', segment, 'client_depuis', customer_since) AS custom_fields
FROM customers
"""

_CHANGED = """
WHERE updated_at >= :updated_since
   OR id IN (SELECT customer_id FROM contacts WHERE updated_at >= :updated_since)
"""

QUERIES: dict[Question, str] = {
    "invoices": _INVOICES,
    "open_invoices": _INVOICES + "WHERE invoices.state IN ('due', 'disputed')",
    "balances": """
SELECT balances.id AS balance_id, balances.customer_id, balance_type, service AS plan,
       service AS service_name, unit, amount, allowance, period_start, expires_at, topped_up_at,
       level_after_top_up,
       customers.email, customers.name AS customer_name, customers.language, customers.timezone,
       'https://espace.ondine-telecom.example/recharger' AS topup_url,
       'https://espace.ondine-telecom.example/renouveler' AS renewal_url
FROM balances JOIN customers ON customers.id = balances.customer_id
""",
    "customers": _CUSTOMERS,
    "changed_customers": _CUSTOMERS + _CHANGED,
    "contacts": """
SELECT contacts.id AS contact_id, contacts.customer_id, contacts.name, contacts.email, contact_type,
       contacts.updated_at, customers.language
FROM contacts JOIN customers ON customers.id = contacts.customer_id
""",
    "exclusions": "SELECT customer_id, reason, until FROM exclusions",
    "invoice_document": """
SELECT invoices.id AS invoice_id, invoices.number AS invoice_number, issue_date AS date, due_date, currency,
       printf('%d.%02d', net_cents / 100, net_cents % 100) AS total_amount,
       printf('%d.%02d', (total_cents - net_cents) / 100, (total_cents - net_cents) % 100) AS total_tax,
       printf('%d.%02d', paid_cents / 100, paid_cents % 100) AS paid_amount,
       customers.name AS client_name, customers.email AS client_email, customers.language,
       customers.city AS client_city, customers.postal_code AS client_postcode,
       customers.country AS client_country, customers.id AS client_customer_number,
       customers.id AS customer_id,
       'https://espace.ondine-telecom.example/factures/' || invoices.number AS invoice_url,
       CASE state WHEN 'due' THEN 'https://espace.ondine-telecom.example/payer/' || invoices.number END
           AS pay_url
FROM (SELECT *, CAST(round(total_cents / 1.2) AS INTEGER) AS net_cents FROM invoices) AS invoices
JOIN customers ON customers.id = invoices.customer_id
""",
    "invoice_lines": """
SELECT id AS invoice_id, plan AS description, 1 AS quantity, 20 AS tax_rate,
       printf('%d.%02d', net_cents / 100, net_cents % 100) AS unit_price
FROM (SELECT *, CAST(round(total_cents / 1.2) AS INTEGER) AS net_cents FROM invoices) AS priced
""",
    "tokens": "SELECT id AS token_id, used, expires_at FROM tokens",
}
