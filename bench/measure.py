"""measure.py ROUNDS NAME=COMMAND...: runs shell commands in turn, ROUNDS times, and prints for each the
wall time (minimum and median), the least processor time, the peak memory of its largest process, and the ratios of its
median and of its processor time to the first command's. Other work on the machine disturbs processor time less. A command
may have the form PREPARE ::: COMMAND; what prepares is not timed."""

import os
import statistics
import subprocess
import sys
import time


def run(command):
    """Wall time and processor time in seconds, and peak resident memory in MB, of a shell command."""
    start = time.monotonic()
    child = subprocess.Popen(["bash", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    took = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command}\nended with {child.returncode}: {errors.decode()[-2000:]}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def main():
    rounds, commands = int(sys.argv[1]), [a.partition("=") for a in sys.argv[2:]]
    times, memory = {n: [] for n, _, _ in commands}, {n: 0 for n, _, _ in commands}
    cpu = {n: float("inf") for n, _, _ in commands}
    for _ in range(rounds):
        for name, _, command in commands:
            prepare, marked, timed = command.partition(" ::: ")
            if marked:
                subprocess.run(["bash", "-c", prepare], check=True, stdout=subprocess.DEVNULL)
            took, used, peak = run(timed if marked else command)
            times[name].append(took)
            cpu[name] = min(cpu[name], used)
            memory[name] = max(memory[name], peak)
    base, base_cpu = statistics.median(times[commands[0][0]]), cpu[commands[0][0]]
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors, {rounds} rounds in turn")
    print(f"{'':32}{'min s':>9}{'median s':>10}{'cpu s':>8}{'peak MB':>9}{'ratio':>7}{'of cpu':>8}")
    for name, _, _ in commands:
        middle = statistics.median(times[name])
        print(f"{name:32}{min(times[name]):9.2f}{middle:10.2f}{cpu[name]:8.3f}{memory[name]:9.0f}{middle / base:7.2f}{cpu[name] / base_cpu:8.2f}")


if __name__ == "__main__":
    main()
