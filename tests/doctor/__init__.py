"""Tests of the check-up: each check with what passes and what fails, then the trial through servers that misbehave."""
