"""How much of an answer is read: no more bytes than a worker can hold."""

import gzip
import io

import pytest
from urllib3 import HTTPResponse
from urllib3.exceptions import DecodeError, ReadTimeoutError

from mailworker.mailjet.send_once_transport import MOST_BYTES, OnceAdapter


def packed(size):
    body = gzip.compress(bytes(size), 9)
    return HTTPResponse(io.BytesIO(body), headers={"Content-Encoding": "gzip"}, preload_content=False)


def test_an_answer_that_unpacks_to_more_than_a_worker_holds_is_not_read_on():
    with pytest.raises(ReadTimeoutError):
        OnceAdapter()._read(packed(MOST_BYTES + 1_000_000))


@pytest.mark.parametrize("body", [b"no gzip at all", gzip.compress(bytes(MOST_BYTES + 1), 9)])
def test_the_connection_of_an_answer_that_is_not_read_to_its_end_is_closed(body):
    connection = io.BytesIO(body)
    answer = HTTPResponse(connection, headers={"Content-Encoding": "gzip"}, preload_content=False)
    with pytest.raises((DecodeError, ReadTimeoutError)):
        OnceAdapter()._read(answer)
    assert connection.closed


def test_a_large_answer_is_read_whole():
    assert OnceAdapter()._read(packed(5_000_000)) == bytes(5_000_000)
