"""Networks as compiled C++ programs (Brian2's C++ standalone mode).

`build_programs` generates and compiles; a `Program` is then run as often as asked, with other
numbers, samples and orders, without compiling again.  What a program is, says its `ProgramSpec`:
of circuits, nothing is known here.  Nothing here but `generate` imports brian2, and that runs in a
process of its own: a build touches no state of the Brian2 session it is called from, and several
builds run side by side.
"""

from synfire_bp.program.build import build_programs
from synfire_bp.program.program import Program, ProgramResult, SampleFiles
from synfire_bp.program.spec import ProgramNetwork, ProgramSpec, Result

__all__ = [
    "Program",
    "ProgramNetwork",
    "ProgramResult",
    "ProgramSpec",
    "Result",
    "SampleFiles",
    "build_programs",
]
