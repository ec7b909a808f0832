"""PyTorch's side of the benchmarks.

  bench.py --list                                            names, one a line
  bench.py --describe NAME                                   its parameters: number k, name, shape
  bench.py --workload NAME --threads N --repeats R --seconds S
                                                             a line {workload, threads, us, steps, loss} a repeat
  bench.py --serve --threads N                               for each line {"workload": NAME, "seconds": 0.5} on stdin
                                                             one line {workload, threads, us, steps, loss} or {error}
  bench.py --values --workload NAME|all [--batch B] [--dtype float32]
                                                             {workload, loss, gradNormSq, ...} at the start (float64)
  bench.py --environment --threads N                         PyTorch, BLAS library and its float32 matmul speed

`us` is the median time of one step in microseconds; `loss` the loss before the last step's update (null: not finite).
Every measurement starts from the start values; the first one of a workload is preceded by an untimed warm-up. The
workloads are written down in workloads_mlp.py, workloads_teleport.py and workloads_conv.py, the values in formula.py.

Read before comparing:
* PyTorch uses whatever libblas.so.3 is, and threads share cores badly unless BLAS and PyTorch use one thread pool:
    reference BLAS              about 30 times slower than OpenBLAS in a matrix product: no peer at all;
    OpenBLAS, pthread build     as good as any on one thread; on two, its own threads fight PyTorch's spinning OpenMP
                                threads (a step can take 10 to 100 times longer);
    OpenBLAS, OpenMP build      the one to compare with. On Debian: apt-get install libopenblas0-openmp.
  `--environment` shows which is loaded; a warning goes to stderr for the other two.
* --threads sets OMP_NUM_THREADS, OPENBLAS_NUM_THREADS and torch.set_num_threads before anything is computed.
* OMP_WAIT_POLICY is left as it is. libgomp's default lets threads spin for some milliseconds after work, which is
  the fastest on idle cores (1.1 to 4 times faster than `passive` on these workloads) and very slow on cores that
  something else uses: do not run anything beside it. `--environment` reports the variable.
* NAME-fused and NAME-channels-last are the same mathematics in a form that can be faster; compare with the fastest.
  Elsewhere the fused and foreach optimizers and torch.compile were not faster.
"""

import argparse
import json
import math
import os
import statistics
import sys
import time

WARM_UP_STEPS, WARM_UP_SECONDS = 20, 0.3
MIN_STEPS = 3


def parse():
    """The command line."""
    parser = argparse.ArgumentParser(description="PyTorch's side of the benchmarks")
    mode = parser.add_mutually_exclusive_group()
    for flag in ("--list", "--serve", "--values", "--environment"):
        mode.add_argument(flag, action="store_true")
    mode.add_argument("--describe", metavar="NAME")
    parser.add_argument("--workload", metavar="NAME")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.5, help="about how long one repeat runs")
    parser.add_argument("--batch", type=int, help="another batch size, for --values")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64", help="for --values")
    return parser.parse_args()


