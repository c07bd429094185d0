"""A detector and a classifier for fer-toolkit, as an example of a plug-in."""
