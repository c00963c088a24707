"""What both compiled contenders share: two runs, and a look at the clock around the second one.

Programs are compiled in the folder `program` beside the script's; what is there and has not
changed is not compiled anew.
"""

from pathlib import Path

from brian2 import device, ms, set_device

__all__ = ["begin", "timed"]

STAMP = """
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    std::ofstream("stamps.txt", std::ios::app) << now.tv_sec << " " << now.tv_nsec << std::endl;
}
"""


def begin():
    """Have all that follows be for C++ standalone mode."""
    set_device("cpp_standalone", build_on_run=False)


def timed(given, network):
    """Run a network, the timed samples in a run of their own; return the seconds of these."""
    network.run(given.before * given.steps * ms)
    device.insert_code("main", STAMP)
    network.run(given.samples * given.steps * ms)
    device.insert_code("main", STAMP)
    folder = Path("program_learning" if given.learns else "program")
    folder.mkdir(exist_ok=True)
    Path(folder, "stamps.txt").unlink(missing_ok=True)
    device.build(directory=str(folder), clean=False, compile=True, run=True)
    stamps = [line.split() for line in Path(folder, "stamps.txt").read_text().splitlines()]
    first, second = (int(seconds) + 1e-9 * int(nano) for seconds, nano in stamps)
    return second - first
