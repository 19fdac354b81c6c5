"""How well Ementa reads without a model: field F1 and proof on generated documents. Start reading in `measure.py`."""
