"""Trains this project's network and PyTorch's on random data, side by side, and prints JSON.

    pip install torch
    cargo build --release --package train --bin performance-rnn
    python tools/compare-training.py target/release/performance-rnn 64x128 32x128

The two take turns (`--rounds`), so that a machine that speeds up or slows down does so for both. Each runs in a
process of its own; its peak memory is what the kernel counted. Medians of all rounds; the same network (three
layers of 512 units over 413 events), loss, clipping and Adam; as many threads as there are cores.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

PEER = """
import sys, time, torch
V, H, B, T = 413, 512, int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(int(sys.argv[3]))
half = sys.argv[4] == "bf16"
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(V, H, 3, batch_first=True)
        self.head = torch.nn.Linear(H, V)
    def forward(self, x):
        return self.head(self.lstm(x)[0])
net = Net()
optimizer = torch.optim.Adam(net.parameters(), 1e-3)
x = torch.nn.functional.one_hot(torch.randint(0, V, (B, T)), V).float()
y = torch.randint(0, V, (B, T))
def step():
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        scores = net(x)
    loss = torch.nn.functional.cross_entropy(scores.float().reshape(-1, V), y.reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 3.0)
    optimizer.step()
step()
start, steps = time.time(), 0
while time.time() - start < 6:
    step()
    steps += 1
print(steps * B * T / (time.time() - start))
"""


def measure(command):
    """What a command prints, and its peak memory in MiB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} failed")
    return printed, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="performance-rnn")
    parser.add_argument("shapes", nargs="+", help="batch x time, for example 64x128")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cores = str(os.cpu_count())
    for shape in args.shapes:
        batch, time = shape.split("x")
        runs = {"ours, bf16": [], "ours, f32": [], "PyTorch, f32": [], "PyTorch, bf16 autocast": []}
        for _ in range(args.rounds):
            for precision in ("bf16", "f32"):
                command = [args.program, "bench", "--train-only", "--json", "--precision", precision]
                printed, memory = measure([*command, "--batch", batch, "--time", time])
                runs[f"ours, {precision}"].append((json.loads(printed)["train_events_per_s"], memory))
                printed, memory = measure([sys.executable, "-c", PEER, batch, time, cores, precision])
                name = "PyTorch, f32" if precision == "f32" else "PyTorch, bf16 autocast"
                runs[name].append((float(printed), memory))
        result = {
            name: {
                "events_per_s": round(statistics.median(speed for speed, _ in results)),
                "peak_mib": round(statistics.median(memory for _, memory in results)),
            }
            for name, results in runs.items()
        }
        print(json.dumps({"batch": int(batch), "time": int(time), "rounds": args.rounds, **result}), flush=True)


main()
