"""OmniCRM's tables in MariaDB, as far as its public manual lets them be known.

FACT (seen in the manual): the nine columns of `customer`, `contact_id`, `service_uuid`, the product's columns,
`transaction_id`, `created`, `retail_cost`; that there are contacts with a type, sites, services with a product,
invoices with a period and a due date, transactions that can be voided and carry their own tax, attributes of
free name and value. GUESS, by the naming rule of these: every table's name and all other columns. Each guess is
in `GUESSES` with another name that an installation might have, so that a test can change it.
"""

import re

from mailworker.crm.omnicrm.columns import COLUMNS, TABLES

SCHEMA = """
CREATE TABLE customer (
    customer_id INT PRIMARY KEY AUTO_INCREMENT, customer_name VARCHAR(200) NOT NULL,
    customer_account_type ENUM('Individual', 'Business'), customer_status ENUM('Open', 'Closed', 'Suspended', 'Archived'),
    customer_payment_type VARCHAR(30), customer_enabled TINYINT(1) DEFAULT 1, tax_identifier VARCHAR(40),
    contract_start_date DATETIME, contract_end_date DATETIME, last_modified DATETIME
);
CREATE TABLE contact (
    contact_id INT PRIMARY KEY AUTO_INCREMENT, customer_id INT NOT NULL, contact_firstname VARCHAR(80),
    contact_lastname VARCHAR(80), contact_email VARCHAR(200), contact_types VARCHAR(200), last_modified DATETIME,
    KEY (customer_id)
);
CREATE TABLE site (
    site_id INT PRIMARY KEY AUTO_INCREMENT, customer_id INT NOT NULL, address_line_1 VARCHAR(200),
    address_line_2 VARCHAR(200), city VARCHAR(80), state VARCHAR(80), zip_code VARCHAR(20), country VARCHAR(80),
    KEY (customer_id)
);
CREATE TABLE product (
    product_id INT PRIMARY KEY AUTO_INCREMENT, product_slug VARCHAR(80), product_name VARCHAR(200),
    category VARCHAR(40), service_type VARCHAR(40), enabled TINYINT(1), retail_cost DECIMAL(12, 4)
);
CREATE TABLE service (
    service_id INT PRIMARY KEY AUTO_INCREMENT, service_uuid VARCHAR(64), customer_id INT NOT NULL, product_id INT,
    service_name VARCHAR(200), service_status VARCHAR(30), service_type VARCHAR(40), service_end_date DATETIME,
    KEY (customer_id), KEY (service_uuid)
);
CREATE TABLE invoice (
    invoice_id INT PRIMARY KEY AUTO_INCREMENT, customer_id INT NOT NULL, created DATETIME, start_date DATE,
    end_date DATE, due_date DATE, paid TINYINT(1) DEFAULT 0, void TINYINT(1) DEFAULT 0, KEY (customer_id)
);
CREATE TABLE `transaction` (
    transaction_id INT PRIMARY KEY AUTO_INCREMENT, customer_id INT NOT NULL, invoice_id INT, created DATETIME,
    title VARCHAR(200), description TEXT, retail_cost DECIMAL(12, 4), wholesale_cost DECIMAL(12, 4),
    tax_amount DECIMAL(12, 4), tax_percentage DECIMAL(6, 3), void TINYINT(1) DEFAULT 0, KEY (invoice_id)
);
CREATE TABLE customer_attribute (
    customer_attribute_id INT PRIMARY KEY AUTO_INCREMENT, customer_id INT NOT NULL, attribute_name VARCHAR(80),
    attribute_value VARCHAR(400), KEY (customer_id)
);
"""

