"""Figures of the paper, drawn from run directories: ``python -m analysis [NAME ...]``.

One module per figure.  Each says which run it needs, turns the run into the numbers that it draws
(`numbers`), and draws nothing but these (`draw`); see `analysis.figures.FigureModule`.
"""
