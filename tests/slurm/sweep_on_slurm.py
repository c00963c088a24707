"""A sweep whose workers are jobs of Slurm: python sweep_on_slurm.py SWEEP OUT

Run it where `sbatch` works, in a session that lasts as long as the sweep.  Adapt the cluster to
yours: queue, account, cores and memory of a job, walltime, and what a job has to load first.
"""

import sys

from dask_jobqueue import SLURMCluster

from synfire_bp.sweep import Sweep, run_sweep

if __name__ == "__main__":
    file, out = sys.argv[1:]
    cluster = SLURMCluster(
        cores=1,  # of a job; with 16 of them, processes=16: every worker has one thread
        processes=1,
        memory="1GB",
        walltime="01:00:00",
        job_script_prologue=["export OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1"],
    )
    with cluster:
        cluster.adapt(minimum_jobs=2, maximum_jobs=2)  # a job that ends is submitted again
        address = cluster.scheduler_address
        result = run_sweep(Sweep.from_file(file), out, scheduler=address, quiet=False)
    print(f"{result.planned} runs, {result.failed} failed")
    sys.exit(not result.complete)
