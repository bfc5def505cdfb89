#!/usr/bin/env python3
"""Mel spectrograms by librosa, the reference of `MelSpectrogram`.

    pip install librosa            in an environment of your own
    Scripts/peer_spectrogram.py Tests/ModelsTests/Golden/spectrogram.safetensors

Writes the waveform, a sweep over noise at 22,050 Hz, and what librosa makes of it. Names say the settings: scale, number of
bands, samples of the transform and of the hop, lower and upper edge in hertz.
"""
import sys
import warnings

import librosa
import numpy

import tensor_files

RATE = 22050


def main(path):
    random = numpy.random.default_rng(7)
    time = numpy.arange(RATE // 2) / RATE
    wave = 0.5 * numpy.sin(2 * numpy.pi * (400 * time + 6000 * time**2)) * numpy.hanning(time.size)
    wave = (wave + 0.02 * random.standard_normal(time.size)).astype(numpy.float32)
    tensors = {"wave": wave[None]}

    def power(bands, size, hop, low=0.0, high=None, htk=False, span=None, norm="slaney"):
        return librosa.feature.melspectrogram(
            y=wave, sr=RATE, n_fft=size, hop_length=hop, win_length=span, n_mels=bands, fmin=low, fmax=high, htk=htk,
            norm=norm, power=2.0)

    slaney = power(64, 1024, 512)
    tensors["slaney_64_1024_512.power"] = slaney
    tensors["slaney_64_1024_512.decibels"] = librosa.power_to_db(slaney)
    tensors["slaney_64_1024_512.pcen"] = librosa.pcen(slaney * 1e4, sr=RATE, hop_length=512)
    tensors["htk_40_2048_400.power"] = power(40, 2048, 400, 100.0, 9000.0, htk=True, span=1500, norm=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bands without a bin: librosa leaves them empty
        filters = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=1024)
    # 1024 bands: which are wider than two bins, and the filters of a few of them.
    edges = librosa.mel_frequencies(1026)
    wide = numpy.flatnonzero(edges[2:] - edges[:-2] >= 2 * RATE / 2048)
    tensors["slaney_1024_2048.wide"] = wide.astype(numpy.int32)
    tensors["slaney_1024_2048.filters"] = filters[wide[:: max(1, wide.size // 8)]]
    tensors["slaney_1024_2048.filter_bands"] = wide[:: max(1, wide.size // 8)].astype(numpy.int32)
    tensor_files.write(path, {name: numpy.asarray(value) for name, value in tensors.items()},
                       {"librosa": librosa.__version__})


if __name__ == "__main__":
    main(sys.argv[1])
