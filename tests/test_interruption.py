"""Signals that end a run: at once, or at a moment that the run chooses."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from mammo_gan.interruption import Interrupted, Interruption

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGUSR2)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_raises_at_once(number: signal.Signals) -> None:
    with pytest.raises(Interrupted) as raised, Interruption():
        send(number)
        raise AssertionError("went on")
    assert (raised.value.signal, raised.value.exit_code) == (number, 128 + number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_deferred_one_waits_for_the_end(number: signal.Signals) -> None:
    went_on = False
    with Interruption() as interruption, pytest.raises(Interrupted) as raised, interruption.deferred():
        assert interruption.received is None
        send(number)
        assert interruption.received == number
        went_on = True
    assert went_on
    assert raised.value.signal == number


def test_whoever_acts_on_it_first_is_heard() -> None:
    with Interruption() as interruption, pytest.raises(ValueError, match="of the run"), interruption.deferred():
        send(signal.SIGTERM)
        raise ValueError("of the run")


def test_the_first_one_counts_and_a_second_ctrl_c_does_not_wait() -> None:
    went_on = False
    with Interruption() as interruption, pytest.raises(Interrupted) as raised, interruption.deferred():
        send(signal.SIGUSR1)
        send(signal.SIGTERM)  # the scheduler's second word, while a checkpoint is being written
        assert interruption.received == signal.SIGUSR1
        went_on = True
        send(signal.SIGINT)
        raise AssertionError("went on")
    assert went_on
    assert raised.value.signal == signal.SIGINT


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interruption():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_signal_is_taken_again_from_a_library() -> None:
    heard: list[int] = []
    with Interruption() as interruption, pytest.raises(Interrupted), interruption.deferred():
        signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
        interruption.claim()
        send(signal.SIGTERM)
    assert not heard


def test_the_handler_of_before_can_be_asked_for() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGUSR2, lambda number, frame: heard.append(number))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Interruption() as interruption:
        handler = interruption.before(signal.SIGUSR2)
        assert interruption.before(signal.SIGINT) is None
        assert interruption.before(signal.SIGTERM) is None
    handler(signal.SIGUSR2, None)
    assert heard == [signal.SIGUSR2]


def test_sigusr2_is_taken_only_from_somebody_who_waits_for_it() -> None:
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    with Interruption():
        send(signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, lambda number, frame: None)
    with pytest.raises(Interrupted), Interruption():
        send(signal.SIGUSR2)


def test_elsewhere_than_in_the_main_thread_nothing_is_touched() -> None:
    before, failed = [signal.getsignal(number) for number in SIGNALS], []

    def run() -> None:
        try:
            with Interruption() as interruption, interruption.deferred():
                interruption.claim()
                assert [signal.getsignal(number) for number in SIGNALS] == before
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failed
