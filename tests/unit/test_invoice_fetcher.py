"""What a render may fetch: named files, the logo, the payment code and small pictures inside the page; nothing else."""

import base64
import io
from urllib.parse import quote_from_bytes

import pytest
from PIL import Image

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.asset_files import Assets
from mailworker.invoices.url_fetcher import BASE, LOGO, QR, LockedFetcher


def picture(kind="PNG", mode="RGB", size=(4, 3)):
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind)
    return out.getvalue()


PNG, JPEG, GIF, CMYK = picture(), picture("JPEG"), picture("GIF", "P"), picture("JPEG", "CMYK")


@pytest.fixture
def fetcher(tmp_path):
    (tmp_path / "logo.png").write_bytes(PNG)
    (tmp_path / "a b.css").write_text("p{}", "utf-8")
    (tmp_path / "four.jpg").write_bytes(CMYK)

    def made(*, rgb=False, **limits):
        settings = InvoiceSettings.model_validate({"assets": tmp_path, "limits": limits})
        return LockedFetcher(Assets(settings), "logo.png", rgb=rgb)

    return made


def got(fetcher, url):
    answer = fetcher.fetch(url)
    return answer.read(), answer.headers["Content-Type"]


def inline(data, *, encoded=True, media="image/png"):
    return (
        f"data:{media};base64,{base64.b64encode(data).decode()}"
        if encoded
        else f"data:{media},{quote_from_bytes(data)}"
    )


@pytest.mark.parametrize("name", ["a%20b.css", "a%20b.css?x=1", "a%20b.css#top", "a%20b.css?x#y"])
def test_a_named_file_is_served(fetcher, name):
    assert got(fetcher(), BASE + name) == (b"p{}", "text/css")


def test_the_logo_is_flat_and_the_code_is_this_invoices(fetcher):
    one = fetcher()
    data, media = got(one, LOGO)
    assert (media, Image.open(io.BytesIO(data)).size) == ("image/jpeg", (4, 3))
    with pytest.raises(ValueError, match="missing"):
        one.fetch(QR)
    one.reset(b"code")
    assert (one.missing, one.blocked) == ([], 0)
    assert got(one, QR) == (b"code", "image/jpeg")


@pytest.mark.parametrize(("data", "media"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif")])
@pytest.mark.parametrize("encoded", [True, False])
def test_a_picture_inside_the_page_is_told_by_its_first_bytes(fetcher, data, media, encoded):
    one = fetcher()
    assert got(one, inline(data, encoded=encoded, media="text/plain")) == (data, media)
    assert (one.blocked, one.missing) == (0, [])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "https://example.com/a.png", "file:///etc/hostname", "ftp://h/", "a.png", "",
        inline(b"<svg/>", media="image/svg+xml"), "data:image/png;base64,!", "data:image/png;base64,A", "data:,", "data:",
    ],
)  # fmt: skip
def test_everything_else_is_blocked_and_counted(fetcher, url):
    one = fetcher()
    for times in (1, 2):
        with pytest.raises(ValueError, match="blocked"):
            one.fetch(url)
        assert (one.blocked, one.missing) == (times, [])
    one.reset(b"")
    assert one.blocked == 0


@pytest.mark.parametrize("name", ["none.png", "../logo.png", "%2e%2e/logo.png"])
def test_a_file_that_is_not_there_is_named(fetcher, name):
    one = fetcher()
    with pytest.raises(ValueError, match="missing"):
        one.fetch(BASE + name)
    assert (len(one.missing), one.blocked) == (1, 0)
    assert "which is in none of its folders" in str(one.missing[0])
    one.reset(b"")
    assert one.missing == []


def test_a_picture_inside_the_page_has_a_largest_size(fetcher):
    assert got(fetcher(asset_bytes=len(PNG), asset_pixels=12), inline(PNG))[0] == PNG
    small = fetcher(asset_bytes=len(PNG) - 1)
    with pytest.raises(ValueError, match="blocked"):
        small.fetch(inline(PNG))
    few = fetcher(asset_pixels=11)
    with pytest.raises(ValueError, match="too large"):
        few.fetch(inline(PNG))
    assert ([str(fault) for fault in few.missing], few.blocked) == (
        ["The picture inside the template has 12 pixels; the most is 11 (invoice.limits.asset_pixels)."],
        0,
    )
    broken = fetcher()
    with pytest.raises(ValueError, match="too large"):
        broken.fetch(inline(PNG[:20]))
    assert "is no readable picture" in str(broken.missing[0])


@pytest.mark.parametrize("rgb", [True, False])
def test_four_inks_become_three_where_the_page_wants_it(fetcher, rgb):
    one = fetcher(rgb=rgb)
    for url in (BASE + "four.jpg", inline(CMYK)):
        data, media = got(one, url)
        assert (media, Image.open(io.BytesIO(data)).mode) == ("image/jpeg", "RGB" if rgb else "CMYK")
    assert got(one, inline(PNG)) == (PNG, "image/png")
