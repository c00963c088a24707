"""The update of a learning synapse at the end of a learning epoch, as Brian2 code.

The functions that the code uses are in `synfire_bp.loihi.engine.arithmetic`.
"""

from __future__ import annotations

from synfire_bp.loihi.engine.engine import LearningEngine
from synfire_bp.loihi.formats import weight_range, weight_step
from synfire_bp.loihi.spec import SignMode

__all__ = ["learning_code", "once", "shared_flags"]


def once(acts: str | None, variable: str, new: str) -> str:
    """Return a statement that assigns a new value where a flag is set; without a flag, always."""
    if acts is None:
        return f"{variable} = {new}"
    return f"{variable} += int({acts}) * ({new} - {variable})"


def shared_flags(engine: LearningEngine) -> str:
    """Return equations of the flags that depend only on the step."""
    periods = {f.period for r in engine.rules.values() for p in r.products for f in p.factors}
    model = ""
    if engine.epoch > 1:
        model += f"acts = (t_in_timesteps + 1) % {engine.epoch} == 0 : boolean (shared)\n"
    for k in sorted(period for period in periods if period is not None):
        steps = engine.epoch * 2**k
        model += f"u{k} = int((t_in_timesteps + 1) % {steps} == 0) : integer (shared)\n"
    return model


def learning_code(engine: LearningEngine, sign_mode: SignMode, *, by_events: bool) -> str:
    """Return the update of a synapse at the end of a learning epoch."""
    spec, rules = engine.spec, engine.rules
    names = {"t": "tag"} | ({"x0": "1"} if by_events else {})
    acts = None if engine.epoch == 1 else "acts"
    if by_events and all(rule.always("y0") for rule in rules.values()):
        acts = "y0"

    def change(target: str) -> str:
        arguments = (names.get(name, name) for name in rules[target].variables)
        return f"rule_{target}({', '.join(arguments)})"

    lines, changes = [], {target: change(target) for target in rules}
    if len(rules) > 1:  # no rule sees a change made by another rule
        lines = [f"change_{target} = {code}" for target, code in changes.items()]
        changes = {target: f"change_{target}" for target in rules}
    if "dw" in rules:
        low, high = weight_range(spec, sign_mode)
        steps = changes["dw"]
        if rules["dw"].grain % weight_step(spec, sign_mode):
            steps = f"in_steps({steps}, rand())"
        lines.append(once(acts, "w", f"added(w, {steps}, {low}, {high})"))
        lines.append(once(acts, "weight", "effective(w)"))
    if "dt" in rules:
        most = 2**spec.tag_bits - 1
        lines.append(once(acts, "tag", f"added(tag, {changes['dt']}, {-most}, {most})"))
    if "dd" in rules:
        lines.append(once(acts, "d", f"added(d, {changes['dd']}, 0, {spec.longest_delay})"))
    return "\n".join(lines)
