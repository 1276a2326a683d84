"""Reads the same MIDI files with this project and with pretty_midi, in turns, and prints JSON.

    pip install pretty_midi
    cargo build --release --package train --bin performance-rnn
    python tools/compare-midi.py target/release/performance-rnn FOLDER --rounds 3

Both read from memory, on one thread, to a list of notes in seconds; this project applies the sustain pedal as well.
Seconds are for one pass over all files; medians of the rounds.
"""

import argparse
import io
import json
import pathlib
import statistics
import subprocess
import time
import warnings

import pretty_midi

ENDINGS = {".mid", ".midi"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="performance-rnn")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    paths = sorted(path for path in arguments.folder.rglob("*") if path.suffix.lower() in ENDINGS)
    if not paths:
        parser.error(f"{arguments.folder}: expected MIDI files, found none")
    files = [path.read_bytes() for path in paths]
    warnings.simplefilter("ignore")
    ours, theirs, notes = [], [], 0
    for _ in range(arguments.rounds):
        command = [arguments.program, "bench", "--midi", str(arguments.folder), "--json"]
        figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        if figures["files"] != len(files):
            parser.error(f"expected {len(files)} files read, found {figures['files']}")
        ours.append(1 / figures["read_passes_per_s"])
        start = time.perf_counter()
        songs = [pretty_midi.PrettyMIDI(io.BytesIO(file)) for file in files]
        theirs.append(time.perf_counter() - start)
        notes = sum(len(instrument.notes) for song in songs for instrument in song.instruments)
    own, peer = statistics.median(ours), statistics.median(theirs)
    print(
        json.dumps(
            {
                **figures,
                "read_seconds": own,
                "pretty_midi_version": pretty_midi.__version__,
                "pretty_midi_notes": notes,
                "pretty_midi_read_seconds": peer,
                "times_as_fast": peer / own,
                "rounds": arguments.rounds,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
