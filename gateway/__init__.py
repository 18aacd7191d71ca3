"""The gateway of the 2016 French-Algerian care protocol: sealed mail, evidence, the four-working-day clock."""
