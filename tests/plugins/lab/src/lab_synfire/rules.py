"""A learning rule with traces: pairs of spikes in neighbouring phases count besides."""

import synfire_bp as sb

sb.rule(
    "lab_pairs",
    "dw = 4*r1*x0*y0 - 2*x0*y0 + 2^-4*x1*y0 - 2^-4*x0*y1",
    traces={"x1": sb.Trace(impulse=32, tau=4), "y1": sb.Trace(impulse=32, tau=4)},
)
