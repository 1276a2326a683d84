#!/usr/bin/env python3
"""Packs the Salamander Grand Piano for the page: `tools/pack-piano.py [work-folder]`.

Needs ffmpeg (with libmp3lame) and npm. Fetches the sample packages from the npm registry into the work
folder (default: a temporary one) and writes `www/piano/`:

* `velocity{4,8,12,16}/KEY.mp3` and `release/KEY.mp3`: a file for each sample, so that the page fetches what it plays,
* `index.json`: the layers' folders and MIDI velocities, and each sample's key and gain,
* `LICENSE.txt`.

What is done to each sample, and why:

* cut at its onset - 4 ms: raw onsets lie 5 to 37 ms into the files, which is audible as bad timing;
* length max(2.5, 12 - 0.11 (key - 21)) x 0.6 s with a cosine fade over the last 40 %: the pack must be small;
* stereo stays stereo: the channels are out of phase, and a mono sum would hollow the sound out;
* MP3, `-q:a 5`, 48 kHz, written to a seekable file so that the LAME header tells the browser how much padding
  to drop: onsets come out of `decodeAudioData` exactly where they were (Opus, Vorbis and AAC drift);
* a gain in `index.json` instead of a changed file: neighboring samples differ by up to 4.6 dB, so each one is
  brought to a level that is smooth over the keyboard and follows velocity^1.2 over the layers.

Standard library only.
"""

import array
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

RATE = 48_000
PACKAGE_VERSION = "1.0.5"
# MIDI velocity that each of Salamander's 16 layers was recorded for (middle of its lovel..hivel).
LAYER_VELOCITY = {4: 40, 8: 61, 12: 93, 16: 124}
VELOCITY_EXPONENT = 1.2
# Loudness of a struck note is judged on this much sound after its onset.
LEVEL_SECS = 0.2
# The onset is the first frame above this fraction of the peak (-20 dB). Smaller finds the thump of the key,
# which comes before the string and not always.
ONSET_FRACTION = 0.1
BEFORE_ONSET_SECS = 0.004
# So that the cut does not click.
FADE_IN_SECS = 0.002
# Loudest boost or cut a sample may get; more would lift the noise of the recording.
MAX_GAIN_DB = 8.0
# The sound of the damper falling back is short; one for every third key is enough.
RELEASE_SECS = 0.45
PITCH_CLASS = {"C": 0, "D#": 3, "F#": 6, "A": 9}


def main() -> None:
    root = pathlib.Path(__file__).resolve().parent.parent
    out = root / "www" / "piano"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else temporary).resolve()
        layers = [read_layer(work, number) for number in LAYER_VELOCITY]
        set_gains(layers)
        index = {
            "credit": "Salamander Grand Piano V3 by Alexander Holm, CC BY 3.0",
            "layers": [pack(layer, out, work) for layer in layers],
            "release": pack(read_release(work), out, work),
        }
    (out / "index.json").write_text(json.dumps(index, separators=(",", ":")) + "\n")
    (out / "LICENSE.txt").write_text(LICENSE)
    total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{total / 1e6:.2f} MB in {out}")
    if total > 5_000_000:
        sys.exit("the pack is larger than 5 MB")


def fetch(work: pathlib.Path, package: str) -> pathlib.Path:
    """Unpacks one npm package and returns the folder of its sounds."""
    folder = work / package
    if not folder.is_dir():
        work.mkdir(parents=True, exist_ok=True)
        name = f"@audio-samples/{package}@{PACKAGE_VERSION}"
        subprocess.run(["npm", "pack", "--silent", name], cwd=work, check=True, stdout=subprocess.DEVNULL)
        folder.mkdir()
        archive = work / f"audio-samples-{package}-{PACKAGE_VERSION}.tgz"
        subprocess.run(["tar", "xzf", archive, "-C", folder], check=True)
    return folder / "package" / "audio"


def read_layer(work: pathlib.Path, number: int) -> dict:
    samples = []
    for path in sorted(fetch(work, f"piano-velocity{number}").glob("*.ogg")):
        name, octave = re.fullmatch(r"([A-G]#?)(\d)v\d+", path.stem).groups()
        key = PITCH_CLASS[name] + 12 * (int(octave) + 1)
        sound = decode(path, 2.0)
        start = onset(sound)
        samples.append({
            "path": path,
            "key": key,
            "start_secs": max(0.0, start / RATE - BEFORE_ONSET_SECS),
            "secs": max(2.5, 12 - 0.11 * (key - 21)) * 0.6,
            "level_db": level_db(sound, start),
        })
    samples.sort(key=lambda sample: sample["key"])
    assert len(samples) == 30, f"expected 30 keys in layer {number}, found {len(samples)}"
    return {"folder": f"velocity{number}", "velocity": LAYER_VELOCITY[number], "samples": samples}


