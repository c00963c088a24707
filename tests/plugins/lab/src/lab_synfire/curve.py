"""A figure: how well runs on stripes learn."""

import synfire_bp as sb


def numbers(runs):
    """Return the test accuracy of each run, in percent."""
    import pandas as pd

    tables = []
    for file in sorted(runs.glob("*/experiment.yaml")):
        run = sb.Run.open(file.parent)
        tests = run.metrics[run.metrics.split == "test"]
        tables.append(tests.assign(run=file.parent.name)[["run", "epoch", "accuracy_spikes"]])
    if not tables:
        raise sb.errors.RunDirectoryError(
            f"{runs}: no run; make one with: synfire-bp train model.yaml --out {runs}/one"
        )
    return pd.concat(tables)


@sb.figure(
    "lab_curve",
    title="Stripes",
    caption="Test accuracy by spikes of every run, by epoch.",
    numbers=numbers,
    group="lab",
)
def draw(table):
    """Draw one line a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.5, 2.5), layout="constrained")
    axes = figure.subplots()
    for name, of_run in table.groupby("run"):
        axes.plot(of_run.epoch, 100 * of_run.accuracy_spikes, "o-", label=name)
    axes.set(xlabel="epoch", ylabel="test accuracy (%)")
    axes.legend()
    return figure
