"""Trains this project's network and PyTorch's on random data, side by side, and prints JSON.

    pip install torch
    cargo build --release --package train --bin performance-rnn
    python tools/compare-training.py target/release/performance-rnn 64x128 32x128

On a GPU, against cuDNN (`--features wgpu` and `--device wgpu` likewise):

    cargo build --release --package train --bin performance-rnn --features cuda
    python tools/compare-training.py --device cuda target/release/performance-rnn 256x512 64x256

The two take turns (`--rounds`), so that a machine that speeds up or slows down does so for both. Each runs in a
process of its own. Peak memory is the kernel's count on a CPU, and the largest of nvidia-smi's answers on a GPU
(none without nvidia-smi). Medians of all rounds; the same network (three layers of 512 units over 413 events), loss,
clipping and Adam. On a CPU as many threads as there are cores. On a GPU, "tf32" lets matrix products round their
factors to TF32, in both.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading

PEER = """
import sys, time, torch
V, H, B, T = 413, 512, int(sys.argv[1]), int(sys.argv[2])
device, half = sys.argv[3], sys.argv[4] == "bf16"
torch.set_num_threads(int(sys.argv[5]))
torch.set_float32_matmul_precision("high")
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(V, H, 3, batch_first=True)
        self.head = torch.nn.Linear(H, V)
    def forward(self, x):
        return self.head(self.lstm(x)[0])
net = Net().to(device)
optimizer = torch.optim.Adam(net.parameters(), 1e-3)
x = torch.nn.functional.one_hot(torch.randint(0, V, (B, T)), V).float().to(device)
y = torch.randint(0, V, (B, T)).to(device)
def step():
    optimizer.zero_grad()
    with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
        scores = net(x)
    loss = torch.nn.functional.cross_entropy(scores.float().reshape(-1, V), y.reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 3.0)
    optimizer.step()
    return loss.item()  # waits for the device, as ours does
step()
start, steps = time.time(), 0
while time.time() - start < 6:
    step()
    steps += 1
print(steps * B * T / (time.time() - start))
"""


def gpu_memory(pid):
    """MiB that a process holds on the GPU, by nvidia-smi; none where that does not know."""
    query = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=True).stdout
        return sum(int(line.split(",")[1]) for line in answer.splitlines() if int(line.split(",")[0]) == pid) or None
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None


def measure(command, device):
    """What a command prints, and its peak memory in MiB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peaks, is_over = [], threading.Event()

    def watch():
        while not is_over.wait(0.5):
            peaks.append(gpu_memory(process.pid))

    if device != "cpu":
        threading.Thread(target=watch, daemon=True).start()
    errors = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
    reader.start()
    printed = process.stdout.read()
    reader.join()
    _, status, usage = os.wait4(process.pid, 0)
    is_over.set()
    if status != 0:
        sys.exit(f"{command[0]} failed: {errors[0].strip()[-2000:]}")
    if device == "cpu":
        return printed, usage.ru_maxrss / 1024
    return printed, max((peak for peak in peaks if peak is not None), default=None)


def peer_device(device):
    """Where PyTorch trains: on the same GPU if it can."""
    if device == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        sys.exit("expected a PyTorch that sees the GPU, found torch.cuda.is_available() false")
    print("PyTorch sees no GPU and trains on the CPU: the figures are no comparison", file=sys.stderr)
    return "cpu"


def median(numbers):
    numbers = [number for number in numbers if number is not None]
    return round(statistics.median(numbers)) if numbers else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="performance-rnn")
    parser.add_argument("shapes", nargs="+", help="batch x time, for example 64x128")
    parser.add_argument("--device", choices=["cpu", "cuda", "wgpu"], default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cores = str(os.cpu_count())
    peer = peer_device(args.device)
    ours = {"cpu": "flex"}.get(args.device, args.device)
    exact = "f32" if args.device == "cpu" else "tf32"
    # The kernels for GPUs have one precision.
    variants = {"ours, bf16": ["--precision", "bf16"], "ours, f32": ["--precision", "f32"]}
    if args.device != "cpu":
        variants = {f"ours, {exact}": [], f"ours, {exact}, recomputed": ["--recompute"]}
    for shape in args.shapes:
        batch, steps = shape.split("x")
        runs = {}
        for _ in range(args.rounds):
            for name, more in variants.items():
                command = [args.program, "bench", "--train-only", "--json", "--device", ours, *more]
                printed, memory = measure([*command, "--batch", batch, "--time", steps], args.device)
                runs.setdefault(name, []).append((json.loads(printed)["train_events_per_s"], memory))
            for name, precision in [(f"PyTorch, {exact}", "f32"), ("PyTorch, bf16 autocast", "bf16")]:
                command = [sys.executable, "-c", PEER, batch, steps, peer, precision, cores]
                printed, memory = measure(command, peer)
                runs.setdefault(name, []).append((float(printed), memory))
        result = {
            name: {
                "events_per_s": median(speed for speed, _ in results),
                "peak_mib": median(memory for _, memory in results),
            }
            for name, results in runs.items()
        }
        place = {"device": args.device, "peer_device": peer}
        print(json.dumps({"batch": int(batch), "time": int(steps), "rounds": args.rounds, **place, **result}), flush=True)


main()
