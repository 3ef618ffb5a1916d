"""How much of an answer is read: no more bytes than a worker can hold."""

import gzip
import io

import pytest
from urllib3 import HTTPResponse
from urllib3.exceptions import ReadTimeoutError

from mailworker.mailjet.send_once_transport import MOST_BYTES, OnceAdapter


def packed(size):
    body = gzip.compress(bytes(size), 9)
    return HTTPResponse(io.BytesIO(body), headers={"Content-Encoding": "gzip"}, preload_content=False)


def test_an_answer_that_unpacks_to_more_than_a_worker_holds_is_not_read_on():
    with pytest.raises(ReadTimeoutError):
        OnceAdapter()._read(packed(MOST_BYTES + 1_000_000))


def test_a_large_answer_is_read_whole():
    assert OnceAdapter()._read(packed(5_000_000)) == bytes(5_000_000)