def set_threads(count):
    """Thread counts of every library, before PyTorch is imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(count)
    import torch

    torch.set_num_threads(count)


def all_workloads():
    """Name -> factory(dtype, batch)."""
    import workloads_conv
    import workloads_mlp
    import workloads_recurrent
    import workloads_tasks
    import workloads_teleport
    import workloads_transformer
    import workloads_whole_teleports

    networks = (workloads_mlp, workloads_conv, workloads_tasks, workloads_recurrent, workloads_transformer)
    modules = (*networks, workloads_teleport, workloads_whole_teleports)
    return {name: make for module in modules for name, make in module.WORKLOADS.items()}


def make_workload(name, dtype="float32", batch=None):
    """Build one workload, or say which there are."""
    import torch

    known = all_workloads()
    if name not in known:
        raise ValueError(f"expected a workload out of {', '.join(known)}; got {name}")
    return known[name](getattr(torch, dtype), batch)


def warm_up(workload):
    """A few untimed steps."""
    until = time.perf_counter() + WARM_UP_SECONDS
    for _ in range(WARM_UP_STEPS):
        workload.step()
        if time.perf_counter() > until:
            break


def measure(workload, seconds):
    """Steps from the start values for about `seconds`: their median time in microseconds, their number, a loss."""
    workload.reset()
    times, loss = [], None
    clock = time.perf_counter
    until = clock() + seconds
    while len(times) < MIN_STEPS or clock() < until:
        begin = clock()
        loss = workload.step()
        times.append(clock() - begin)
    last = loss.item()
    # JSON has no NaN.
    finite = last if math.isfinite(last) else None
    return {"us": round(statistics.median(times) * 1e6, 3), "steps": len(times), "loss": finite}


class Measurer:
    """Keeps built and warmed-up workloads by name."""

    def __init__(self, threads):
        self.threads, self.built = threads, {}

    def run(self, name, seconds):
        """One measurement as a JSON-able record."""
        if name not in self.built:
            self.built[name] = make_workload(name)
            warm_up(self.built[name])
        return {"workload": name, "threads": self.threads, **measure(self.built[name], seconds)}


def serve(measurer):
    """Answer one line for each line of stdin, until it ends."""
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            request = json.loads(line)
            answer = measurer.run(request["workload"], float(request.get("seconds", 0.5)))
        except (KeyError, TypeError, ValueError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def values(name, dtype, batch):
    """Numbers at the start, to check another implementation by."""
    for one in all_workloads() if name == "all" else [name]:
        print(json.dumps({"workload": one, **make_workload(one, dtype, batch).values()}), flush=True)


def describe(name):
    """One line a parameter."""
    for k, (label, value) in enumerate(make_workload(name).parameters):
        print(json.dumps({"k": k, "name": label, "shape": list(value.shape)}))


def blas_library():
    """Path of the BLAS library that this process has loaded; None where it cannot be told."""
    if not os.path.exists("/proc/self/maps"):
        return None
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "/" in line}
    found = sorted(path for path in paths if any(word in os.path.basename(path) for word in ("blas", "mkl", "blis")))
    return found[-1] if found else None


def environment(threads):
    """What stands behind the numbers."""
    import torch

    a = torch.rand(512, 512)
    a @ a
    times = []
    for _ in range(9):
        begin = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - begin)
    return {
        "torch": torch.__version__,
        "threads": threads,
        "blas": blas_library(),
        "matmulGflops": round(2 * 512**3 / statistics.median(times) / 1e9, 1),
        "ompWaitPolicy": os.environ.get("OMP_WAIT_POLICY"),
        "capability": torch.backends.cpu.get_cpu_capability(),
    }


def warn_of_blas(threads):
    """Say so on stderr when the loaded BLAS makes PyTorch a weak peer."""
    library = blas_library()
    if library is None:
        return
    if os.path.basename(os.path.realpath(library)).startswith("libblas.so"):
        print(f"warning: {library} is the reference BLAS; use libopenblas0-openmp to compare", file=sys.stderr)
    elif "openblas-pthread" in library and threads > 1:
        print(f"warning: {library} competes with OpenMP for the cores; use libopenblas0-openmp", file=sys.stderr)


def main():
    args = parse()
    set_threads(args.threads)
    try:
        run(args)
    except ValueError as error:
        sys.exit(str(error))


def run(args):
    """Do what the command line asks for."""
    if args.list:
        print("\n".join(all_workloads()))
    elif args.describe:
        describe(args.describe)
    elif args.environment:
        print(json.dumps(environment(args.threads)))
    elif args.values:
        values(args.workload or "all", args.dtype, args.batch)
    else:
        warn_of_blas(args.threads)
        measurer = Measurer(args.threads)
        if args.serve:
            serve(measurer)
        elif args.workload:
            for _ in range(args.repeats):
                print(json.dumps(measurer.run(args.workload, args.seconds)), flush=True)
        else:
            sys.exit("expected --list, --describe, --values, --environment, --serve or --workload NAME")


if __name__ == "__main__":
    main()
