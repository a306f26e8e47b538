"""Speed and memory, measured in one run beside a bare handler; never in a timed test."""
