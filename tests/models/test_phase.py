"""The same magnitudes with phases from elsewhere."""
import pytest
import torch

from models import audio, phase, speaking


@pytest.fixture(scope="module")
def speech():
    return speaking.spoken_by_formulas()[:60 * 256]


def test_with_its_own_phase_a_sound_comes_back(speech):
    torch.testing.assert_close(phase.with_true_phase(speech), speech, atol=1e-4, rtol=0)


def test_zero_phase_puts_the_crests_in_the_middle_of_a_window():
    settings = audio.MelConfig()
    magnitudes = torch.zeros(settings.window // 2 + 1, 9)
    magnitudes[10:200, 4] = 0.5  # one window that holds many tones
    wave = phase.with_zero_phase(magnitudes, settings)
    assert int(wave.argmax()) == 4 * settings.hop


def test_random_phase_is_where_griffin_lim_begins(speech):
    magnitudes = phase.spectrum(speech).abs()
    begun = phase.with_random_phase(magnitudes, seed=3)
    assert torch.equal(begun, audio.griffin_lim(magnitudes, rounds=0, seed=3)) and not torch.equal(begun, phase.with_random_phase(magnitudes, seed=4))
    errors = [phase.convergence(audio.griffin_lim(magnitudes, rounds=rounds), magnitudes) for rounds in (0, 1, 8, 32)]
    assert errors == sorted(errors, reverse=True) and errors[0] > -8 and errors[-1] < -15


def test_convergence_counts_in_decibels(speech):
    magnitudes = phase.spectrum(speech).abs()
    assert phase.convergence(torch.zeros_like(speech), magnitudes) == pytest.approx(0, abs=0.01)
    assert phase.convergence(1.1 * speech, magnitudes) == pytest.approx(-20, abs=0.01)
    assert phase.convergence(speech, magnitudes) == phase.NOTHING
    assert phase.convergence(torch.zeros_like(speech), torch.zeros_like(magnitudes)) <= 0