def read_release(work: pathlib.Path) -> dict:
    """`rel1` is key 21; every third one is kept, as in the layers."""
    folder = fetch(work, "piano-mp3-release")
    samples = []
    for key in range(21, 109, 3):
        path = folder / f"rel{key - 20}.mp3"
        sound = decode(path, RELEASE_SECS)
        # Brought to one level, so that the player alone decides how loud a damper is.
        gain = 10 ** ((-30.0 - level_db(sound, 0)) / 20)
        samples.append({"path": path, "key": key, "start_secs": 0.0, "secs": RELEASE_SECS, "gain": gain})
    return {"folder": "release", "samples": samples}


def decode(path: pathlib.Path, secs: float) -> array.array:
    """The first `secs` as interleaved stereo floats."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-t", str(secs), "-f", "f32le", "-ac", "2", "-ar", str(RATE), "-"]
    sound = array.array("f")
    sound.frombytes(subprocess.run(command, check=True, capture_output=True).stdout)
    return sound


def onset(sound: array.array) -> int:
    """The frame at which the string is struck."""
    threshold = ONSET_FRACTION * max(max(sound), -min(sound))
    return next(i // 2 for i, value in enumerate(sound) if abs(value) > threshold)


def level_db(sound: array.array, start: int) -> float:
    part = sound[2 * start : 2 * (start + int(LEVEL_SECS * RATE))]
    return 10 * math.log10(sum(value * value for value in part) / len(part) + 1e-12)


def set_gains(layers: list[dict]) -> None:
    """Gives every sample the gain that brings it to a smooth level over keys and velocities."""
    keys = [sample["key"] for sample in layers[0]["samples"]]
    expected = {layer["folder"]: 20 * VELOCITY_EXPONENT * math.log10(layer["velocity"] / 64) for layer in layers}
    # Level of a key at velocity 64, as the mean over the layers...
    raw = [
        sum(layer["samples"][i]["level_db"] - expected[layer["folder"]] for layer in layers) / len(layers)
        for i in range(len(keys))
    ]
    for i in range(len(keys)):
        # ... smoothed over neighbors within a bit more than an octave on each side.
        weights = [(max(0.0, 1 - abs(i - j) / 5), value) for j, value in enumerate(raw)]
        smooth = sum(w * value for w, value in weights) / sum(w for w, _ in weights)
        for layer in layers:
            sample = layer["samples"][i]
            gain_db = smooth + expected[layer["folder"]] - sample["level_db"]
            sample["gain"] = 10 ** (max(-MAX_GAIN_DB, min(MAX_GAIN_DB, gain_db)) / 20)


def pack(layer: dict, out: pathlib.Path, work: pathlib.Path) -> dict:
    """Encodes a layer's samples into its folder and returns its part of the index."""
    folder, samples = out / layer["folder"], []
    folder.mkdir(exist_ok=True)
    for sample in layer["samples"]:
        (folder / f"{sample['key']}.mp3").write_bytes(encode(sample, work))
        samples.append({"key": sample["key"], "gain": round(sample["gain"], 4)})
    described = {"folder": layer["folder"], "samples": samples}
    if "velocity" in layer:
        described["velocity"] = layer["velocity"]
    return described


def encode(sample: dict, work: pathlib.Path) -> bytes:
    start, secs = sample["start_secs"], sample["secs"]
    fade = 0.4 * secs
    filters = (
        f"aresample={RATE},asetpts=N/SR/TB,atrim=start={start:.6f}:duration={secs:.6f},asetpts=PTS-STARTPTS,"
        f"afade=t=in:d={FADE_IN_SECS}:curve=hsin,afade=t=out:st={secs - fade:.6f}:d={fade:.6f}:curve=hsin"
    )
    target = work / "sample.mp3"
    command = [
        "ffmpeg", "-v", "error", "-y", "-i", sample["path"], "-af", filters, "-ac", "2", "-ar", str(RATE),
        "-c:a", "libmp3lame", "-q:a", "5", "-map_metadata", "-1", "-id3v2_version", "0", "-write_id3v1", "0", target,
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return target.read_bytes()


LICENSE = """\
Salamander Grand Piano V3
Author: Alexander Holm
Licence: Creative Commons Attribution 3.0 (https://creativecommons.org/licenses/by/3.0/)
Source: https://archive.org/details/SalamanderGrandPianoV3,
by way of the npm packages @audio-samples/piano-velocity{4,8,12,16} and @audio-samples/piano-mp3-release (1.0.5).
Changes: 4 of 16 velocity layers, cut at the onset, shortened, faded out and encoded as MP3
(tools/pack-piano.py).
"""

if __name__ == "__main__":
    main()