#: Five customers: one who owes, one closed, one who asked for no reminders, one suspended, one not enabled.
DATA = """
INSERT INTO customer (customer_id, customer_name, customer_account_type, customer_status, customer_payment_type, customer_enabled, last_modified) VALUES
    (1, 'Zoé Œuvrard', 'Individual', 'Open', 'postpaid', 1, '2026-11-01 10:00:00'),
    (2, 'Fermé SARL', 'Business', 'Closed', 'postpaid', 1, '2026-11-02 10:00:00'),
    (3, 'Discret SA', 'Business', 'Open', 'postpaid', 1, '2026-11-03 10:00:00'),
    (4, 'Suspendu SAS', 'Business', 'Suspended', 'postpaid', 1, '2026-11-04 10:00:00'),
    (5, 'Désactivé EURL', 'Business', 'Open', 'postpaid', 0, '2026-11-05 10:00:00');
INSERT INTO contact (contact_id, customer_id, contact_firstname, contact_lastname, contact_email, contact_types, last_modified) VALUES
    (11, 1, 'Tech', 'Nicien', 'tech@zoe.example', 'technical', NULL),
    (12, 1, 'Zoé', 'Œuvrard', 'facture@zoe.example', 'billing,admin', '2026-11-20 10:00:00'),
    (13, 1, 'Sans', 'Adresse', '', 'billing', NULL),
    (21, 2, 'Feu', 'Fermé', 'ferme@ferme.example', 'billing', NULL),
    (31, 3, 'Dis', 'Cret', 'discret@discret.example', 'billing', NULL),
    (41, 4, 'Sus', 'Pendu', 'suspendu@suspendu.example', NULL, NULL),
    (51, 5, 'Dés', 'Activé', 'desactive@des.example', 'billing', NULL);
INSERT INTO site (site_id, customer_id, address_line_1, city, zip_code, country) VALUES
    (1, 1, '12 rue des Lilas', 'Perpignan', '66000', 'FR'), (2, 1, '1 rue Neuve', 'Lyon', '69001', 'FR');
INSERT INTO product (product_id, product_slug, product_name) VALUES (1, '50gb-data-pack', 'Pack 50 Go');
INSERT INTO service (service_id, service_uuid, customer_id, product_id, service_name, service_status, service_end_date) VALUES
    (1, '4f1c2a9e-0001', 1, 1, 'Mobile - +33 6 00 00 00 01', 'Active', NULL),
    (2, '4f1c2a9e-0002', 2, 1, 'Mobile - +33 6 00 00 00 02', 'Active', NULL),
    (3, '4f1c2a9e-0003', 3, NULL, 'Fibre', 'Active', '2026-11-27 00:00:00');
INSERT INTO invoice (invoice_id, customer_id, created, start_date, end_date, due_date, paid, void) VALUES
    (101, 1, '2026-10-01 08:00:00', '2026-10-01', '2026-10-31', '2026-10-15', 0, 0),
    (102, 1, '2026-10-02 08:00:00', '2026-10-01', '2026-10-31', '2026-10-15', 1, 0),
    (103, 1, '2026-10-03 08:00:00', '2026-10-01', '2026-10-31', '2026-10-15', 0, 1),
    (201, 2, '2026-10-01 08:00:00', '2026-10-01', '2026-10-31', '2026-10-15', 0, 0),
    (301, 3, '2026-10-01 08:00:00', '2026-10-01', '2026-10-31', '2026-10-15', 0, 0),
    (401, 4, '2026-10-01 08:00:00', '2026-10-01', '2026-10-31', '2026-10-15', 0, 0),
    (501, 5, '2026-10-01 08:00:00', '2026-10-01', '2026-10-31', '2026-10-15', 0, 0);
INSERT INTO `transaction` (transaction_id, customer_id, invoice_id, created, title, description, retail_cost, tax_amount, tax_percentage, void) VALUES
    (1, 1, 101, '2026-10-01 08:00:00', 'Forfait', 'Octobre', 12.5000, 2.5000, 20, 0),
    (2, 1, 101, '2026-10-01 08:00:00', 'Option', NULL, 1.2500, 0.2500, 20, 0),
    (3, 1, 101, '2026-10-01 08:00:00', 'Erreur', NULL, 90.7500, 18.1500, 20, 1),
    (4, 1, NULL, '2026-10-01 08:00:00', 'Pas encore facturé', NULL, 5.0000, 1.0000, 20, 0),
    (5, 1, 102, '2026-10-01 08:00:00', 'Payé', NULL, 10.0000, 2.0000, 20, 0),
    (6, 2, 201, '2026-10-01 08:00:00', 'Forfait', NULL, 10.0000, 2.0000, 20, 0),
    (7, 3, 301, '2026-10-01 08:00:00', 'Forfait', NULL, 10.0000, NULL, NULL, 0),
    (8, 4, 401, '2026-10-01 08:00:00', 'Forfait', NULL, 10.0000, 2.0000, 20, 0),
    (9, 5, 501, '2026-10-01 08:00:00', 'Forfait', NULL, 10.0000, 2.0000, 20, 0);
INSERT INTO customer_attribute (customer_id, attribute_name, attribute_value) VALUES
    (1, 'language', 'en-GB'), (1, 'timezone', 'Europe/London'), (1, 'credit_limit', '5000'), (1, 'marketing', 'off'),
    (3, 'reminders', 'Off');
"""

