"""What can go wrong in the lab, each as one sentence with the cause and the way out."""

from __future__ import annotations


class LabError(Exception):
    """A scenario cannot be run, or did not go as it should; the text is the sentence to show."""


class NotAllowedError(LabError):
    """This machine does not let us make namespaces; the text tells why and what would help."""
