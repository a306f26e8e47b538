"""What people choose by mistake: each file is refused or reduced by name, and the others go on."""

from playwright.async_api import expect

from tests.miniapp.conftest import OpenApp
from tests.miniapp.files import SMALL, File, apple, exif_of, large, photos, video
from tests.miniapp.line import PHOTOS, Line
from tests.photos import portrait
from tests.service.running import Service


async def test_each_bad_file_is_refused_by_name_and_the_others_go_on(
    open_app: OpenApp, line: Line, service: Service
) -> None:
    phone = await open_app()
    phone.guard.expects(422)
    twice = portrait(910, SMALL)
    await phone.add(
        [
            video("clip.mp4"),
            File("empty.jpg", b""),
            File("endless.jpg", b"", padded_to=100_000_000),
            apple("IMG_0001.HEIC"),
            large("heavy.jpg", padded_to=30_000_000),
            File("same.jpg", twice),
            File("same (1).jpg", twice),
            File("broken.jpg", portrait(911, SMALL)[:20_000]),
            *photos(4),
        ]
    )
    for name, verdict in (
        ("clip.mp4", "verdict.not_an_image"),
        ("empty.jpg", "verdict.empty_file"),
        ("endless.jpg", "verdict.file_too_large"),
        ("IMG_0001.HEIC", "verdict.ok"),
        ("heavy.jpg", "verdict.ok"),
        ("broken.jpg", "verdict.corrupt"),
        ("3.jpg", "verdict.ok"),
    ):
        await phone.is_judged(name, verdict)
    await expect(phone.app.get_by_role("button", name=phone.words("verdict.duplicate"))).to_have_count(1)
    await phone.has_photos(7)
    draft = await service.call("GET", "/training/photos", phone.person)
    assert len(draft["photos"]) == 7
    assert not {"clip.mp4", "endless.jpg"} & {photo.name for photo in line.photos}
    assert max(len(photo.content) for photo in line.photos) < 4_000_000
    await phone.tile("endless.jpg").tap()
    await expect(phone.app.get_by_role("dialog")).to_contain_text(
        phone.words("verdict.file_too_largeReason", megabytes=20)
    )
    await phone.page.keyboard.press("Escape")
    await phone.button("photos.removeRefused").tap()
    await expect(phone.tile("clip.mp4")).to_be_hidden()
    await phone.has_photos(7)


async def test_a_photo_is_reduced_before_it_travels_and_says_nothing_of_its_place(
    open_app: OpenApp, line: Line
) -> None:
    phone = await open_app()
    await phone.add([large("IMG_7.jpg")])
    await phone.is_judged("IMG_7.jpg", "verdict.ok")
    (sent,) = line.photos
    assert sent.size == (1536, 2048)  # upright
    assert not exif_of(sent.content)


async def test_of_sixty_files_fifty_are_taken_three_at_a_time(
    open_app: OpenApp, line: Line, service: Service
) -> None:
    phone = await open_app()
    line.fault(PHOTOS, "late", seconds=0.05, times=60)
    await phone.add(photos(60))
    await phone.has_photos(50)
    await expect(phone.text("photos.left", count=10, maximum=50)).to_be_visible()
    assert len(line.photos) == 50
    assert line.most_photos_at_once == 3
    draft = await service.call("GET", "/training/photos", phone.person)
    assert len(draft["photos"]) == 50


async def test_what_is_refused_takes_nobodys_place(open_app: OpenApp, service: Service) -> None:
    phone = await open_app()
    videos = [video(f"clip{number}.mp4") for number in range(10)]
    await phone.add([*videos, *photos(50)])
    await phone.has_photos(50)
    draft = await service.call("GET", "/training/photos", phone.person)
    assert len(draft["photos"]) == 50
