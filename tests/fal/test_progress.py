import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal import Progress, progress


@pytest.mark.parametrize(
    ("logs", "found"),
    [
        ([], None),
        (["Loading the model"], None),
        ([" 45%|████▌     | 450/1000 [01:23<01:41, 5.42it/s]"], Progress(45, 450, 1000)),
        (["450/1000 [01:23<01:41]"], Progress(45, 450, 1000)),
        (["steps: 12.5%|█▏ | 125/1000 [00:10"], Progress(12, 125, 1000)),
        (["45% done"], Progress(45)),
        (["10%", "20%", "Saving a checkpoint"], Progress(20)),
        (["10%|█ | 1/10 [00:01\r20%|██ | 2/10 [00:02"], Progress(20, 2, 10)),
        (["100%|██████████| 1000/1000 [03:00"], Progress(99, 1000, 1000)),
        (["1000/1000 [03:00"], Progress(99, 1000, 1000)),
        (["40%|████ | 3.98G/9.95G [00:30<00:45, 130MB/s]"], Progress(40)),
        (["20%", "loss fell by 250%"], Progress(20)),
        (["30%", "7/0 [odd"], Progress(30)),
        (["9/3 [odd"], None),
    ],
)
def test_progress(logs: list[str], found: Progress | None) -> None:
    assert progress(logs) == found


lines = st.lists(
    st.text(max_size=60)
    | st.from_regex(r"\d{1,12}(\.\d+)?%\|.*", fullmatch=True)
    | st.from_regex(r"\d{1,12}/\d{1,12} \[", fullmatch=True),
    max_size=8,
)


@given(lines)
def test_any_log_can_be_read(logs: list[str]) -> None:
    found = progress(logs)

    if found is not None:
        assert 0 <= found.percent <= 99
        assert (found.step is None) == (found.total is None)
        if found.step is not None and found.total is not None:
            assert 0 <= found.step <= found.total


@given(st.integers(1, 100_000), st.data())
def test_more_steps_are_never_less_progress(total: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, total))
    second = data.draw(st.integers(first, total))

    earlier, later = (progress([f"{step}/{total} ["]) for step in (first, second))

    assert earlier is not None
    assert later is not None
    assert earlier.percent <= later.percent
