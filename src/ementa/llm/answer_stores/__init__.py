"""Where answers of models are remembered: this process's memory, the database, or a Redis shared by several servers.

Start at `choice.py`. All pass one suite of behaviour, `testing/answer_stores.py`. What a store keeps ends by itself: at
its time, or when newer answers need the room.
"""
