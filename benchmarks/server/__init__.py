"""What the server costs beyond the work itself: start, idle memory, time between stages, memory per document."""
