"""E-mail: Internet messages and Outlook's, with what is attached to them read as further pages.

Start at `message.py`: the form both have here.
"""
