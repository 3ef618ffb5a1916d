import pytest
from sqlalchemy import create_engine, text

pytestmark = pytest.mark.integration


def tables(url):
    engine = create_engine(url)
    try:
        with engine.connect() as link:
            return link.execute(
                text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            ).scalar_one()
    finally:
        engine.dispose()


def leave_a_table(url):
    engine = create_engine(url)
    try:
        with engine.begin() as link:
            link.execute(text("CREATE TABLE here (id int)"))
    finally:
        engine.dispose()


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database(fresh_postgres_url, turn):
    assert tables(fresh_postgres_url) == 0
    leave_a_table(fresh_postgres_url)
    assert tables(fresh_postgres_url) == 1


def test_the_shared_database_answers(postgres_url):
    assert tables(postgres_url) >= 0