#: Our word for each guessed name, and what else it might be. `attribute` and the like are tables.
GUESSES = {
    "customer": ("customer", "customers"),
    "contact": ("contact", "contacts"),
    "site": ("site", "sites"),
    "service": ("service", "services"),
    "product": ("product", "products"),
    "invoice": ("invoice", "invoices"),
    "transaction": ("transaction", "transactions"),
    "attribute": ("customer_attribute", "attributes"),
    "contact.email": ("contact_email", "email"),
    "contact.first": ("contact_firstname", "first_name"),
    "contact.last": ("contact_lastname", "last_name"),
    "contact.types": ("contact_types", "contact_type"),
    "site.city": ("city", "site_city"),
    "site.postcode": ("zip_code", "postcode"),
    "site.country": ("country", "site_country"),
    "service.name": ("service_name", "name"),
    "service.status": ("service_status", "status"),
    "service.ends": ("service_end_date", "end_date"),
    "invoice.due": ("due_date", "invoice_due_date"),
    "invoice.created": ("created", "date"),
    "invoice.paid": ("paid", "is_paid"),
    "invoice.void": ("void", "voided"),
    "transaction.tax": ("tax_amount", "tax"),
    "transaction.cost": ("retail_cost", "amount"),
    "transaction.void": ("void", "voided"),
    "transaction.invoice": ("invoice_id", "transaction_invoice_id"),
    "transaction.title": ("title", "transaction_title"),
    "attribute.name": ("attribute_name", "attribute_key"),
    "attribute.value": ("attribute_value", "value"),
    "customer.updated": ("last_modified", "updated_at"),
    "contact.updated": ("last_modified", "contact_last_modified"),
    "contact.customer": ("customer_id", "contact_customer_id"),
    "site.customer": ("customer_id", "site_customer_id"),
    "service.customer": ("customer_id", "service_customer_id"),
    "service.product": ("product_id", "service_product_id"),
    "invoice.customer": ("customer_id", "invoice_customer_id"),
    "site.id": ("site_id", "id"),
    "service.id": ("service_id", "id"),
    "site.line1": ("address_line_1", "site_address_line_1"),
    "transaction.created": ("created", "created_at"),
    "transaction.rate": ("tax_percentage", "tax_rate"),
    "transaction.description": ("description", "transaction_description"),
}
_TABLES = {word: names[0] for word, names in GUESSES.items() if "." not in word}


def statements(text):
    """The single statements of a script."""
    return [one.strip() for one in text.split(";\n") if one.strip()]


def changed(word, name):
    """What gives our `word` another name in the database that SCHEMA and DATA made."""
    table, _, column = word.partition(".")
    if not column:
        return f"RENAME TABLE `{_TABLES[table]}` TO `{name}`"
    old = GUESSES[word][0]
    return f"ALTER TABLE `{_TABLES[table]}` RENAME COLUMN `{old}` TO `{name}`"


def other_schema(dice):
    """Renames of about half of our words, each to any name that is looked for, as one installation might have them."""
    columns = {table: set(_columns_of(table)) for table in _TABLES}
    renames = []
    for word in dice.sample(sorted(GUESSES), len(GUESSES) // 2):
        table, _, column = word.partition(".")
        if not column:
            continue
        old, candidates = GUESSES[word][0], COLUMNS[word]
        if old not in columns[table]:
            continue
        before = next(
            (n for n, name in enumerate(candidates) if name in columns[table] - {old}), len(candidates)
        )
        free = [name for name in candidates[:before] if name not in columns[table]]
        if free:
            new = dice.choice(free)
            columns[table] = columns[table] - {old} | {new}
            renames.append(changed(word, new))
    tables = [word for word in dice.sample(sorted(_TABLES), len(_TABLES) // 2) if len(TABLES[word]) > 1]
    return renames + [changed(word, GUESSES[word][1]) for word in tables]


def _columns_of(table):
    """The columns of our word's table in SCHEMA."""
    body = SCHEMA.partition(f"{_TABLES[table]} (")[2] or SCHEMA.partition(f"`{_TABLES[table]}` (")[2]
    return re.findall(
        r"(?:^|, ?)\s*(\w+) (?:INT|VARCHAR|DATETIME|DATE|TINYINT|DECIMAL|ENUM|TEXT)",
        body.partition(");")[0],
        re.MULTILINE,
    )
