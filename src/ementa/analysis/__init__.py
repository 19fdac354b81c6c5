"""The main job: a document, a prompt and the form of the answer in; JSON with the proof of every value out.

Start at `types.py` (candidates and proof), then `service.py` (what a user can ask), then `jobs.py` (the three stages).
`readers/` propose values, `selection/` lets a model choose among them, `proof.py` marks what stands behind each leaf.
"""
