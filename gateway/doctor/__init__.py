"""The check-up of an installation: each check looks at one thing and says what it found, why it matters, the mend.

A check that fails becomes a finding with the error's own words and hides no other. Nothing is changed: mails of our
own are sent to ourselves, and removed again where that is certain to take nothing else along.
"""
