"""Quantity: folders in several processes, tables of pictures, and data sets on a cluster."""

from fer_toolkit.batch.datasets import recognize_dataset
from fer_toolkit.batch.folders import FolderProgress, FolderSummary, recognize_folder
from fer_toolkit.batch.tables import recognize_table, table_schema

__all__ = [
    "FolderProgress",
    "FolderSummary",
    "recognize_dataset",
    "recognize_folder",
    "recognize_table",
    "table_schema",
]
